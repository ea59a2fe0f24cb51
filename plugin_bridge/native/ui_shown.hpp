// What the window shows, without window, host or engine: everything that is drawn is drawn from this.
#pragma once

#include <cmath>
#include <cstring>

#include "design.hpp"
#include "eq.hpp"
#include "link_layout.hpp"
#include "parameters.hpp"
#include "ui_layout.hpp"

namespace mixdiagnose::ui {

// How it stands with the engine.
enum Engine { kNoLink, kOffline, kWaiting, kOtherVersion, kLive };

// Levels that a plot shows, dB.
struct Range {
  double top = 0.0, span = 0.0;
};

struct Shown {
  Engine engine = kOffline;
  mixdiagnose::View view{};         // of the engine; empty unless it is live
  float values[kParameters];        // of the plugin's parameters
  double sample_rate = 48000.0;     // Hz
  char chosen_genre[32] = "";       // by the user; "" for the profile's own
  bool measuring = false;           // a pass is going on
  bool report_wanted = false;       // asked for, and not there yet
  char notice[96] = "";             // something that went wrong, in one line
  Range spectrum;                   // shown last
  // What is being operated.
  int focus = -1, over = -1, pressed = -1;  // Control, or -1
  bool menu_open = false;
  int menu_at = 0, menu_first = 0, first_line = 0;

  Shown() {
    for (uint32_t i = 0; i < kParameters; ++i) values[i] = standard(i);
    forget();
  }

  // No reading is better than an old one.
  void forget() {
    view = mixdiagnose::View{};
    view.results.momentary_lufs = view.results.short_term_lufs = view.results.integrated_lufs = NAN;
    view.results.true_peak_dbtp = view.results.correlation = NAN;
    view.loudness_range_lu = view.max_momentary_lufs = view.max_short_term_lufs = view.plr_db = NAN;
  }

  bool on(uint32_t index) const { return values[index] > 0.5f; }
  double amount() const { return std::clamp(values[kAmount] / 100.0, 0.0, 1.0); }
  bool bypassed() const { return on(kBypass); }
  bool any_band() const {
    for (uint32_t i = 0; i < kBands; ++i)
      if (on(band_parameter(i, kBandOn))) return true;
    return false;
  }
  bool sounds() const { return on(kCorrection) && !bypassed() && amount() > 0.0 && any_band(); }
  int suggestions() const {
    int count = 0;
    for (uint32_t i = 0; i < view.results.band_count; ++i) count += view.results.bands[i].on != 0;
    return count;
  }
  int genres() const { return int(view.genre_count) + 1; }
};

inline bool tolerated(const mixdiagnose::View& v, uint32_t i) {
  return std::isfinite(v.tolerance_low_db[i]) && std::isfinite(v.tolerance_high_db[i]) && v.spectrum_hz[i] > 1.0f;
}

// What of the levels to show. What was shown before stays, as long as the spectrum is in it and fills most of it: an
// axis that moves all the time cannot be read.
inline Range spectrum_range(const mixdiagnose::View& v, const Range& before) {
  double most = -1000.0, least = 1000.0;
  for (uint32_t i = 0; i < v.spectrum_count; ++i) {
    if (!std::isfinite(v.spectrum_db[i]) || !(v.spectrum_hz[i] >= 20.0f && v.spectrum_hz[i] <= 20000.0f)) continue;
    const double level = v.spectrum_db[i];
    most = std::max(most, tolerated(v, i) ? std::max(level, double(v.tolerance_high_db[i])) : level);
    least = std::min(least, tolerated(v, i) ? std::min(level, double(v.tolerance_low_db[i])) : level);
  }
  if (most < least) return {0.0, 60.0};
  const double bottom = before.top - before.span;
  const bool below = before.span >= 59.0 || (least > bottom && least < bottom + 26.0);
  if (before.span > 0.0 && most < before.top - 1.0 && most > before.top - 17.0 && below) return before;
  const double top = std::clamp(6.0 * std::ceil((most + 3.0) / 6.0), -90.0, 30.0);
  return {top, std::clamp(12.0 * std::ceil((top - least + 3.0) / 12.0), 36.0, 60.0)};
}

// A band of the plugin as its parameters have it.
inline Setting setting(const Shown& s, uint32_t band) {
  Setting made;
  made.kind = static_cast<uint32_t>(std::lround(s.values[band_parameter(band, kBandKind)]));
  made.frequency_hz = s.values[band_parameter(band, kBandFrequency)];
  made.gain_db = s.values[band_parameter(band, kBandGain)];
  made.q = s.values[band_parameter(band, kBandQ)];
  return made;
}

inline Setting setting(const mixdiagnose::Band& b) { return {b.kind, b.frequency_hz, b.gain_db, b.q}; }

// Filters in a row, for their response.
struct Response {
  Section sections[kBands];
  int count = 0;
  double rate = 48000.0, trim_db = 0.0;

  double at(double hz) const {
    double power = 1.0;
    const double w = 2.0 * design::kPi * std::min(hz, 0.5 * rate) / rate;
    const double c1 = std::cos(w), c2 = std::cos(2.0 * w), s1 = std::sin(w), s2 = std::sin(2.0 * w);
    for (int i = 0; i < count; ++i) {
      const Section& s = sections[i];
      const double nr = s.b0 + s.b1 * c1 + s.b2 * c2, ni = s.b1 * s1 + s.b2 * s2;
      const double dr = 1.0 + s.a1 * c1 + s.a2 * c2, di = s.a1 * s1 + s.a2 * s2;
      power *= (nr * nr + ni * ni) / (dr * dr + di * di);
    }
    return 10.0 * std::log10(std::max(power, 1e-12)) + trim_db;
  }
};

// At an amount from 0 to 1, as the equalizer takes it.
inline void add(Response& to, Setting band, double amount) {
  const bool levels = band.kind <= kHighShelf;
  band.gain_db = levels ? band.gain_db * amount : 0.0;
  if (levels ? amount <= 0.0 : amount < kWholeFrom) return;
  if (to.count < int(kBands) && changes(band, to.rate)) to.sections[to.count++] = section(band, to.rate);
}

// Of the bands that are on, whether or not the correction is.
inline Response own_response(const Shown& s) {
  Response made;
  made.rate = s.sample_rate;
  made.trim_db = s.amount() * s.values[kTrim];
  for (uint32_t i = 0; i < kBands; ++i)
    if (s.on(band_parameter(i, kBandOn))) add(made, setting(s, i), s.amount());
  return made;
}

inline Response suggested_response(const Shown& s) {
  Response made;
  made.rate = s.sample_rate;
  for (uint32_t i = 0; i < s.view.results.band_count; ++i)
    if (s.view.results.bands[i].on) add(made, setting(s.view.results.bands[i]), s.amount());
  return made;
}

}  // namespace mixdiagnose::ui
