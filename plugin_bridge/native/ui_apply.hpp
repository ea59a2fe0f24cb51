// What the apply button does to the parameters.
#pragma once

#include "ui_shown.hpp"

namespace mixdiagnose::ui {

// Suggestions are about what leaves the plugin. Where a correction sounds they come on top of it, into bands that are
// off; else they take the place of all bands.
enum Applying { kNothing, kPutIn, kAddTo, kNoRoom, kApplied };

inline bool has_band(const Shown& s, const mixdiagnose::Band& b) {
  for (uint32_t i = 0; i < kBands; ++i) {
    const Setting own = setting(s, i);
    const double apart = own.frequency_hz / b.frequency_hz;
    if (s.on(band_parameter(i, kBandOn)) && own.kind == b.kind && apart > 0.99 && apart < 1.01 &&
        std::fabs(own.gain_db - b.gain_db) < 0.1)
      return true;
  }
  return false;
}

inline Applying applying(const Shown& s) {
  const mixdiagnose::Results& r = s.view.results;
  if (s.engine != kLive || s.suggestions() == 0) return kNothing;
  if (!s.sounds()) return kPutIn;
  uint32_t taken = 0;
  bool all = true;
  for (uint32_t i = 0; i < kBands; ++i) taken += s.on(band_parameter(i, kBandOn));
  for (uint32_t i = 0; i < r.band_count; ++i) all = all && (!r.bands[i].on || has_band(s, r.bands[i]));
  if (all) return kApplied;
  return taken + uint32_t(s.suggestions()) <= kBands ? kAddTo : kNoRoom;
}

// Calls put(index, value) for every parameter that changes.
template <class Put>
inline void apply(const Shown& s, Put put) {
  const Applying how = applying(s);
  if (how != kPutIn && how != kAddTo) return;
  const mixdiagnose::Results& r = s.view.results;
  uint32_t next = 0;
  for (uint32_t i = 0; i < r.band_count; ++i) {
    if (!r.bands[i].on) continue;
    while (how == kAddTo && next < kBands && s.on(band_parameter(next, kBandOn))) ++next;
    if (next == kBands) return;
    const mixdiagnose::Band& b = r.bands[i];
    put(band_parameter(next, kBandKind), static_cast<float>(b.kind));
    put(band_parameter(next, kBandFrequency), within(band_parameter(next, kBandFrequency), b.frequency_hz));
    put(band_parameter(next, kBandGain), within(band_parameter(next, kBandGain), b.gain_db));
    put(band_parameter(next, kBandQ), within(band_parameter(next, kBandQ), b.q));
    put(band_parameter(next, kBandOn), 1.0f);
    ++next;
  }
  if (how == kPutIn)
    for (; next < kBands; ++next)
      if (s.on(band_parameter(next, kBandOn))) put(band_parameter(next, kBandOn), 0.0f);
  if (!s.on(kCorrection)) put(kCorrection, 1.0f);
  if (s.amount() <= 0.0) put(kAmount, 100.0f);
}

}  // namespace mixdiagnose::ui
