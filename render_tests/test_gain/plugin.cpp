// A gain with a latency of 64 samples: what the hosting of VST3 plugins is tested with.
#include "DistrhoPlugin.hpp"
#include <cmath>
#include <cstring>
START_NAMESPACE_DISTRHO
class TestGain : public Plugin {
public:
    TestGain() : Plugin(1, 0, 0) { setLatency(64); std::memset(held, 0, sizeof(held)); }
protected:
    const char* getLabel() const override { return "TestGain"; }
    const char* getMaker() const override { return "MixDiagnose"; }
    const char* getLicense() const override { return "GPL-3.0-or-later"; }
    uint32_t getVersion() const override { return d_version(1, 0, 0); }
    int64_t getUniqueId() const override { return d_cconst('T', 'G', 'a', 'n'); }
    void initParameter(uint32_t, Parameter& p) override {
        p.hints = kParameterIsAutomatable; p.name = "Gain"; p.symbol = "gain"; p.unit = "dB";
        p.ranges.def = 0.0f; p.ranges.min = -60.0f; p.ranges.max = 24.0f;
    }
    float getParameterValue(uint32_t) const override { return gain; }
    void setParameterValue(uint32_t, float v) override { gain = v; }
    void run(const float** in, float** out, uint32_t n) override {
        const float g = std::pow(10.0f, gain / 20.0f);
        for (uint32_t i = 0; i < n; ++i, at = (at + 1) % 64)
            for (int c = 0; c < 2; ++c) { const float x = in[c][i]; out[c][i] = g * held[c][at]; held[c][at] = x; }
    }
private:
    float gain = 0.0f, held[2][64]; uint32_t at = 0;
};
Plugin* createPlugin() { return new TestGain(); }
END_NAMESPACE_DISTRHO
