// Plugins of one process that hear from the engine or not: argv[1] is how many, argv[2] whether they do.
#include <atomic>
#include <cstdlib>
#include <memory>
#include <vector>

#include "launch.hpp"

int main(int, char** argv) {
  const bool alive = std::atoi(argv[2]) != 0;
  std::vector<std::unique_ptr<mixdiagnose::EngineKeeper::Part>> plugins;
  for (int k = 0; k < std::atoi(argv[1]); ++k) plugins.push_back(mixdiagnose::EngineKeeper::join([alive] { return alive; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(700));
  plugins.clear();
  return 0;
}
