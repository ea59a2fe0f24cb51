// A plugin in a process of its own: producer RATE SPEED SECONDS FRAMES [FILE]. Plays at SPEED times real time, in blocks
// of FRAMES, a ramp (left counts frames modulo 2^24, right is its negative) or FILE: raw float32 samples of two
// channels, interleaved. Prints the link's path, then what was pushed. Ends at the end of its input.
#include <chrono>
#include <thread>
#include <vector>

#include "link.hpp"

using namespace mixdiagnose;

int main(int count, char** arguments) {
  if (count < 5) return 2;
  const double rate = std::atof(arguments[1]), speed = std::atof(arguments[2]), seconds = std::atof(arguments[3]);
  const auto block = uint32_t(std::atoi(arguments[4]));
  std::FILE* file = count > 5 ? std::fopen(arguments[5], "rb") : nullptr;
  Link link;
  if (!link.open(rate, 2, "producer")) return std::fprintf(stderr, "%s\n", link.fault().c_str()), 1;
  std::printf("%s\n", link.path().c_str());
  std::fflush(stdout);
  std::getchar();  // the engine is there
  std::vector<float> left(block), right(block), both(2 * block);
  const float* audio[2] = {left.data(), right.data()};
  const auto start = std::chrono::steady_clock::now();
  uint64_t pushed = 0;
  while (double(pushed) < seconds * rate) {
    auto frames = uint32_t(std::min<double>(block, seconds * rate - double(pushed)));
    if (file) frames = uint32_t(std::fread(both.data(), 8, frames, file));
    if (frames == 0) break;
    for (uint32_t i = 0; i < frames; ++i) {
      left[i] = file ? both[2 * i] : float((pushed + i) & 0xffffff);
      right[i] = file ? both[2 * i + 1] : -left[i];
    }
    link.push(audio, 2, frames, Transport{true, false, double(pushed) / rate, 120.0});
    pushed += frames;
    std::this_thread::sleep_until(start + std::chrono::duration<double>(double(pushed) / rate / speed));
  }
  std::printf("%llu\n", static_cast<unsigned long long>(pushed));
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
}
