// An instance of the plugin without its format: parameters, correction and link.
#pragma once

#include <atomic>

#include "eq.hpp"
#include "launch.hpp"
#include "link.hpp"
#include "parameters.hpp"

namespace mixdiagnose {

class Instance {
 public:
  Instance() noexcept {
    for (uint32_t i = 0; i < kParameters; ++i) values_[i].store(standard(i), std::memory_order_relaxed);
  }

  // Any thread.
  float get(uint32_t index) const noexcept {
    return index < kParameters ? values_[index].load(std::memory_order_relaxed) : 0.0f;
  }
  void set(uint32_t index, float value) noexcept {
    if (index >= kMomentary || std::isnan(value)) return;
    values_[index].store(within(index, value), std::memory_order_relaxed);
    changed_.store(true, std::memory_order_release);
  }

  // Never while `process` runs. The link makes its file the first time, which is never on the audio thread; later calls
  // may be, where a host resets the plugin.
  void activate(double sample_rate, uint32_t channels) {
    const bool another = sample_rate != rate_;
    rate_ = sample_rate;
    equalizer_.reset(sample_rate);
    changed_.store(true, std::memory_order_release);
    was_playing_ = looping_ = false;
    if (!another) return;
    keeper_.reset();  // it asks the link, which must not be while that opens
    link_.open(sample_rate, channels);
    keeper_ = EngineKeeper::join([this] { return link_.engine_alive(); });
  }

  // Audio thread. `in` and `out` may be the same. What the plugin set by itself is told to `announce(index, value)`.
  template <class Announce>
  void process(const float* const* in, float* const* out, uint32_t channels, uint32_t frames, Transport transport,
               Announce announce) noexcept {
    const NoDenormals guard;
    take_results(announce);
    if (changed_.exchange(false, std::memory_order_acquire)) equalizer_.want(wanted());
    for (uint32_t c = 0; c < channels; ++c)
      for (uint32_t i = 0; i < frames; ++i) out[c][i] = playable(in[c][i]);
    equalizer_.process(out, channels, frames);
    transport.looping = loops(transport, frames);
    link_.push(out, channels, frames, transport);
  }

  Link& link() noexcept { return link_; }

 private:
  bool on(uint32_t index) const noexcept { return get(index) > 0.5f; }

  Correction wanted() const noexcept {
    Correction all;
    all.on = on(kCorrection) && !on(kBypass);
    all.amount = get(kAmount) / 100.0;
    all.trim_db = get(kTrim);
    for (uint32_t i = 0; i < kBands; ++i) {
      auto& band = all.bands[i];
      band.on = on(band_parameter(i, kBandOn));
      band.setting.kind = static_cast<uint32_t>(std::lround(get(band_parameter(i, kBandKind))));
      band.setting.frequency_hz = get(band_parameter(i, kBandFrequency));
      band.setting.gain_db = get(band_parameter(i, kBandGain));
      band.setting.q = get(band_parameter(i, kBandQ));
    }
    return all;
  }

  template <class Announce>
  void take_results(Announce& announce) noexcept {
    const bool alive = link_.engine_alive();
    const uint64_t published = link_.published();
    if (!alive) {  // no reading is better than an old one
      if (alive_) show(Results{NAN, NAN, NAN, NAN, NAN, NAN, 0, 0, {}, 0});
      alive_ = false;
      return;
    }
    if (alive_ && published == published_) return;
    Results results;
    if (!link_.results(results)) return;
    alive_ = true;
    published_ = published;
    show(results);
    if (on(kAutoApply)) apply(results, announce);
  }

  void show(const Results& r) noexcept {
    const double read[] = {r.momentary_lufs, r.short_term_lufs, r.integrated_lufs, r.true_peak_dbtp, r.correlation,
                           100.0 * r.readiness};
    for (uint32_t i = kMomentary; i < kParameters; ++i) {
      const double value = read[i - kMomentary];
      values_[i].store(std::isnan(value) ? standard(i) : within(i, value), std::memory_order_relaxed);
    }
  }

  // Auto-apply. What is measured is what leaves the plugin, so suggestions made while a correction sounds are about what
  // that leaves: only into bands that are all off are they taken, once, and stay until somebody changes them.
  template <class Announce>
  void apply(const Results& r, Announce& announce) noexcept {
    uint32_t suggested = 0;
    for (uint32_t i = 0; i < r.band_count; ++i) suggested += r.bands[i].on != 0;
    if (suggested == 0) return;
    for (uint32_t i = 0; i < kBands; ++i)
      if (on(band_parameter(i, kBandOn))) return;
    auto put = [&](uint32_t index, float value) {
      set(index, value);
      announce(index, get(index));
    };
    for (uint32_t i = 0; i < r.band_count; ++i) {
      const mixdiagnose::Band& band = r.bands[i];
      put(band_parameter(i, kBandKind), static_cast<float>(band.kind));
      put(band_parameter(i, kBandFrequency), band.frequency_hz);
      put(band_parameter(i, kBandGain), band.gain_db);
      put(band_parameter(i, kBandQ), band.q);
      put(band_parameter(i, kBandOn), band.on ? 1.0f : 0.0f);
    }
    put(kCorrection, 1.0f);
  }

  // Whether the host loops. DPF does not say, so: it does from the first jump back while it plays until it stops.
  bool loops(const Transport& now, uint32_t frames) noexcept {
    if (!now.playing) looping_ = false;
    else if (was_playing_ && now.position_s < expected_s_ - 0.001) looping_ = true;
    was_playing_ = now.playing;
    expected_s_ = now.position_s + (rate_ > 0.0 ? frames / rate_ : 0.0);
    return looping_;
  }

  std::atomic<float> values_[kParameters];
  std::atomic<bool> changed_{true};
  Equalizer equalizer_;
  Link link_;
  // The audio thread's own.
  double rate_ = 0.0, expected_s_ = 0.0;
  uint64_t published_ = 0;
  bool was_playing_ = false, looping_ = false, alive_ = false;
  std::unique_ptr<EngineKeeper::Part> keeper_;  // last: it goes before the link it asks
};

}  // namespace mixdiagnose
