// A Link for Python's ctypes: the plugin's end in the process of the tests.
#include "link.hpp"

using namespace mixdiagnose;

extern "C" {
void* link_new() { return new Link; }
void link_delete(Link* link) { delete link; }
int link_open(Link* link, double rate, uint32_t channels, const char* label) { return link->open(rate, channels, label); }
void link_close(Link* link) { link->close(); }
const char* link_path(Link* link) { return link->path().c_str(); }
const char* link_fault(Link* link) { return link->fault().c_str(); }
void link_push(Link* link, const float* audio, uint32_t channels, uint32_t frames, int playing, int looping,
               double position_s, double bpm) {
  const float* planes[16];
  for (uint32_t c = 0; c < channels && c < 16; ++c) planes[c] = audio + size_t(c) * frames;
  link->push(planes, channels, frames, Transport{playing != 0, looping != 0, position_s, bpm});
}
int link_results(Link* link, Results* out) { return link->results(*out); }
int link_view(Link* link, View* out) { return link->view(*out); }
int link_alive(Link* link) { return link->engine_alive(); }
void link_reset(Link* link) { link->request_reset(); }
void link_report(Link* link) { link->request_report(); }
void link_genre(Link* link, const char* name) { link->choose_genre(name); }

// Whole views until one is of two publications (1) or `looks` were whole (0); 2 if no new one came.
int link_watch(Link* link, uint64_t looks) {
  View v;
  uint64_t last = 0;
  const uint64_t start = monotonic_ns();
  for (uint64_t seen = 0; seen < looks;) {
    if (monotonic_ns() - start > 60'000'000'000) return 2;
    if (link->published() == last || !link->view(v)) continue;
    last = v.results.stamp;
    ++seen;
    for (float f : v.momentary_lufs)
      if (f != float(v.results.momentary_lufs)) return 1;
    if (std::strtod(v.headline, nullptr) != v.results.momentary_lufs) return 1;
  }
  return 0;
}
}
