// The correction: eight bands and a trim, without clicks, and bit for bit nothing where nothing is on.
//
// A band that changes is faded over from the filter it was to the one it becomes, both running, for a little over 10 ms.
// Both stand still meanwhile, so that no path between two settings can ring or be unstable. Changes that come faster are
// taken up when a fade ends. Time is counted in slices of 64 frames from `reset` on, and things begin and end with a
// slice, so the result does not depend on how the host cuts up the audio; one band at most is designed in a slice.
#pragma once

#include "design.hpp"
#include "filters.hpp"
#include "samples.hpp"

namespace mixdiagnose {

// What passes at less than half does, as in dsp/correction/plan.py: what cannot be done by halves is done from here on.
constexpr double kWholeFrom = 0.5;

// All that the correction is told; amount from 0 to 1.
struct Correction {
  bool on = false;
  double amount = 1.0, trim_db = 0.0;
  struct {
    bool on = false;
    Setting setting;
  } bands[kBands];
};

class Equalizer {
 public:
  static constexpr uint32_t kSlice = 64;

  // Not while `process` runs: silence in all filters, and the next slice begins with what is wanted, without a fade.
  void reset(double sample_rate) noexcept {
    rate_ = sample_rate;
    fade_slices_ = static_cast<uint32_t>(std::ceil(0.010 * sample_rate / kSlice)) + 1;
    for (Band& band : bands_) band = Band{};
    gain_ = gain_from_ = gain_to_ = wanted_gain_ = 1.0;
    gain_left_ = phase_ = 0;
    fresh_ = true;
  }

  // Audio thread: what is wanted from the next slice on.
  void want(const Correction& correction) noexcept {
    const double amount = correction.on ? std::min(1.0, std::max(0.0, correction.amount)) : 0.0;
    for (uint32_t i = 0; i < kBands; ++i) {
      Wanted& wanted = bands_[i].wanted;
      wanted.setting = correction.bands[i].setting;
      const bool levels = wanted.setting.kind <= kHighShelf;
      if (levels) wanted.setting.gain_db *= amount;
      else wanted.setting.gain_db = 0.0;
      const bool there = levels ? amount > 0.0 : amount >= kWholeFrom;
      wanted.on = correction.bands[i].on && there && changes(wanted.setting, rate_);
    }
    const double trim_db = amount * correction.trim_db;
    wanted_gain_ = trim_db == 0.0 ? 1.0 : std::pow(10.0, trim_db / 20.0);
  }

  // Audio thread: playable audio of one or two channels, in place.
  void process(float* const* audio, uint32_t channels, uint32_t frames) noexcept {
    for (uint32_t done = 0; done < frames;) {
      if (phase_ == 0) begin();
      const uint32_t part = std::min(frames - done, kSlice - phase_);
      if (busy()) slice(audio[0] + done, audio[channels - 1] + done, part);
      phase_ += part;
      done += part;
      if (phase_ == kSlice) end();
    }
  }

  // Whether audio passes as it is.
  bool idle() const noexcept { return !busy(); }

 private:
  struct Wanted {
    bool on = false;
    Setting setting;
    bool operator==(const Wanted& o) const noexcept { return on == o.on && (!on || setting == o.setting); }
  };
  struct Band {
    Wanted wanted, now, next;
    Filter is{}, becomes{};
    uint32_t fade = 0;  // slices of a fade that are left
    Setting designed{};
    Section section{};  // of the setting designed, where any is
    bool any = false;
  };

  bool busy() const noexcept {
    for (const Band& band : bands_)
      if (band.now.on || band.fade) return true;
    return gain_left_ != 0 || gain_ != 1.0;
  }

  void begin() noexcept {
    uint32_t designs = fresh_ ? kBands : 1;
    for (Band& band : bands_) {
      if (band.fade || band.now == band.wanted) continue;
      if (band.wanted.on && !(band.any && band.designed == band.wanted.setting)) {
        if (designs == 0) continue;
        --designs;
        band.designed = band.wanted.setting;
        band.section = section(band.designed, rate_);
        band.any = true;
      }
      change(band);
    }
    if (gain_left_ == 0 && gain_ != wanted_gain_) {
      gain_from_ = gain_, gain_to_ = wanted_gain_;
      if (fresh_) gain_ = gain_to_;
      else gain_left_ = fade_slices_ * kSlice;
    }
    fresh_ = false;
  }

  void change(Band& band) noexcept {
    band.next = band.wanted;
    if (band.next.on) band.becomes.set(band.section);
    // A filter much like the one before goes on from where that was; another begins in silence, and is faded in.
    const double apart = band.now.setting.frequency_hz / band.next.setting.frequency_hz;
    const bool alike = band.now.on && band.next.on && band.now.setting.kind == band.next.setting.kind
        && apart > 0.8 && apart < 1.25;
    if (alike) band.becomes.s1 = band.is.s1, band.becomes.s2 = band.is.s2;
    else band.becomes.clear();
    if (fresh_) finish(band);
    else band.fade = fade_slices_;
  }

  static void finish(Band& band) noexcept {
    band.now = band.next;
    band.is = band.becomes;
    band.fade = 0;
  }

  void end() noexcept {
    phase_ = 0;
    for (Band& band : bands_) {
      if (band.now.on || band.fade) band.is.settle(), band.becomes.settle();
      if (band.fade && --band.fade == 0) finish(band);
    }
  }

  void slice(float* left, float* right, uint32_t frames) noexcept {
    Pair audio[kSlice];
    for (uint32_t i = 0; i < frames; ++i) audio[i] = Pair::of(left[i], right[i]);
    Filter* row[kBands];
    int count = 0;
    for (Band& band : bands_) {
      if (band.fade) {
        in_a_row(row, count, audio, frames);
        count = 0;
        faded(band, audio, frames);
      } else if (band.now.on) {
        row[count++] = &band.is;
      }
    }
    in_a_row(row, count, audio, frames);
    if (gain_left_ || gain_ != 1.0) trimmed(audio, frames);
    for (uint32_t i = 0; i < frames; ++i) {
      left[i] = playable(audio[i].left());
      right[i] = playable(audio[i].right());
    }
  }

  void faded(Band& band, Pair* audio, uint32_t frames) noexcept {
    const double step = 1.0 / (fade_slices_ * kSlice);
    double at = step * ((fade_slices_ - band.fade) * kSlice + phase_);
    for (uint32_t i = 0; i < frames; ++i) {
      at += step;
      const Pair in = audio[i], old = band.now.on ? band.is.next(in) : in;
      const Pair made = band.next.on ? band.becomes.next(in) : in;
      audio[i] = old + Pair::both(smooth(at)) * (made - old);
    }
  }

  void trimmed(Pair* audio, uint32_t frames) noexcept {
    for (uint32_t i = 0; i < frames; ++i) {
      if (gain_left_) {
        --gain_left_;
        gain_ = gain_to_ + smooth(static_cast<double>(gain_left_) / (fade_slices_ * kSlice)) * (gain_from_ - gain_to_);
      }
      audio[i] = audio[i] * Pair::both(gain_);
    }
  }

  // From 0 to 1 without a kink at the ends.
  static double smooth(double at) noexcept { return at * at * (3.0 - 2.0 * at); }

  double rate_ = 48000.0, gain_ = 1.0, wanted_gain_ = 1.0, gain_from_ = 1.0, gain_to_ = 1.0;
  uint32_t fade_slices_ = 9, gain_left_ = 0, phase_ = 0;
  bool fresh_ = true;
  Band bands_[kBands];
};

}  // namespace mixdiagnose
