// Matched second-order filters, the same as dsp/correction/biquad.py makes, in double precision.
//
// That file tells what is done and why; the names of the steps are the same here. Nothing is allocated, every loop has
// a bound known beforehand, and there are no calls into the system: a band can be designed on the audio thread.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "least_squares.hpp"
#include "link_layout.hpp"  // Kind

namespace mixdiagnose {

// One band: frequency in Hz, gain in dB (bells and shelves), q as in the Audio EQ Cookbook.
struct Setting {
  uint32_t kind = kBell;
  double frequency_hz = 1000.0, gain_db = 0.0, q = 1.0;

  bool operator==(const Setting& o) const noexcept {
    return kind == o.kind && frequency_hz == o.frequency_hz && gain_db == o.gain_db && q == o.q;
  }
};

// (b0 + b1/z + b2/z^2) / (1 + a1/z + a2/z^2); as it is made it changes nothing.
struct Section {
  double b0 = 1.0, b1 = 0.0, b2 = 0.0, a1 = 0.0, a2 = 0.0;
};

namespace design {

constexpr double kPi = 3.14159265358979323846;
constexpr double kTop = 0.91 * kPi, kTurn = 0.99 * kPi, kAbove = 0.2;
constexpr int kPlain = 3, kWeighted = 4, kWide = 40, kNear = 12, kHigh = 8, kHalvings = 12;
static_assert(kWide + 2 * kNear + kHigh <= kMostPoints);

struct Poly {  // highest power first in s; rising powers of 1/z or of x = sin^2(w/2) otherwise
  double c[3];
};

struct Points {
  int count = 0;
  double w[kMostPoints], x[kMostPoints], target[kMostPoints];
};

inline double natural(const Poly& p) noexcept {
  return p.c[0] > 0.0 ? std::sqrt(p.c[2] / p.c[0]) : std::numeric_limits<double>::infinity();
}

inline Poly roots_kept(const Poly& p, double angle) noexcept {
  if (p.c[0] == 0.0) return {{1.0, 0.0, 0.0}};
  const double at = angle * natural(p);
  if (p.c[1] == 0.0) return {{1.0, -2.0 * std::cos(at), 1.0}};
  const double damping = 0.5 * p.c[1] / std::sqrt(p.c[0] * p.c[2]), radius = std::exp(-damping * at);
  if (damping < 1.0) {
    const double turn = std::min(at * std::sqrt(1.0 - damping * damping), kTurn);
    return {{1.0, -2.0 * radius * std::cos(turn), radius * radius}};
  }
  const double apart = at * std::sqrt(damping * damping - 1.0);
  return {{1.0, -std::exp(apart - damping * at) - std::exp(-apart - damping * at), radius * radius}};
}

inline Poly square(const Poly& p) noexcept {
  const double low = p.c[0] + p.c[1] + p.c[2], top = p.c[0] - p.c[1] + p.c[2], bend = 16.0 * p.c[0] * p.c[2];
  return {{low * low, top * top - low * low - bend, bend}};
}

inline double gap(const double* p) noexcept {
  const double top = p[0] + p[1] + p[2];
  if (!(std::min(p[0], top) > 0.0)) return -1.0;
  const double sum = std::sqrt(p[0]) + std::sqrt(top);
  return 0.25 * (sum * sum - p[2]);
}

inline Poly factor(const double* p) noexcept {
  const double low = std::sqrt(p[0]), top = std::sqrt(p[0] + p[1] + p[2]);
  const double b0 = 0.25 * (low + top) + 0.5 * std::sqrt(gap(p));
  return {{b0, 0.5 * (low - top), p[2] / (16.0 * b0)}};
}

inline void points(const Poly& above, const Poly& below, double angle, Points& to) noexcept {
  double centres[2], width = std::numeric_limits<double>::infinity(), lowest = 0.25 * kTop;
  int damped = 0;
  for (const Poly* p : {&above, &below}) {
    if (!(p->c[1] > 0.0)) continue;
    centres[damped] = angle * natural(*p);
    lowest = std::min(lowest, centres[damped++]);
    width = std::min(width, p->c[1] / std::sqrt(p->c[0] * p->c[2]));
  }
  const bool kept = above.c[1] > 0.0;
  auto add = [&](double w) {
    if (!kept && !(std::fabs(w / angle - 1.0) > 1e-3)) return;
    const double half = std::sin(0.5 * w), v = w / angle, vv = v * v;
    const double ar = above.c[2] - above.c[0] * vv, ai = above.c[1] * v;
    const double br = below.c[2] - below.c[0] * vv, bi = below.c[1] * v;
    to.w[to.count] = w;
    to.x[to.count] = half * half;
    to.target[to.count++] = (ar * ar + ai * ai) / (br * br + bi * bi);
  };
  to.count = 0;
  const double from = std::log(lowest / 30.0), up = std::log(kTop) - from;
  for (int i = 0; i < kWide - 1; ++i) add(std::exp(from + up * i / (kWide - 1)));
  add(kTop);
  for (int k = 0; k < damped; ++k)
    for (int i = 0; i < kNear; ++i) {
      const double at = std::exp(std::asinh(0.5 * width * std::tan(-1.5 + 3.0 * i / (kNear - 1)))) * centres[k];
      if (at <= kTop) add(at);
    }
  for (int i = 1; i <= kHigh; ++i) add(kTop + (kPi - kTop) * i / kHigh);
}

inline double value(const double* p, double x) noexcept { return p[0] + x * (p[1] + x * p[2]); }

inline void quotient(const Points& at, const double* wanted, double at_zero, const Poly& otherwise,
           double* to) noexcept {
  double a[2][kMostPoints], y[kMostPoints], scale[2] = {0.0, 0.0}, rest[2];
  for (int i = 0; i < at.count; ++i) {
    a[0][i] = at.x[i] / wanted[i];
    a[1][i] = at.x[i] * at.x[i] / wanted[i];
    y[i] = 1.0 - at_zero / wanted[i];
    for (int k = 0; k < 2; ++k) scale[k] = std::max(scale[k], std::fabs(a[k][i]));
  }
  for (int k = 0; k < 2; ++k)
    for (int i = 0; i < at.count; ++i) a[k][i] /= scale[k];
  least_squares(a, y, at.count, 2, std::numeric_limits<double>::epsilon() * at.count, rest);
  to[0] = at_zero, to[1] = rest[0] / scale[0], to[2] = rest[1] / scale[1];
  if (gap(to) > 0.0) return;
  const Poly known = square(otherwise);
  for (int k = 0; k < 3; ++k) to[k] = known.c[k] * (at_zero / known.c[0]);
}

inline void refined(const Points& at, const bool* free, double* both) noexcept {
  double weights[kMostPoints], error[kMostPoints], counts[kMostPoints], wanted[kMostPoints];
  double best[6], least = std::numeric_limits<double>::infinity();
  std::copy(both, both + 6, best);
  for (int i = 0; i < at.count; ++i) {
    weights[i] = 1.0;
    counts[i] = at.w[i] > kTop ? kAbove : 1.0;
    wanted[i] = std::log(at.target[i]);
  }
  for (int step = 0; step <= kPlain + kWeighted; ++step) {
    double above[kMostPoints], below[kMostPoints], largest = 0.0, mean = 0.0;
    for (int i = 0; i < at.count; ++i) {
      above[i] = value(both, at.x[i]);
      below[i] = value(both + 3, at.x[i]);
      error[i] = counts[i] * (wanted[i] - std::log(above[i] / below[i]));
      largest = std::max(largest, std::fabs(error[i]));
    }
    if (largest < least) {
      least = largest;
      std::copy(both, both + 6, best);
    }
    if (step == kPlain + kWeighted) break;
    for (int i = 0; i < at.count; ++i) {
      if (step >= kPlain) weights[i] *= std::fabs(error[i]) / std::max(largest, 1e-12) + 1e-3;
      mean += weights[i];
    }
    mean /= at.count;
    double a[kMostFree][kMostPoints], y[kMostPoints], scale[kMostFree], move[kMostFree], whole[6] = {};
    int columns = 0;
    for (int k = 0; k < 6; ++k) {
      if (!free[k]) continue;
      double sum = 0.0;
      for (int i = 0; i < at.count; ++i) {
        const double power = k % 3 == 0 ? 1.0 : k % 3 == 1 ? at.x[i] : at.x[i] * at.x[i];
        const double slope = k < 3 ? power / above[i] : -power / below[i];
        a[columns][i] = std::sqrt(weights[i] / mean) * counts[i] * slope;
        sum += a[columns][i] * a[columns][i];
      }
      scale[columns] = std::sqrt(sum);
      for (int i = 0; i < at.count; ++i) a[columns][i] /= scale[columns];
      ++columns;
    }
    for (int i = 0; i < at.count; ++i) y[i] = error[i] * std::sqrt(weights[i] / mean);
    least_squares(a, y, at.count, columns, 1e-9, move);
    for (int k = 0, column = 0; k < 6; ++k)
      if (free[k]) whole[k] = move[column] / scale[column], ++column;
    for (int halving = 0; halving < kHalvings; ++halving) {
      double to[6];
      for (int k = 0; k < 6; ++k) to[k] = both[k] + whole[k];
      if (gap(to + 3) > 0.0 && (!free[1] || gap(to) > 0.0)) {
        std::copy(to, to + 6, both);
        break;
      }
      for (double& part : whole) part *= 0.5;
    }
  }
  std::copy(best, best + 6, both);
}

inline void matched(const Poly& above, const Poly& below, double angle, Poly& b, Poly& a) noexcept {
  Points at;
  points(above, below, angle, at);
  const bool on_circle = above.c[0] > 0.0 && above.c[1] == 0.0, passes = above.c[2] == 0.0;
  double wanted[kMostPoints], both[6];
  const Poly zeros = roots_kept(above, angle), poles = roots_kept(below, angle);
  if (on_circle || natural(above) < natural(below)) {
    const Poly num = square(zeros);
    std::copy(num.c, num.c + 3, both);
    const double ratio = below.c[2] / above.c[2];
    const double at_zero = passes ? angle * angle * angle * angle : num.c[0] * ratio * ratio;
    for (int i = 0; i < at.count; ++i) wanted[i] = value(num.c, at.x[i]) / at.target[i];
    quotient(at, wanted, at_zero, poles, both + 3);
  } else {
    const Poly den = square(poles);
    std::copy(den.c, den.c + 3, both + 3);
    const double ratio = above.c[2] / below.c[2];
    for (int i = 0; i < at.count; ++i) wanted[i] = value(den.c, at.x[i]) * at.target[i];
    quotient(at, wanted, den.c[0] * ratio * ratio, zeros, both);
  }
  const bool free[6] = {false, !on_circle, !on_circle, passes, true, true};
  refined(at, free, both);
  b = on_circle ? zeros : factor(both);
  a = factor(both + 3);
}

}  // namespace design

// Whether a band's frequency leaves a filter its shape: below 0.98 of half the rate, as corrections have it.
inline bool fits(const Setting& band, double sample_rate) noexcept {
  return band.kind < kKinds && band.frequency_hz > 0.0 && band.frequency_hz < 0.49 * sample_rate && band.q > 0.0
    && std::isfinite(band.q) && std::isfinite(band.gain_db);
}

// Whether a band changes anything at a sample rate (Hz).
inline bool changes(const Setting& band, double sample_rate) noexcept {
  return fits(band, sample_rate) && (band.kind > kHighShelf || band.gain_db != 0.0);
}

// The filter of a band at a sample rate (Hz); one that changes nothing where `changes` says so.
inline Section section(const Setting& band, double sample_rate) noexcept {
  using design::Poly;
  if (!changes(band, sample_rate)) return {};
  const bool cut = band.kind <= kHighShelf && band.gain_db < 0.0;
  const double a = std::pow(10.0, std::fabs(band.gain_db) / 40.0), q = band.q, root = std::sqrt(a) / q;
  Poly above{}, below{{1.0, 1.0 / q, 1.0}};
  switch (band.kind) {
    case kBell: above = {{1.0, a / q, 1.0}}, below = {{1.0, 1.0 / (a * q), 1.0}}; break;
    case kLowShelf: above = {{a, a * root, a * a}}, below = {{a, root, 1.0}}; break;
    case kHighShelf: above = {{a * a, a * root, a}}, below = {{1.0, root, a}}; break;
    case kHighPass: above = {{1.0, 0.0, 0.0}}; break;
    case kLowPass: above = {{0.0, 0.0, 1.0}}; break;
    default: above = {{1.0, 0.0, 1.0}}; break;
  }
  Poly num, den;
  design::matched(above, below, 2.0 * design::kPi * band.frequency_hz / sample_rate, num, den);
  if (cut) std::swap(num, den);
  const double by = 1.0 / den.c[0];
  const Section made{num.c[0] * by, num.c[1] * by, num.c[2] * by, den.c[1] * by, den.c[2] * by};
  const bool finite = std::isfinite(made.b0 + made.b1 + made.b2 + made.a1 + made.a2);
  const bool stable = std::fabs(made.a2) < 1.0 && std::fabs(made.a1) < 1.0 + made.a2;
  return finite && stable ? made : Section{};
}

}  // namespace mixdiagnose
