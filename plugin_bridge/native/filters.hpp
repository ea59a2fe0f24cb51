// Second-order filters on two channels: transposed direct form II, in double precision.
#pragma once

#include "design.hpp"
#include "samples.hpp"

namespace mixdiagnose {

struct Filter {
  Pair b0, b1, b2, a1, a2, s1, s2;

  void set(const Section& made) noexcept {
    b0 = Pair::both(made.b0), b1 = Pair::both(made.b1), b2 = Pair::both(made.b2);
    a1 = Pair::both(made.a1), a2 = Pair::both(made.a2);
  }
  void clear() noexcept { s1 = s2 = Pair::both(0.0); }

  // What is left of a sound long gone (-500 dB) is dropped: processors that cannot ignore denormals would get there.
  void settle() noexcept {
    for (Pair* s : {&s1, &s2}) *s = Pair::of(heard(s->left()), heard(s->right()));
  }

  Pair next(Pair in) noexcept {
    const Pair out = b0 * in + s1;
    s1 = (b1 * in + s2) - a1 * out;
    s2 = b2 * in - a2 * out;
    return out;
  }

 private:
  static double heard(double value) noexcept { return std::fabs(value) < 1e-25 ? 0.0 : value; }
};

// N filters in a row. Sample by sample, not filter by filter: the next sample's first filter does not wait for this
// one's last, and the processor works on several at a time.
template <int N>
inline void in_a_row(Filter* const* filters, Pair* audio, uint32_t frames) noexcept {
  Filter f[N];
  for (int k = 0; k < N; ++k) f[k] = *filters[k];
  for (uint32_t i = 0; i < frames; ++i) {
    Pair sample = audio[i];
    for (int k = 0; k < N; ++k) sample = f[k].next(sample);
    audio[i] = sample;
  }
  for (int k = 0; k < N; ++k) filters[k]->s1 = f[k].s1, filters[k]->s2 = f[k].s2;
}

// Any number of filters in a row.
inline void in_a_row(Filter* const* filters, int count, Pair* audio, uint32_t frames) noexcept {
  for (; count >= 4; filters += 4, count -= 4) in_a_row<4>(filters, audio, frames);
  if (count == 3) in_a_row<3>(filters, audio, frames);
  if (count == 2) in_a_row<2>(filters, audio, frames);
  if (count == 1) in_a_row<1>(filters, audio, frames);
}

}  // namespace mixdiagnose
