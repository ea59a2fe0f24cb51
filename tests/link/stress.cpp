// One plugin, one engine, readers of the results, all at once: stress PUBLICATIONS. Prints what went wrong.
#include <thread>

#include "engine.hpp"

using namespace mixdiagnose;

static std::atomic<int> faults{0};

static void check(bool right, const char* what) {
  if (!right && faults.fetch_add(1) < 10) std::fprintf(stderr, "wrong: %s\n", what);
}

// A view whose every reading is the same number, so that a mixture of two shows.
static View view_of(uint64_t count) {
  View v{};
  const double x = double(count);
  v.results.momentary_lufs = v.results.short_term_lufs = v.results.integrated_lufs = x;
  v.results.true_peak_dbtp = v.results.correlation = v.measured_s = v.plr_db = x;
  for (float& f : v.momentary_lufs) f = float(x);
  for (float& f : v.tolerance_high_db) f = float(x);
  std::snprintf(v.report_path, sizeof v.report_path, "%llu", static_cast<unsigned long long>(count));
  v.results.stamp = count;
  return v;
}

static void check_results(const Results& r, uint64_t& last) {
  const double x = double(r.stamp);
  check(r.momentary_lufs == x && r.short_term_lufs == x && r.integrated_lufs == x && r.true_peak_dbtp == x &&
            r.correlation == x,
        "results of two publications");
  check(r.stamp >= last, "older results after newer ones");
  last = r.stamp;
}

static void look(const Link& link, const std::atomic<bool>& done) {
  uint64_t last = 0, seen = 0;
  View v;
  Results r;
  while (!done.load()) {
    if (link.results(r)) check_results(r, last);
    if (!link.view(v)) continue;
    check_results(v.results, last);
    const double x = double(v.results.stamp);
    bool same = v.measured_s == x && v.plr_db == x && std::strtoull(v.report_path, nullptr, 10) == v.results.stamp;
    for (float f : v.momentary_lufs) same = same && f == float(x);
    for (float f : v.tolerance_high_db) same = same && f == float(x);
    check(same, "a view of two publications");
    ++seen;
  }
  check(seen > 0, "a reader that read nothing");
}

int main(int count, char** arguments) {
  const uint64_t publications = count > 1 ? std::strtoull(arguments[1], nullptr, 10) : 1000;
  Link link;
  if (!link.open(1000.0, 2)) return std::fprintf(stderr, "%s\n", link.fault().c_str()), 2;
  engine::Reader reader(link.memory());
  const auto* header = static_cast<const Header*>(link.memory());
  std::atomic<bool> done{false}, silent{false};
  uint64_t pushed = 0, read = 0, lost = 0;

  std::thread plugin([&] {
    std::vector<float> left(4096), right(4096);
    const float* audio[2] = {left.data(), right.data()};
    uint32_t random = 1;
    while (!done.load()) {
      random = random * 1664525u + 1013904223u;
      const uint32_t frames = random >> 20;
      // Mostly what fits, now and then more than that.
      while (!done.load() && (random >> 4) % 64 != 0 &&
             pushed - header->lost_frames.load() - header->read_frames.load() > header->audio_frames - 4096)
        std::this_thread::yield();
      for (uint32_t i = 0; i < frames; ++i) {
        left[i] = float((pushed + i) & 0xffffff);
        right[i] = -left[i];
      }
      const bool loops = (random >> 8) % 8 == 0;
      link.push(audio, 2, frames, Transport{true, loops, double(pushed) / 1000.0, 120.0});
      pushed += frames;
      link.request_reset();
    }
  });
  std::thread meters([&] {
    std::vector<float> audio;
    uint64_t missing = 0;
    for (bool last = false;;) {
      const uint64_t frames = reader.read(audio, 3000, missing);
      lost += missing;
      for (uint64_t i = 0; i < frames; ++i) {
        const float expected = float((read + lost + i) & 0xffffff);
        check(audio[i] == expected && audio[frames + i] == -expected, "audio that was not pushed");
      }
      read += frames;
      if (frames == 0 && last) break;
      if (frames == 0 && silent.load()) last = true;
    }
  });
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) readers.emplace_back([&] { look(link, done); });
  View probe;
  for (uint64_t i = 1; i <= publications || !link.view(probe); ++i) reader.publish(view_of(i));
  while (header->write_frames.load() < 4 * header->audio_frames) std::this_thread::yield();
  done.store(true);
  plugin.join();
  silent.store(true);
  meters.join();
  for (auto& r : readers) r.join();
  check(read + header->lost_frames.load() == pushed, "frames that are neither read nor counted");
  check(header->reset.load() > 0 && link.engine_alive(), "a request or a heartbeat that did not arrive");
  std::printf("pushed %llu read %llu lost %llu\n", static_cast<unsigned long long>(pushed),
              static_cast<unsigned long long>(read), static_cast<unsigned long long>(header->lost_frames.load()));
  return faults.load() != 0;
}
