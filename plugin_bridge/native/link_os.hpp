// What differs between systems: folders, files in shared memory, processes, the clock. Linux is tested; macOS and
// Windows follow their documentation and are untested.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#ifdef _WIN32
#ifndef NOMINMAX
#define NOMINMAX  // std::min and std::max are functions
#endif
#include <windows.h>
#else
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#endif

namespace mixdiagnose {

struct SharedFile {
  std::string path;
  unsigned char* memory = nullptr;
  uint64_t bytes = 0, pid = 0, process_start = 0;
  uint32_t uid = 0;
#ifdef _WIN32
  HANDLE file = INVALID_HANDLE_VALUE;
#else
  int file = -1;  // kept open: its lock tells other processes that this one lives
#endif
};

// A file's name tells whose it is: PID-START-NUMBER.link.
inline std::string link_name(uint64_t pid, uint64_t start, uint64_t number) {
  return std::to_string(pid) + "-" + std::to_string(start) + "-" + std::to_string(number) + ".link";
}

inline bool parse_link_name(const char* name, uint64_t& pid, uint64_t& start) {
  unsigned long long p = 0, s = 0, n = 0;
  int end = 0;
  if (std::sscanf(name, "%20llu-%20llu-%20llu.link%n", &p, &s, &n, &end) != 3 || end == 0 || name[end] != 0) return false;
  pid = p;
  start = s;
  return true;
}

#ifdef _WIN32  // untested ---------------------------------------------------------------------------------------------

inline uint64_t monotonic_ns() noexcept { return uint64_t(GetTickCount64()) * 1'000'000; }  // Python's clock there

inline uint64_t process_start(uint64_t) { return 0; }  // a file that is in use cannot be removed there: that suffices

inline bool runtime_directory(std::string& out, std::string& fault) {
  const char* base = std::getenv("LOCALAPPDATA");
  if (!base || !*base) return fault = "LOCALAPPDATA is not set", false;
  out = std::string(base) + "\\MixDiagnose";
  CreateDirectoryA(out.c_str(), nullptr);
  out += "\\run";
  CreateDirectoryA(out.c_str(), nullptr);
  return true;
}

inline void remove_stale(const std::string& folder) {
  WIN32_FIND_DATAA entry;
  HANDLE list = FindFirstFileA((folder + "\\*.link").c_str(), &entry);
  if (list == INVALID_HANDLE_VALUE) return;
  do {
    uint64_t pid, start;
    if (!parse_link_name(entry.cFileName, pid, start) || pid == GetCurrentProcessId()) continue;
    HANDLE process = OpenProcess(SYNCHRONIZE, FALSE, DWORD(pid));
    const bool dead = process ? WaitForSingleObject(process, 0) == WAIT_OBJECT_0 : GetLastError() == ERROR_INVALID_PARAMETER;
    if (process) CloseHandle(process);
    if (dead) DeleteFileA((folder + "\\" + entry.cFileName).c_str());
  } while (FindNextFileA(list, &entry));
  FindClose(list);
}

inline void destroy_shared(SharedFile& f) {
  if (f.memory) UnmapViewOfFile(f.memory);
  if (f.file != INVALID_HANDLE_VALUE) CloseHandle(f.file);
  if (!f.path.empty()) DeleteFileA(f.path.c_str());
  f = SharedFile{};
}

inline bool create_shared(SharedFile& f, uint64_t bytes, std::string& fault) {
  std::string folder;
  if (!runtime_directory(folder, fault)) return false;
  remove_stale(folder);
  f.pid = GetCurrentProcessId();
  const uint64_t now = monotonic_ns();
  for (uint64_t number = now; number < now + 4096 && f.file == INVALID_HANDLE_VALUE; ++number) {
    f.path = folder + "\\" + link_name(f.pid, 0, number);
    f.file = CreateFileA(f.path.c_str(), GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr,
                         CREATE_NEW, FILE_ATTRIBUTE_TEMPORARY, nullptr);
    if (f.file == INVALID_HANDLE_VALUE && GetLastError() != ERROR_FILE_EXISTS) break;
  }
  if (f.file == INVALID_HANDLE_VALUE) return f = SharedFile{}, fault = folder + ": no file can be made there", false;
  HANDLE map = CreateFileMappingA(f.file, nullptr, PAGE_READWRITE, DWORD(bytes >> 32), DWORD(bytes), nullptr);
  if (map) f.memory = static_cast<unsigned char*>(MapViewOfFile(map, FILE_MAP_ALL_ACCESS, 0, 0, SIZE_T(bytes)));
  if (map) CloseHandle(map);
  if (!f.memory) return destroy_shared(f), fault = folder + ": there is no room for the ring", false;
  f.bytes = bytes;
  std::memset(f.memory, 0, size_t(bytes));
  return true;
}

#else  // Linux, and macOS (untested) ----------------------------------------------------------------------------------

// The clock of Python's time.monotonic_ns(), ns.
inline uint64_t monotonic_ns() noexcept {
#ifdef __APPLE__
  return clock_gettime_nsec_np(CLOCK_UPTIME_RAW);
#else
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return uint64_t(t.tv_sec) * 1'000'000'000 + uint64_t(t.tv_nsec);
#endif
}

// When a process started, in ticks since the boot; 0 where that cannot be told.
inline uint64_t process_start(uint64_t pid) {
  char path[64], text[1024];
  std::snprintf(path, sizeof path, "/proc/%llu/stat", static_cast<unsigned long long>(pid));
  const int file = ::open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  const ssize_t size = ::read(file, text, sizeof text - 1);
  ::close(file);
  if (size <= 0) return 0;
  text[size] = 0;
  const char* at = std::strrchr(text, ')');  // the name before it may hold anything
  for (int field = 2; at && field < 22; ++field) at = std::strchr(at + 1, ' ');
  return at ? std::strtoull(at + 1, nullptr, 10) : 0;
}

// Dead: no such process, or another one that got its number. What cannot be told is alive.
inline bool process_dead(uint64_t pid, uint64_t start) {
  if (pid == 0 || pid > 0x7fffffff) return true;
  if (::kill(pid_t(pid), 0) != 0 && errno == ESRCH) return true;
  const uint64_t now = process_start(pid);
  return start != 0 && now != 0 && now != start;
}

// Made if missing; true where it is a folder of ours that nobody else can enter.
inline bool own_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return false;
  struct stat s;
  return ::lstat(path.c_str(), &s) == 0 && S_ISDIR(s.st_mode) && s.st_uid == ::geteuid() && (s.st_mode & 077) == 0;
}

