// The plugin's end of the link to the engine: see plugin_bridge/PROTOCOL.md. One Link per plugin instance.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "link_layout.hpp"
#include "link_os.hpp"

namespace mixdiagnose {

class Link {
 public:
  Link() = default;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link() { close(); }

  // Main thread, never while push() runs: creates the shared file, or, where one is open that is large enough, lets the
  // change of rate or channels travel with the audio. False where there is no room or no safe folder: fault() says why.
  bool open(double sample_rate, uint32_t channels, const char* label = "") {
    if (!(sample_rate >= 1.0 && sample_rate <= 1e7) || channels < 1) return fail("the host gave no sample rate");
    channels = std::min(channels, kMaxChannels);
    const uint64_t frames = ring_frames(sample_rate);
    rate_ = sample_rate;
    if (header_ && frames <= frames_ && channels <= planes_) return true;
    close();
    if (!create_shared(file_, file_bytes(frames, channels), fault_)) return false;
    header_ = reinterpret_cast<Header*>(file_.memory);
    fill_header(frames, channels, label);
    start_producer();
    return true;
  }

  // Main thread, never while push() runs: tells the engine, and removes the file.
  void close() {
    if (header_) header_->closed.store(1, std::memory_order_release);
    header_ = nullptr;
    destroy_shared(file_);
  }

  bool is_open() const noexcept { return header_ != nullptr; }
  const std::string& path() const { return file_.path; }
  const std::string& fault() const { return fault_; }
  void* memory() const noexcept { return header_; }

  // Audio thread: wait-free, no system call. What does not fit is counted, and a record of the gap travels with the
  // audio that follows it. Channels beyond the second are not sent.
  void push(const float* const* audio, uint32_t channels, uint32_t frames, const Transport& given) noexcept {
    if (!header_ || channels < 1) return;
    channels = std::min(channels, planes_);
    Transport now = given;
    if (!std::isfinite(now.position_s)) now.position_s = 0.0;
    if (!std::isfinite(now.bpm)) now.bpm = 0.0;
    // Indices the engine owns are believed only as far as they make sense: an impossible one means no room.
    const uint64_t waiting = written_ - header_->read_frames.load(std::memory_order_acquire);
    const uint64_t room = waiting <= frames_ ? frames_ - waiting : 0;
    const uint64_t unread = recorded_ - header_->read_records.load(std::memory_order_acquire);
    // The record read last stays in its place: an engine that takes over starts from it.
    const uint64_t lines = unread < kRecords ? kRecords - 1 - unread : 0;
    const uint32_t changed = changes(now, channels, lines > kRecords / 2);
    if (frames > room || (changed && lines == 0)) {
      gap_ += frames;
      lost_ += frames;
      header_->lost_frames.store(lost_, std::memory_order_release);
      return;
    }
    if (changed) write_record(now, channels, changed);
    if (frames) write_audio(audio, channels, frames);
  }

  // Any thread, wait-free: the newest consistent copy; false where there is none yet.
  bool results(Results& out) const noexcept {
    return copy_newest(out);
  }

  // Any thread but the audio thread, as it copies some 13 kB: all that the window shows.
  bool view(View& out) const noexcept {
    return copy_newest(out);
  }

  // Any thread: how often results have been published; unchanged means that nothing is new.
  uint64_t published() const noexcept { return header_ ? header_->published.load(std::memory_order_acquire) : 0; }

  // Any thread: whether the engine has given a sign of life in the last 2 s. The clock is read without a system call
  // where the system maps it into processes (Linux on x86-64 and arm64 do).
  bool engine_alive() const noexcept {
    if (!header_) return false;
    const uint64_t beat = header_->heartbeat_ns.load(std::memory_order_acquire);
    const uint64_t now = monotonic_ns();
    return beat != 0 && (now < beat || now - beat < kAliveNs);
  }

