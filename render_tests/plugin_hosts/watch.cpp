// Loaded before all else (LD_PRELOAD): counts what a thread does between `watch_begin` and `watch_end` that it should not
// do while it plays. Allocations and locks are counted where programs call them, system calls by the kernel, which
// hands over the first of them (Syscall User Dispatch, Linux 5.11).
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <ucontext.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#define API extern "C" __attribute__((visibility("default")))

namespace {

__thread bool watching __attribute__((tls_model("initial-exec"))) = false;
volatile char selector = 0;  // 0: system calls are made; 1: they are handed over
volatile long allocations = 0, locks = 0, calls = 0, first_call = -1;

void handed_over(int, siginfo_t* info, void* context) {
  selector = 0;
  if (calls++ == 0) first_call = info->si_syscall;
  static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RAX] = -ENOSYS;
}

template <class F>
F real(const char* name) {
  return reinterpret_cast<F>(dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" void* __libc_malloc(size_t);
extern "C" void __libc_free(void*);
extern "C" void* __libc_calloc(size_t, size_t);
extern "C" void* __libc_realloc(void*, size_t);
extern "C" void* __libc_memalign(size_t, size_t);

API void* malloc(size_t size) { if (watching) ++allocations; return __libc_malloc(size); }
API void free(void* at) { if (watching && at) ++allocations; __libc_free(at); }
API void* calloc(size_t n, size_t size) { if (watching) ++allocations; return __libc_calloc(n, size); }
API void* realloc(void* at, size_t size) { if (watching) ++allocations; return __libc_realloc(at, size); }
API void* memalign(size_t to, size_t size) { if (watching) ++allocations; return __libc_memalign(to, size); }
API void* aligned_alloc(size_t to, size_t size) { return memalign(to, size); }
API int posix_memalign(void** at, size_t to, size_t size) { *at = memalign(to, size); return *at ? 0 : ENOMEM; }

API int pthread_mutex_lock(pthread_mutex_t* mutex) {
  static const auto next = real<int (*)(pthread_mutex_t*)>("pthread_mutex_lock");
  if (watching) ++locks;
  return next(mutex);
}
API int pthread_rwlock_rdlock(pthread_rwlock_t* lock) {
  static const auto next = real<int (*)(pthread_rwlock_t*)>("pthread_rwlock_rdlock");
  if (watching) ++locks;
  return next(lock);
}
API int pthread_rwlock_wrlock(pthread_rwlock_t* lock) {
  static const auto next = real<int (*)(pthread_rwlock_t*)>("pthread_rwlock_wrlock");
  if (watching) ++locks;
  return next(lock);
}

API void watch_begin() {
  static const bool ready = [] {
    struct sigaction action {};
    action.sa_sigaction = handed_over;
    action.sa_flags = SA_SIGINFO;
    return sigaction(SIGSYS, &action, nullptr) == 0;
  }();
  if (!ready || prctl(59 /* PR_SET_SYSCALL_USER_DISPATCH */, 1, 0, 0, &selector) != 0) calls = -1000000;
  watching = true;
  selector = 1;
}

API void watch_end() {
  selector = 0;
  watching = false;
  prctl(59, 0, 0, 0, 0);
}

// Counts so far, and the number of the first system call, in four places.
API void watch_counts(long* to) { to[0] = allocations, to[1] = locks, to[2] = calls, to[3] = first_call; }

// A call of two pointers, watched: a CLAP plugin's process.
API int watch_call(int (*function)(const void*, const void*), const void* plugin, const void* data) {
  watch_begin();
  const int result = function(plugin, data);
  watch_end();
  return result;
}