inline bool own_base(const std::string& path) {
  struct stat s;
  return path[0] == '/' && ::stat(path.c_str(), &s) == 0 && S_ISDIR(s.st_mode) && s.st_uid == ::geteuid();
}

// The user's runtime folder; where there is none, a folder of the user's own in memory or in /tmp.
inline bool runtime_directory(std::string& out, std::string& fault) {
  const std::string uid = std::to_string(::geteuid());
#ifdef __APPLE__
  char base[1024];
  if (::confstr(_CS_DARWIN_USER_TEMP_DIR, base, sizeof base) > 0) {
    out = std::string(base) + "mixdiagnose";
    if (own_folder(out)) return true;
  }
#else
  const char* set = std::getenv("XDG_RUNTIME_DIR");
  const std::string runtime = set && *set ? set : "/run/user/" + uid;
  if (own_base(runtime)) {
    out = runtime + "/mixdiagnose";
    if (own_folder(out)) return true;
    fault = out + ": not a folder of this user alone";
    return false;
  }
  out = "/dev/shm/mixdiagnose-" + uid;
  if (own_folder(out)) return true;
#endif
  out = "/tmp/mixdiagnose-" + uid;
  if (own_folder(out)) return true;
  fault = out + ": not a folder of this user alone";
  return false;
}

// Removes links of dead processes. A lock that is held tells of a process that this one cannot see (containers).
inline void remove_stale(const std::string& folder) {
  DIR* list = ::opendir(folder.c_str());
  if (!list) return;
  while (const dirent* entry = ::readdir(list)) {
    uint64_t pid, start;
    if (!parse_link_name(entry->d_name, pid, start) || !process_dead(pid, start)) continue;
    const std::string path = folder + "/" + entry->d_name;
    const int file = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) continue;
    if (::flock(file, LOCK_EX | LOCK_NB) == 0) ::unlink(path.c_str());
    ::close(file);
  }
  ::closedir(list);
}

inline void destroy_shared(SharedFile& f) {
  if (f.memory) ::munmap(f.memory, f.bytes);
  if (!f.path.empty()) ::unlink(f.path.c_str());
  if (f.file >= 0) ::close(f.file);
  f = SharedFile{};
}

// A file of zeros whose pages all exist: a page that is missing later would stop the audio thread, or, on a full disk,
// end the host.
inline bool create_shared(SharedFile& f, uint64_t bytes, std::string& fault) {
  std::string folder;
  if (!runtime_directory(folder, fault)) return false;
  remove_stale(folder);
  f.pid = uint64_t(::getpid());
  f.process_start = process_start(f.pid);
  f.uid = uint32_t(::geteuid());
  const uint64_t now = monotonic_ns();  // no name comes twice
  for (uint64_t number = now; number < now + 4096; ++number) {
    const std::string path = folder + "/" + link_name(f.pid, f.process_start, number);
    f.file = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (f.file >= 0) f.path = path;
    if (f.file >= 0 || errno != EEXIST) break;
  }
  if (f.file < 0) return f = SharedFile{}, fault = folder + ": no file can be made there", false;
  ::fchmod(f.file, 0600);
  ::flock(f.file, LOCK_EX | LOCK_NB);
  static const char zeros[65536] = {};
  for (uint64_t done = 0; done < bytes;) {
    const ssize_t n = ::write(f.file, zeros, size_t(bytes - done < sizeof zeros ? bytes - done : sizeof zeros));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return destroy_shared(f), fault = folder + ": there is no room for the ring", false;
    done += uint64_t(n);
  }
  f.bytes = bytes;
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, f.file, 0);
  if (memory == MAP_FAILED) return destroy_shared(f), fault = folder + ": the file cannot be mapped", false;
  f.memory = static_cast<unsigned char*>(memory);
  for (uint64_t at = 0; at < bytes; at += 4096) static_cast<volatile unsigned char*>(f.memory)[at] = 0;
  return true;
}

#endif

}  // namespace mixdiagnose
