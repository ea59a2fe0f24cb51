// Plays raw float32 audio through links, as hosts do: lines on stdin say what, a line on stdout answers each.
//   open K RATE CHANNELS LABEL | play K FILE START FRAMES BLOCK SPEED POSITION PLAYING LOOPING | read K | reset K
//   genre K NAME | report K | close K
// FILE holds interleaved samples; SPEED is in times real time, 0 for as fast as there is room in the link.
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <thread>
#include <vector>

#include "link.hpp"

using mixdiagnose::Link;

struct Host {
  Link link;
  double rate = 0;
  uint32_t channels = 0;
};

static std::map<int, std::unique_ptr<Host>> hosts;

static std::string play(Host& host, std::istringstream& in) {
  std::string file;
  long start, frames;
  int block, playing, looping;
  double speed, position;
  in >> file >> start >> frames >> block >> speed >> position >> playing >> looping;
  std::vector<float> all(static_cast<size_t>(frames) * host.channels);
  std::ifstream source(file, std::ios::binary);
  source.seekg(start * host.channels * 4L);
  source.read(reinterpret_cast<char*>(all.data()), static_cast<std::streamsize>(all.size() * 4));
  if (!source) return "error: short file";
  std::vector<std::vector<float>> planes(host.channels, std::vector<float>(block));
  const auto began = std::chrono::steady_clock::now();
  for (long at = 0; at < frames; at += block) {
    const auto count = static_cast<uint32_t>(std::min<long>(block, frames - at));
    const float* audio[2] = {};
    for (uint32_t c = 0; c < host.channels; ++c) {
      for (uint32_t i = 0; i < count; ++i) planes[c][i] = all[(at + i) * host.channels + c];
      audio[c] = planes[c].data();
    }
    if (speed > 0)
      std::this_thread::sleep_until(began + std::chrono::duration<double>((at + count) / (host.rate * speed)));
    host.link.push(audio, host.channels, count,
                   {playing != 0, looping != 0, position + (playing ? at / host.rate : 0.0), 120.0});
  }
  return "played";
}

static std::string obey(const std::string& line) {
  std::istringstream in(line);
  std::string what, text;
  int k;
  in >> what >> k;
  if (what == "open") {
    auto host = std::make_unique<Host>();
    in >> host->rate >> host->channels >> text;
    if (!host->link.open(host->rate, host->channels, text.c_str())) return "error: " + host->link.fault();
    hosts[k] = std::move(host);
    return hosts[k]->link.path();
  }
  if (!hosts.count(k)) return "error: no such host";
  Host& host = *hosts[k];
  if (what == "play") return play(host, in);
  if (what == "rate") {
    in >> host.rate;
    return host.link.open(host.rate, host.channels, "") ? "opened" : "error: " + host.link.fault();
  }
  if (what == "read") {
    mixdiagnose::Results r{};
    char out[256];
    const bool any = host.link.results(r);
    std::snprintf(out, sizeof out, "%d %d %.9g %.9g %.9g %u %u", any, host.link.engine_alive(), r.integrated_lufs,
                  r.true_peak_dbtp, double(r.readiness), r.incomplete, r.band_count);
    return out;
  }
  if (what == "reset") host.link.request_reset();
  if (what == "report") host.link.request_report();
  if (what == "genre") host.link.choose_genre((in >> text, text.c_str()));
  if (what == "close") hosts.erase(k);
  return "done";
}

int main() {
  for (std::string line; std::getline(std::cin, line);) std::cout << obey(line) << std::endl;
}
