// The plugin as DPF wants it. What it does is in instance.hpp.
#include <cstdio>
#include <cstring>

#include "DistrhoPlugin.hpp"

#include "instance.hpp"

START_NAMESPACE_DISTRHO

using mixdiagnose::kParameters;

class MixDiagnosePlugin : public Plugin {
 public:
  MixDiagnosePlugin() : Plugin(kParameters, 0, 0) {}

  mixdiagnose::Link& link() noexcept { return instance_.link(); }

 protected:
  const char* getLabel() const override { return "MixDiagnose"; }
  const char* getDescription() const override {
    return "Says what is wrong with a mix while it plays, and corrects it with eight bands.";
  }
  const char* getMaker() const override { return "MixDiagnose"; }
  const char* getHomePage() const override { return "https://mixdiagnose.com"; }
  const char* getLicense() const override { return "GPL-3.0-or-later"; }
  uint32_t getVersion() const override { return d_version(0, 1, 0); }
  int64_t getUniqueId() const override {
    return MIXDIAGNOSE_CHANNELS == 1 ? d_cconst('M', 'D', 'm', '1') : d_cconst('M', 'D', 's', '2');
  }

  void initParameter(uint32_t index, Parameter& p) override {
    using namespace mixdiagnose;
    if (index == kBypass) {
      p.initDesignation(kParameterDesignationBypass);
      return;
    }
    const ParameterInfo& of = info(index);
    char name[64], symbol[64];
    const uint32_t band = is_band(index) ? (index - kFirstBand) / kPerBand : 0;
    if (is_band(index)) {
      std::snprintf(name, sizeof name, "Band %u %s", band + 1, of.name);
      std::snprintf(symbol, sizeof symbol, "band%u_%s", band + 1, of.symbol);
    } else {
      std::snprintf(name, sizeof name, "%s", of.name);
      std::snprintf(symbol, sizeof symbol, "%s", of.symbol);
    }
    p.name = name;
    p.symbol = symbol;
    p.unit = of.unit;
    p.ranges = ParameterRanges(standard(index), of.least, of.most);
    p.hints = of.scale == kReading ? kParameterIsOutput : kParameterIsAutomatable;
    if (of.scale == kSwitch) p.hints |= kParameterIsBoolean | kParameterIsInteger;
    if (of.scale == kLogarithmic) p.hints |= kParameterIsLogarithmic;
    if (of.scale == kChoice) {
      p.hints |= kParameterIsInteger;
      p.enumValues.count = kKinds;
      p.enumValues.restrictedMode = true;
      p.enumValues.values = new ParameterEnumerationValue[kKinds];  // DPF deletes it
      for (uint32_t i = 0; i < kKinds; ++i) {
        p.enumValues.values[i].value = static_cast<float>(i);
        p.enumValues.values[i].label = kKindNames[i];
      }
    }
  }

  float getParameterValue(uint32_t index) const override { return instance_.get(index); }
  void setParameterValue(uint32_t index, float value) override { instance_.set(index, value); }

  void activate() override { instance_.activate(getSampleRate(), MIXDIAGNOSE_CHANNELS); }

  void run(const float** in, float** out, uint32_t frames) override {
    const TimePosition& time = getTimePosition();
    const double rate = getSampleRate();
    const double position_s = rate > 0.0 ? static_cast<double>(time.frame) / rate : 0.0;
    const mixdiagnose::Transport transport{time.playing, false, position_s, time.bbt.beatsPerMinute};
    instance_.process(in, out, MIXDIAGNOSE_CHANNELS, frames, transport,
                      [this](uint32_t index, float value) { requestParameterValueChange(index, value); });
  }

 private:
  mixdiagnose::Instance instance_;
};

Plugin* createPlugin() { return new MixDiagnosePlugin(); }

END_NAMESPACE_DISTRHO

#if MIXDIAGNOSE_UI
namespace mixdiagnose {

// For the window (ui.cpp), which is given the plugin as DPF has it.
Link& link_of(void* plugin);
Link& link_of(void* plugin) {
  using namespace DISTRHO_NAMESPACE;
  return static_cast<MixDiagnosePlugin*>(static_cast<Plugin*>(plugin))->link();
}

}  // namespace mixdiagnose
#endif
