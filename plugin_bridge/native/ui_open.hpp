// Opens a report in the program the user has for it. Linux is tested; macOS and Windows follow their documentation.
#pragma once

#include <cstring>
#include <string>

#ifdef _WIN32
#include <windows.h>
#include <shellapi.h>
#else
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>

extern char** environ;
#endif

namespace mixdiagnose::ui {

// A path that comes from the engine is opened only if it names a report that is there; no shell reads it.
inline bool is_report(const std::string& path) {
  const size_t dot = path.rfind('.');
  const std::string kind = dot == std::string::npos ? "" : path.substr(dot);
  if (kind != ".html" && kind != ".txt" && kind != ".json") return false;
#ifdef _WIN32
  return path.size() > 3 && path[1] == ':' && GetFileAttributesA(path.c_str()) != INVALID_FILE_ATTRIBUTES;
#else
  struct stat s;
  return path[0] == '/' && ::stat(path.c_str(), &s) == 0 && S_ISREG(s.st_mode);
#endif
}

// False where it could not be begun. On other systems than Windows the program that opens it is a child; `reap` it.
inline bool open_report(const std::string& path, long& child) {
  child = 0;
  if (!is_report(path)) return false;
#ifdef _WIN32
  return reinterpret_cast<INT_PTR>(ShellExecuteA(nullptr, "open", path.c_str(), nullptr, nullptr, SW_SHOWNORMAL)) > 32;
#else
#ifdef __APPLE__
  const char* const program = "open";
#else
  const char* const program = "xdg-open";
#endif
  char* const words[] = {const_cast<char*>(program), const_cast<char*>(path.c_str()), nullptr};
  pid_t pid;
  if (posix_spawnp(&pid, program, nullptr, nullptr, words, environ) != 0) return false;
  child = pid;
  return true;
#endif
}

// Lets a child go that has ended; 0 then, else the child.
inline long reap(long child) {
#ifndef _WIN32
  if (child > 0 && ::waitpid(pid_t(child), nullptr, WNOHANG) != 0) return 0;
#endif
  return child;
}

}  // namespace mixdiagnose::ui
