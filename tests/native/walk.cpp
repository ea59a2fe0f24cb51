// Random settings, blocks and samples through the equalizer, for sanitizers to watch; returns 1 where it puts out what it
// must not.
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <random>
#include <vector>

#include "eq.hpp"

int main(int count, char** given) {
  using namespace mixdiagnose;
  std::mt19937 random(count > 1 ? std::atoi(given[1]) : 1);
  auto drawn = [&](double low, double high) { return std::uniform_real_distribution<double>(low, high)(random); };
  using Limits = std::numeric_limits<double>;
  const double odd[] = {0.0, -1.0, Limits::quiet_NaN(), Limits::infinity(), 1e300};
  auto number = [&](double low, double high) {
    return random() % 50 ? low * std::pow(high / low, drawn(0, 1)) : odd[random() % 5];
  };
  Equalizer equalizer;
  for (double rate : {8000.0, 44100.0, 192000.0}) {
    equalizer.reset(rate);
    Correction wanted;
    for (int block = 0; block < 400; ++block) {
      wanted.on = random() % 8 != 0;
      wanted.amount = number(0.01, 1.0);
      wanted.trim_db = drawn(-24, 24);
      for (auto& band : wanted.bands)
        if (random() % 4 == 0) {
          band.on = random() % 3 != 0;
          band.setting = {static_cast<uint32_t>(random() % 8), number(5, 24000), drawn(-24, 24), number(0.05, 100)};
        }
      equalizer.want(wanted);
      const uint32_t frames = random() % 3 ? random() % 700 : 1;
      std::vector<float> left(frames), right(frames);
      const double level = random() % 20 ? 0.5 : 3e38;
      for (auto* side : {&left, &right})
        for (float& sample : *side) sample = playable(static_cast<float>(level * drawn(-1, 1)));
      float* stereo[] = {left.data(), right.data()};
      equalizer.process(stereo, 1 + random() % 2, frames);
      for (auto* side : {&left, &right})
        for (float sample : *side)
          if (!std::isfinite(sample) || std::fpclassify(sample) == FP_SUBNORMAL) return 1;
    }
  }
  std::puts("walked");
}
