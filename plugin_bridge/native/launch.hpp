// Starts the engine from the line that `mixdiagnose plugin install` wrote, and again when it has died. One for all
// plugins of a process, on a thread of its own: the audio thread has no part in it.
// Linux is tested; macOS shares its code, Windows follows its documentation, both untested.
#pragma once

#include <chrono>
#include <csignal>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#ifdef _WIN32
#include <windows.h>
#else
#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
extern char** environ;
#endif

namespace mixdiagnose {

// The file with the path of the Python that runs the engine: places.py says the same.
inline std::string engine_file() {
  const auto get = [](const char* name) { const char* v = std::getenv(name); return std::string(v ? v : ""); };
#if defined(_WIN32)
  return get("APPDATA") + "\\MixDiagnose\\engine";
#elif defined(__APPLE__)
  return get("HOME") + "/Library/Application Support/MixDiagnose/engine";
#else
  const std::string config = get("XDG_CONFIG_HOME");
  return (!config.empty() && config[0] == '/' ? config : get("HOME") + "/.config") + "/mixdiagnose/engine";
#endif
}

// The Python named there; empty where there is no file, or one that others may write.
inline std::string engine_python() {
  const std::string path = engine_file();
#ifndef _WIN32
  struct stat found {};
  if (stat(path.c_str(), &found) != 0 || found.st_uid != geteuid() || (found.st_mode & 022) != 0) return {};
#endif
  std::FILE* file = std::fopen(path.c_str(), "r");
  if (!file) return {};
  char line[4096] = {};
  const bool read = std::fgets(line, sizeof(line), file) != nullptr;
  std::fclose(file);
  std::string python = read ? line : "";
  while (!python.empty() && (python.back() == '\n' || python.back() == '\r')) python.pop_back();
  return python;
}

// Starts the engine apart from this process, which never waits for it. Whether it could be started.
inline bool start_engine() {
  const std::string python = engine_python();
  if (python.empty()) return false;
#ifdef _WIN32
  std::string line = "\"" + python + "\" -m plugin_bridge.live";
  STARTUPINFOA startup{};
  startup.cb = sizeof(startup);
  PROCESS_INFORMATION made{};
  const DWORD flags = DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP;
  if (!CreateProcessA(nullptr, line.data(), nullptr, nullptr, FALSE, flags, nullptr, nullptr, &startup, &made)) return false;
  CloseHandle(made.hThread);
  CloseHandle(made.hProcess);
  return true;
#else
  // Through a shell that ends at once: the engine is nobody's child then, and no host meets its end.
  const char* script = "\"$0\" -m plugin_bridge.live </dev/null >/dev/null 2>&1 &";
  char* const arguments[] = {const_cast<char*>("sh"), const_cast<char*>("-c"), const_cast<char*>(script),
                             const_cast<char*>(python.c_str()), nullptr};
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);  // a host's thread may block signals, its engine must not
  posix_spawnattr_setpgroup(&attributes, 0);       // what stops the host's terminal does not stop the engine
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  pid_t child = 0;
  const bool made = posix_spawn(&child, "/bin/sh", nullptr, &attributes, arguments, environ) == 0;
  posix_spawnattr_destroy(&attributes);
  if (made) waitpid(child, nullptr, 0);
  return made;
#endif
}

// Watches over the engine for the plugins of this process, each of which says whether it hears from it.
class EngineKeeper {
 public:
  // A plugin's part in it: it counts for as long as this lives. Main thread.
  class Part {
   public:
    Part(std::shared_ptr<EngineKeeper> keeper, int number) : keeper_(std::move(keeper)), number_(number) {}
    Part(const Part&) = delete;
    Part& operator=(const Part&) = delete;
    ~Part() { keeper_->leave(number_); }

   private:
    std::shared_ptr<EngineKeeper> keeper_;
    int number_;
  };

  static std::unique_ptr<Part> join(std::function<bool()> alive) {
    static std::mutex guard;
    static std::weak_ptr<EngineKeeper> shared;
    const std::lock_guard<std::mutex> lock(guard);
    auto keeper = shared.lock();
    if (!keeper) shared = keeper = std::make_shared<EngineKeeper>();
    return std::make_unique<Part>(keeper, keeper->enter(std::move(alive)));
  }

  EngineKeeper() : thread_([this] { watch(); }) {}

  ~EngineKeeper() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      ended_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }

 private:
  int enter(std::function<bool()> alive) {
    const std::lock_guard<std::mutex> lock(mutex_);
    plugins_.emplace(++last_, std::move(alive));
    return last_;
  }

  void leave(int number) {
    const std::lock_guard<std::mutex> lock(mutex_);
    plugins_.erase(number);
  }

  void watch() {
    using namespace std::chrono;
    std::unique_lock<std::mutex> lock(mutex_);
    auto next = steady_clock::now();
    while (!ended_) {
      bool heard = plugins_.empty();
      for (const auto& plugin : plugins_) heard = heard || plugin.second();
      if (!heard && steady_clock::now() >= next) {
        next = steady_clock::now() + seconds(10);  // time for an engine to load, and no storm of failing ones
        lock.unlock();
        start_engine();
        lock.lock();
        continue;
      }
      wake_.wait_for(lock, milliseconds(500));
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::map<int, std::function<bool()>> plugins_;
  int last_ = 0;
  bool ended_ = false;
  std::thread thread_;  // last: it runs when all else is there
};

}  // namespace mixdiagnose
