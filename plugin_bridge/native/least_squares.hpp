// Least squares of few unknowns, without memory of its own: for the design of filters on the audio thread.
#pragma once

#include <algorithm>
#include <cmath>

namespace mixdiagnose::design {

constexpr int kMostPoints = 72, kMostFree = 5;

// Least squares by QR (Householder) and the singular values of R (one-sided Jacobi): the shortest solution where
// singular values below `rcond` of the largest count as zero, as numpy.linalg.lstsq has it. Overwrites a and y.
inline void least_squares(double (*a)[kMostPoints], double* y, int rows, int columns, double rcond,
              double* found) noexcept {
  for (int k = 0; k < columns; ++k) {
    double norm = 0.0;
    for (int i = k; i < rows; ++i) norm += a[k][i] * a[k][i];
    norm = std::sqrt(norm);
    if (norm == 0.0) continue;
    const double alpha = a[k][k] > 0.0 ? -norm : norm, pivot = a[k][k] - alpha;
    const double by = -1.0 / (alpha * pivot);  // 2 / |v|^2 of v = (pivot, a[k][k+1], ...)
    a[k][k] = pivot;
    for (int j = k + 1; j <= columns; ++j) {
      double* const other = j < columns ? a[j] : y;
      double dot = 0.0;
      for (int i = k; i < rows; ++i) dot += a[k][i] * other[i];
      for (int i = k; i < rows; ++i) other[i] -= by * dot * a[k][i];
    }
    a[k][k] = alpha;
  }
  double r[kMostFree][kMostFree] = {}, v[kMostFree][kMostFree] = {};  // columns
  for (int k = 0; k < columns; ++k) {
    for (int i = 0; i <= k; ++i) r[k][i] = a[k][i];
    v[k][k] = 1.0;
  }
  for (int sweep = 0; sweep < 30; ++sweep) {
    bool turned = false;
    for (int p = 0; p < columns; ++p) {
      for (int q = p + 1; q < columns; ++q) {
        double pp = 0.0, qq = 0.0, pq = 0.0;
        for (int i = 0; i < columns; ++i)
          pp += r[p][i] * r[p][i], qq += r[q][i] * r[q][i], pq += r[p][i] * r[q][i];
        if (!(std::fabs(pq) > 1e-15 * std::sqrt(pp * qq))) continue;
        turned = true;
        const double zeta = (qq - pp) / (2.0 * pq);
        const double t = (zeta >= 0.0 ? 1.0 : -1.0) / (std::fabs(zeta) + std::sqrt(1.0 + zeta * zeta));
        const double c = 1.0 / std::sqrt(1.0 + t * t), s = c * t;
        for (int i = 0; i < columns; ++i) {
          const double rp = r[p][i], rq = r[q][i], vp = v[p][i], vq = v[q][i];
          r[p][i] = c * rp - s * rq, r[q][i] = s * rp + c * rq;
          v[p][i] = c * vp - s * vq, v[q][i] = s * vp + c * vq;
        }
      }
    }
    if (!turned) break;
  }
  double length[kMostFree], longest = 0.0;
  for (int k = 0; k < columns; ++k) {
    length[k] = 0.0;
    for (int i = 0; i < columns; ++i) length[k] += r[k][i] * r[k][i];
    longest = std::max(longest, length[k]);
    found[k] = 0.0;
  }
  for (int k = 0; k < columns; ++k) {
    if (!(length[k] > rcond * rcond * longest)) continue;
    double dot = 0.0;
    for (int i = 0; i < columns; ++i) dot += r[k][i] * y[i];
    for (int i = 0; i < columns; ++i) found[i] += v[k][i] * dot / length[k];
  }
}

}  // namespace mixdiagnose::design
