// The colours of the window: dark and neutral, one accent, and four for statuses, which have marks of their own besides.
#pragma once

#include <algorithm>
#include <cmath>

namespace mixdiagnose::ui {

struct Colour {
  double r, g, b;
};

constexpr Colour hex(unsigned rgb) {
  return {double(rgb >> 16 & 255) / 255.0, double(rgb >> 8 & 255) / 255.0, double(rgb & 255) / 255.0};
}

constexpr Colour kGround = hex(0x131518), kPanel = hex(0x1b1e22), kWell = hex(0x15171a), kRaised = hex(0x2a2f35);
constexpr Colour kRaisedOver = hex(0x343a42), kEdge = hex(0x2b3036), kGrid = hex(0x262a30), kZero = hex(0x434a53);
constexpr Colour kText = hex(0xe8eaed), kQuiet = hex(0xa3abb5), kDisabled = hex(0x7e8791);
constexpr Colour kAccent = hex(0x5cb8f5), kOnAccent = hex(0x0c1a26), kFocus = hex(0xffffff);
constexpr Colour kPassed = hex(0x67c587), kToldOf = hex(0x9db4cc), kWarned = hex(0xe9b84f), kFaulty = hex(0xf4766e);

// Contrast of two colours as WCAG 2 defines it, 1 to 21.
inline double contrast(const Colour& a, const Colour& b) {
  auto luminance = [](const Colour& c) {
    auto linear = [](double v) { return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4); };
    return 0.2126 * linear(c.r) + 0.7152 * linear(c.g) + 0.0722 * linear(c.b);
  };
  const double x = luminance(a), y = luminance(b);
  return (std::max(x, y) + 0.05) / (std::min(x, y) + 0.05);
}

}  // namespace mixdiagnose::ui
