// Where things are in the window, in units that are pixels at 100 %.
#pragma once

#include <algorithm>
#include <cmath>

namespace mixdiagnose::ui {

struct Rect {
  double x = 0.0, y = 0.0, w = 0.0, h = 0.0;

  double right() const { return x + w; }
  double bottom() const { return y + h; }
  bool has(double px, double py) const { return px >= x && px < x + w && py >= y && py < y + h; }
  Rect inset(double dx, double dy) const { return {x + dx, y + dy, std::max(0.0, w - 2 * dx), std::max(0.0, h - 2 * dy)}; }
  Rect cut_top(double height) {
    const double taken = std::min(height, h);
    const Rect part{x, y, w, taken};
    y += taken, h -= taken;
    return part;
  }
  Rect cut_bottom(double height) {
    const double taken = std::min(height, h);
    h -= taken;
    return {x, y + h, w, taken};
  }
  Rect cut_left(double width) {
    const double taken = std::min(width, w);
    const Rect part{x, y, taken, h};
    x += taken, w -= taken;
    return part;
  }
  Rect cut_right(double width) {
    const double taken = std::min(width, w);
    w -= taken;
    return {x + w, y, taken, h};
  }
};

// What can be operated, in the order of the Tab key.
enum Control { kGenre, kReset, kReport, kCorrect, kApply, kAmountSlider, kAuto, kChecklist, kControls };

// Sizes in pixels: the least the window can have, and what it opens with, at 100 %.
constexpr int kLeastWidth = 640, kLeastHeight = 400, kWidth = 1000, kHeight = 640;

// Pixels of a unit: the host's scale, and a larger window has somewhat larger letters.
inline double unit(double width, double height, double scale) {
  const double fit = std::min(width / kWidth, height / kHeight) / scale;
  return scale * std::clamp(std::pow(std::max(fit, 0.01), 0.7), 0.82, 2.5);
}

struct Layout {
  double w, h;
  Rect header, brand, headline, loudness, history, spectrum, correction, checklist, stereo;
  Rect curve, bands;  // of the correction
  Rect lines, ready;  // of the checklist
  Rect controls[kControls];
};

constexpr double kTitle = 22.0, kMenuRow = 22.0;

inline Layout layout(double w, double h) {
  constexpr double margin = 10.0, gap = 8.0, button = 26.0;
  Layout l{};
  l.w = w, l.h = h;
  Rect all{0.0, 0.0, w, h};
  l.header = all.cut_top(46.0);
  Rect head = l.header.inset(margin + 4.0, 10.0);
  l.controls[kReport] = head.cut_right(92.0);
  head.cut_right(6.0);
  l.controls[kReset] = head.cut_right(58.0);
  head.cut_right(6.0);
  l.controls[kGenre] = head.cut_right(std::clamp(0.17 * w, 130.0, 190.0));
  head.cut_right(12.0);
  l.brand = head.cut_left(118.0);
  l.headline = head;

  Rect body = all.inset(margin, 0.0);
  body.cut_bottom(margin);
  Rect left = body.cut_left(std::max(0.225 * w, 182.0));
  body.cut_left(gap);
  Rect right = body.cut_right(std::max(0.29 * w, 224.0));
  body.cut_right(gap);

  l.loudness = left.cut_top(std::clamp(0.50 * left.h, 216.0, 330.0));
  left.cut_top(gap);
  l.history = left;

  l.stereo = right.cut_bottom(std::clamp(0.38 * right.h, 150.0, 230.0));
  right.cut_bottom(gap);
  l.checklist = right;
  l.lines = right.inset(10.0, 0.0);
  l.lines.cut_top(kTitle + 4.0);
  l.lines.cut_bottom(6.0);
  l.ready = l.lines.cut_bottom(18.0);
  l.lines.cut_bottom(4.0);
  l.controls[kChecklist] = l.lines;

  l.spectrum = body.cut_top(0.49 * body.h);
  body.cut_top(gap);
  l.correction = body;
  Rect inside = body.inset(10.0, 0.0);
  inside.cut_top(kTitle + 7.0);
  inside.cut_bottom(10.0);
  Rect row = inside.cut_bottom(button);
  inside.cut_bottom(8.0);
  l.controls[kCorrect] = row.cut_left(62.0);
  row.cut_left(6.0);
  l.controls[kApply] = row.cut_left(std::min(96.0, 0.26 * row.w));
  l.controls[kAuto] = row.cut_right(56.0);
  l.controls[kAmountSlider] = row.inset(12.0, 0.0);
  if (inside.h > 150.0) {
    l.bands = inside.cut_bottom(34.0);
    inside.cut_bottom(6.0);
  }
  l.curve = inside;
  return l;
}

// The genres to choose from, below their button: an entry per row, the first of them being `first`.
struct Menu {
  Rect box;
  int rows;
};

inline Menu menu(const Layout& l, int entries) {
  const Rect& from = l.controls[kGenre];
  const int fit = std::max(1, int((l.h - from.bottom() - 20.0) / kMenuRow));
  const int rows = std::min(entries, fit);
  return {{from.x, from.bottom() + 4.0, from.w, rows * kMenuRow + 8.0}, rows};
}

}  // namespace mixdiagnose::ui
