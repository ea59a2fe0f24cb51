// Samples as they come from hosts and as they leave: what is not a number a converter could play becomes silence.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#if defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#define MIXDIAGNOSE_SSE2 1
#endif

namespace mixdiagnose {

// NaN, infinities and denormals as zero, all else bit for bit.
inline float playable(float sample) noexcept {
  uint32_t bits;
  std::memcpy(&bits, &sample, sizeof bits);
  const uint32_t exponent = bits & 0x7f800000u;
  // Of zeros and denormals the sign stays, so that -0.0 passes as it is.
  bits = exponent == 0x7f800000u ? 0u : exponent == 0u ? bits & 0x80000000u : bits;
  std::memcpy(&sample, &bits, sizeof bits);
  return sample;
}

// A double as a float that is playable: what is too large is the largest there is.
inline float playable(double sample) noexcept {
  constexpr double most = std::numeric_limits<float>::max();
  return playable(static_cast<float>(sample > most ? most : sample < -most ? -most : sample));
}

// Denormal numbers count as zero in this thread as long as this lives, where the processor can do so: they would make
// the filters a hundred times slower as they fall silent.
class NoDenormals {
 public:
#if defined(MIXDIAGNOSE_SSE2)
  NoDenormals() noexcept : before_(_mm_getcsr()) { _mm_setcsr(before_ | 0x8040u); }
  ~NoDenormals() { _mm_setcsr(before_); }

 private:
  unsigned before_;
#elif defined(__aarch64__) && (defined(__GNUC__) || defined(__clang__))
  NoDenormals() noexcept {
    __asm__ __volatile__("mrs %0, fpcr" : "=r"(before_));
    __asm__ __volatile__("msr fpcr, %0" : : "r"(before_ | 0x1000000u));
  }
  ~NoDenormals() { __asm__ __volatile__("msr fpcr, %0" : : "r"(before_)); }

 private:
  uint64_t before_ = 0;
#else
  NoDenormals() noexcept {}
#endif

 public:
  NoDenormals(const NoDenormals&) = delete;
  NoDenormals& operator=(const NoDenormals&) = delete;
};

// Two channels at once, in double precision.
struct Pair {
#if defined(MIXDIAGNOSE_SSE2)
  __m128d v;
  static Pair of(double left, double right) noexcept { return {_mm_set_pd(right, left)}; }
  double left() const noexcept { return _mm_cvtsd_f64(v); }
  double right() const noexcept { return _mm_cvtsd_f64(_mm_unpackhi_pd(v, v)); }
  friend Pair operator+(Pair a, Pair b) noexcept { return {_mm_add_pd(a.v, b.v)}; }
  friend Pair operator-(Pair a, Pair b) noexcept { return {_mm_sub_pd(a.v, b.v)}; }
  friend Pair operator*(Pair a, Pair b) noexcept { return {_mm_mul_pd(a.v, b.v)}; }
#else
  double l, r;
  static Pair of(double left, double right) noexcept { return {left, right}; }
  double left() const noexcept { return l; }
  double right() const noexcept { return r; }
  friend Pair operator+(Pair a, Pair b) noexcept { return {a.l + b.l, a.r + b.r}; }
  friend Pair operator-(Pair a, Pair b) noexcept { return {a.l - b.l, a.r - b.r}; }
  friend Pair operator*(Pair a, Pair b) noexcept { return {a.l * b.l, a.r * b.r}; }
#endif
  static Pair both(double value) noexcept { return of(value, value); }
};

}  // namespace mixdiagnose
