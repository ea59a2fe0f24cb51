// All that the audio thread calls, where the kernel ends a process that makes any system call but its end.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "engine.hpp"

using namespace mixdiagnose;

static bool only_exit() {
  sock_filter steps[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
  };
  const sock_fprog program{4, steps};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

// `loud`: makes a system call, to see that it would not go unseen.
int main(int count, char**) {
  Link link;
  if (!link.open(1000.0, 2)) return 2;
  engine::Reader(link.memory()).publish(View{});
  std::vector<float> samples(4096, 0.5f);
  const float* audio[2] = {samples.data(), samples.data()};
  Results r{};
  bool right = true;
  if (!only_exit()) return 3;
  if (count > 1) getppid();
  for (uint32_t i = 0; i < 10000; ++i) {  // full after some 30 blocks
    link.push(audio, 2, i % 4096, Transport{i % 3 == 0, i % 5 == 0, double(i), 120.0 + i});
    right = right && link.results(r) && link.engine_alive();
  }
  syscall(SYS_exit, right ? 0 : 1);
}
