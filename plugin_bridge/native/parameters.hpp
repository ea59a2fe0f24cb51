// The parameters, in the order that hosts know them by: it never changes, new ones come at the end.
#pragma once

#include <cmath>
#include <cstdint>

#include "link_layout.hpp"

namespace mixdiagnose {

enum Parameters : uint32_t { kBypass, kCorrection, kAmount, kTrim, kAutoApply, kFirstBand };
enum BandParameters : uint32_t { kBandKind, kBandOn, kBandFrequency, kBandGain, kBandQ, kPerBand };
enum Outputs : uint32_t {
  kMomentary = kFirstBand + kBands * kPerBand, kShortTerm, kIntegrated, kTruePeak, kCorrelation, kReadiness, kParameters
};

constexpr const char* kKindNames[kKinds] = {"Bell", "Low shelf", "High shelf", "Notch", "High-pass", "Low-pass"};

enum Scale : uint32_t { kSwitch, kChoice, kLinear, kLogarithmic, kReading };

// A parameter without its band: ranges are those of dsp/correction/correction.py, but for frequencies nobody hears.
struct ParameterInfo {
  const char* name;
  const char* symbol;
  const char* unit;
  float least, most, standard;
  Scale scale;
};

constexpr ParameterInfo kGlobal[kFirstBand] = {
    {"Bypass", "bypass", "", 0.0f, 1.0f, 0.0f, kSwitch},
    {"Correction", "correction", "", 0.0f, 1.0f, 0.0f, kSwitch},
    {"Amount", "amount", "%", 0.0f, 100.0f, 100.0f, kLinear},
    {"Output trim", "trim", "dB", -24.0f, 24.0f, 0.0f, kLinear},
    {"Auto-apply", "auto_apply", "", 0.0f, 1.0f, 0.0f, kSwitch},
};
constexpr ParameterInfo kOfBand[kPerBand] = {
    {"kind", "kind", "", 0.0f, kKinds - 1.0f, 0.0f, kChoice},
    {"on", "on", "", 0.0f, 1.0f, 0.0f, kSwitch},
    {"frequency", "frequency", "Hz", 5.0f, 24000.0f, 1000.0f, kLogarithmic},
    {"gain", "gain", "dB", -24.0f, 24.0f, 0.0f, kLinear},
    {"Q", "q", "", 0.05f, 100.0f, 1.0f, kLogarithmic},
};
// Loudness that has not been read yet is -100.
constexpr ParameterInfo kReadings[kParameters - kMomentary] = {
    {"Momentary loudness", "momentary", "LUFS", -100.0f, 20.0f, -100.0f, kReading},
    {"Short-term loudness", "short_term", "LUFS", -100.0f, 20.0f, -100.0f, kReading},
    {"Integrated loudness", "integrated", "LUFS", -100.0f, 20.0f, -100.0f, kReading},
    {"True peak", "true_peak", "dBTP", -100.0f, 20.0f, -100.0f, kReading},
    {"Correlation", "correlation", "", -1.0f, 1.0f, 0.0f, kReading},
    {"Readiness", "readiness", "%", 0.0f, 100.0f, 0.0f, kReading},
};
// Where the bands stand before anything is set.
constexpr float kBandHz[kBands] = {40.0f, 100.0f, 250.0f, 630.0f, 1600.0f, 4000.0f, 8000.0f, 14000.0f};

constexpr uint32_t band_parameter(uint32_t band, uint32_t which) { return kFirstBand + band * kPerBand + which; }
constexpr bool is_band(uint32_t index) { return index >= kFirstBand && index < kMomentary; }

constexpr const ParameterInfo& info(uint32_t index) {
  return index < kFirstBand  ? kGlobal[index]
         : index < kMomentary ? kOfBand[(index - kFirstBand) % kPerBand]
                              : kReadings[index - kMomentary];
}

// The value a parameter begins with.
constexpr float standard(uint32_t index) {
  const bool frequency = is_band(index) && (index - kFirstBand) % kPerBand == kBandFrequency;
  return frequency ? kBandHz[(index - kFirstBand) / kPerBand] : info(index).standard;
}

// A value the parameter can have; the least where there is none.
inline float within(uint32_t index, double value) {
  const ParameterInfo& of = info(index);
  if (!(value > of.least)) return of.least;
  return value < of.most ? static_cast<float>(value) : of.most;
}

}  // namespace mixdiagnose