  // Main thread: requests to the engine. A genre is chosen by its name; "" leaves it to the engine.
  void request_reset() noexcept { request(&Header::reset); }
  void request_report() noexcept { request(&Header::report); }
  void choose_genre(const char* name) noexcept {
    if (!header_) return;
    char text[32] = {};
    std::strncpy(text, name, sizeof text - 1);
    const uint64_t sequence = header_->genre_sequence.load(std::memory_order_relaxed);
    header_->genre_sequence.store(sequence + 1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    for (int i = 0; i < 4; ++i) {
      uint64_t word;
      std::memcpy(&word, text + 8 * i, 8);
      header_->genre[i].store(word, std::memory_order_relaxed);
    }
    header_->genre_sequence.store(sequence + 2, std::memory_order_release);
  }

 private:
  bool fail(const char* why) {
    fault_ = why;
    return false;
  }

  void fill_header(uint64_t frames, uint32_t channels, const char* label) {
    Header& h = *header_;
    h.version = kVersion;
    h.header_bytes = kHeaderBytes;
    h.file_bytes = file_bytes(frames, channels);
    h.pid = file_.pid;
    h.process_start = file_.process_start;
    h.uid = file_.uid;
    h.channels = channels;
    h.audio_offset = kAudioOffset;
    h.audio_frames = frames;
    h.records_offset = kRecordsOffset;
    h.record_count = kRecords;
    h.record_bytes = sizeof(Record);
    h.slot_bytes = kSlotBytes;
    h.results_offset = kResultsOffset;
    h.view_bytes = sizeof(View);
    std::strncpy(h.label, label, sizeof h.label - 1);
    h.magic.store(kMagic, std::memory_order_release);
  }

  void start_producer() {
    frames_ = header_->audio_frames;
    planes_ = header_->channels;
    written_ = recorded_ = lost_ = gap_ = 0;
    sent_ = Record{};
  }

  // What has changed since the last record, as bits of Changed. A tempo that moves alone may wait while the engine is
  // behind, so that a tempo ramp does not fill the ring of records.
  uint32_t changes(const Transport& now, uint32_t channels, bool roomy) const noexcept {
    uint32_t changed = gap_ ? uint32_t(kGap) : 0;
    if (sent_.sample_rate != rate_ || sent_.channels != channels) changed |= kFormat;
    const bool moving = sent_.flags & kPlaying;
    const double since = moving ? double(written_ - sent_.at_frame) / sent_.sample_rate : 0.0;
    if (flags(now) != sent_.flags || std::abs(sent_.position_s + since - now.position_s) > kJumpSeconds ||
        (roomy && now.bpm != sent_.bpm))
      changed |= kTransport;
    return changed;
  }

  static uint32_t flags(const Transport& t) noexcept {
    return (t.playing ? uint32_t(kPlaying) : 0) | (t.looping ? uint32_t(kLooping) : 0);
  }

  void write_record(const Transport& now, uint32_t channels, uint32_t changed) noexcept {
    sent_ = Record{written_, gap_, rate_, now.position_s, now.bpm, changed, flags(now), channels, 0, 0};
    auto* records = reinterpret_cast<Record*>(file_.memory + kRecordsOffset);
    records[recorded_ & (kRecords - 1)] = sent_;
    gap_ = 0;
    header_->write_records.store(++recorded_, std::memory_order_release);
  }

  void write_audio(const float* const* audio, uint32_t channels, uint32_t frames) noexcept {
    const uint64_t start = written_ & (frames_ - 1);
    const uint64_t first = std::min<uint64_t>(frames, frames_ - start);
    for (uint32_t c = 0; c < channels; ++c) {
      auto* plane = reinterpret_cast<float*>(file_.memory + kAudioOffset) + c * frames_;
      std::memcpy(plane + start, audio[c], first * sizeof(float));
      if (frames > first) std::memcpy(plane, audio[c] + first, (frames - first) * sizeof(float));
    }
    written_ += frames;
    header_->write_frames.store(written_, std::memory_order_release);
  }

  void request(Word Header::* count) noexcept {
    if (header_) (header_->*count).fetch_add(1, std::memory_order_acq_rel);
  }

  // Two slots take turns, so the newest whole one stands even where the engine dies while it writes the other. A copy
  // is torn only if it takes longer than the engine's whole next turn, and then it is made again.
  template <class T>
  bool copy_newest(T& out) const noexcept {
    if (!header_ || header_->engine_layout.load(std::memory_order_acquire) != kEngineLayout) return false;
    T copy;  // `out` keeps what it had where no whole copy can be made
    for (int attempt = 0; attempt < 16; ++attempt) {
      const uint64_t newest = header_->published.load(std::memory_order_acquire);
      if (newest == 0) return false;
      const auto* slot = reinterpret_cast<const Slot*>(file_.memory + kResultsOffset + (newest & 1) * kSlotBytes);
      const uint64_t before = slot->sequence.load(std::memory_order_acquire);
      if (before & 1) continue;
      auto* to = reinterpret_cast<unsigned char*>(&copy);
      for (size_t i = 0; i < sizeof copy / 8; ++i) {
        const uint64_t word = slot->words[i].load(std::memory_order_relaxed);
        std::memcpy(to + 8 * i, &word, 8);
      }
      std::atomic_thread_fence(std::memory_order_acquire);
      if (slot->sequence.load(std::memory_order_relaxed) != before) continue;
      mend(copy);
      out = copy;
      return true;
    }
    return false;
  }

  // Nothing from another process is believed: a band that could harm is off, a text ends, a count is in bounds.
  static void mend(Results& r) noexcept {
    r.band_count = std::min(r.band_count, kBands);
    for (Band& b : r.bands) {
      const bool sane = b.kind < kKinds && b.frequency_hz >= 5.0f && b.frequency_hz <= 96000.0f &&
                        std::abs(b.gain_db) <= 24.0f && b.q >= 0.05f && b.q <= 100.0f;
      if (!sane) b = Band{kBell, 0, 1000.0f, 0.0f, 1.0f};
    }
  }

  template <size_t N>
  static void end(char (&text)[N]) noexcept {
    text[N - 1] = 0;
  }

  static void mend(View& v) noexcept {
    mend(v.results);
    v.history_count = std::min(v.history_count, View::kHistory);
    v.spectrum_count = std::min(v.spectrum_count, View::kSpectrum);
    v.region_count = std::min(v.region_count, View::kRegions);
    v.line_count = std::min(v.line_count, View::kLines);
    v.genre_count = std::min(v.genre_count, View::kGenres);
    for (Region& r : v.regions) end(r.name);
    for (Line& l : v.lines) {
      end(l.id);
      end(l.text);
      l.status = std::min<uint32_t>(l.status, kStatuses - 1);
    }
    for (auto& name : v.genres) end(name);
    end(v.genre);
    end(v.headline);
    end(v.report_path);
  }

  static constexpr double kJumpSeconds = 1e-3;

  SharedFile file_;
  std::string fault_;
  Header* header_ = nullptr;
  uint64_t frames_ = 0;  // of the ring, a power of two
  uint32_t planes_ = 0;
  double rate_ = 0.0;
  // The audio thread's own: what has been written, and the last record.
  uint64_t written_ = 0, recorded_ = 0, lost_ = 0, gap_ = 0;
  Record sent_{};
};

}  // namespace mixdiagnose
