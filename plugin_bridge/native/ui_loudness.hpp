// Loudness in numbers, and how it went in the last minute.
#pragma once

#include "ui_marks.hpp"
#include "ui_shown.hpp"

namespace mixdiagnose::ui {

// A reading with its name above and its unit, small, behind it.
inline void reading(Pen& pen, const Rect& r, const char* name, double value, const char* unit, double size,
                    const Colour& k = kText) {
  pen.text(r.x, r.y + 11.0, name, 10.5, kQuiet, kLeft, r.w);
  const double base = r.y + 15.0 + 0.86 * size, right = r.x + 2.75 * size;
  pen.number(right, base, decimal(value), size, std::isnan(value) ? kDisabled : k);
  pen.text(right + 4.0, base, unit, 10.0, kQuiet);
}

inline void draw_loudness(Pen& pen, const Layout& l, const Shown& s) {
  panel(pen, l.loudness, "LOUDNESS");
  const mixdiagnose::View& v = s.view;
  Rect in = l.loudness.inset(12.0, 0.0);
  in.cut_top(kTitle + 2.0);
  in.cut_bottom(6.0);
  if (v.results.incomplete && s.engine == kLive) {
    std::string why = v.results.incomplete & kLostFrames ? "readings incomplete: audio lost" : "readings incomplete: joined late";
    Rect told = in.cut_bottom(18.0);
    pen.font(10.5);
    if (pen.width(why) > told.w - 18.0) why = "readings incomplete";
    mark(pen, told.x + 6.0, told.y + 8.0, kWarning);
    pen.text(told.x + 18.0, told.y + 12.0, why, 10.5, kWarned, kLeft, told.w - 18.0);
  }
  const double row = in.h / 4.35;
  // A number has room for "\u221214.8" and its unit: 2.75 times its size, and 32.
  const double size = std::clamp(std::min(0.46 * row, (0.5 * in.w - 35.0) / 2.75), 14.0, 26.0);
  const double large = std::clamp(std::min(0.80 * row, (in.w - 40.0) / 2.75), 24.0, 48.0);
  Rect top = in.cut_top(1.35 * row);
  reading(pen, top, "Integrated", v.results.integrated_lufs, "LUFS", large);
  if (v.measured_s > 0.0) {
    char time[24];
    const int seconds = int(std::min(v.measured_s, 359999.0));
    std::snprintf(time, sizeof time, "%d:%02d", seconds / 60, seconds % 60);
    pen.number(top.right(), top.y + 11.0, time, 10.5, kQuiet);
  }
  const bool over = v.results.true_peak_dbtp > -1.0;
  const struct {
    const char* name;
    double value;
    const char* unit;
    const Colour& k;
  } cells[] = {
      {"Short-term", v.results.short_term_lufs, "LUFS", kText}, {"Momentary", v.results.momentary_lufs, "LUFS", kText},
      {"True peak", v.results.true_peak_dbtp, "dBTP", over ? kWarned : kText}, {"Peak/loudness", v.plr_db, "dB", kText},
      {"Range (LRA)", v.loudness_range_lu, "LU", kText}, {"Max short-term", v.max_short_term_lufs, "LUFS", kText}};
  for (int i = 0; i < 6; i += 2) {
    Rect line = in.cut_top(row);
    Rect first = line.cut_left(0.5 * line.w);
    reading(pen, first, cells[i].name, cells[i].value, cells[i].unit, size, cells[i].k);
    reading(pen, line, cells[i + 1].name, cells[i + 1].value, cells[i + 1].unit, size, cells[i + 1].k);
  }
}

inline void draw_history(Pen& pen, const Layout& l, const Shown& s) {
  panel(pen, l.history, "LAST 60 SECONDS");
  const mixdiagnose::View& v = s.view;
  double at = l.history.right() - 10.0;
  if (l.history.w > 250.0) {
    at = key(pen, at, l.history.y + 16.0, "momentary", kQuiet, false, 1.0);
    key(pen, at, l.history.y + 16.0, "short-term", kAccent, false, 2.0);
  }
  Rect plot = l.history.inset(10.0, 0.0);
  plot.cut_top(kTitle + 4.0);
  plot.cut_bottom(20.0);
  plot.cut_left(24.0);
  if (plot.h < 20.0) return;
  double most = -100.0, least = 100.0;
  for (uint32_t i = 0; i < v.history_count; ++i) {
    if (std::isfinite(v.momentary_lufs[i])) most = std::max(most, double(v.momentary_lufs[i]));
    if (std::isfinite(v.short_term_lufs[i])) least = std::min(least, double(v.short_term_lufs[i]));
  }
  const double top = most > -100.0 ? std::clamp(6.0 * std::ceil((most + 1.0) / 6.0), -60.0, 12.0) : 0.0;
  const double span = least < 100.0 ? std::clamp(6.0 * std::ceil((top - least + 2.0) / 6.0), 18.0, 36.0) : 36.0;
  auto y_of = [&](double lufs) { return plot.y + plot.h * std::clamp((top - lufs) / span, 0.0, 1.0); };
  const double step = plot.h < 80.0 ? 12.0 : 6.0;
  for (double level = top; level >= top - span; level -= step) {
    const double y = std::round(y_of(level)) + 0.5;
    pen.line(plot.x, y, plot.right(), y, kGrid);
    pen.number(plot.x - 5.0, y + 3.5, decimal(level, 0), 9.5, kQuiet);
  }
  for (int ago = 0; ago <= 60; ago += 20) {
    const double x = std::round(plot.right() - plot.w * ago / 60.0);
    pen.line(x + 0.5, plot.y, x + 0.5, plot.bottom(), kGrid);
    const std::string told = ago ? decimal(-ago, 0) + " s" : "now";
    pen.text(x, plot.bottom() + 13.0, told, 9.5, kQuiet, ago == 0 ? kRight : ago == 60 ? kLeft : kCentre);
  }
  if (v.history_count == 0) return nothing(pen, plot, s.engine == kLive ? "Press play" : "No readings");
  cairo_save(pen.c);
  pen.box(plot);
  cairo_clip(pen.c);
  auto curve = [&](const float* of, const Colour& k, double width) {
    bool drawing = false;
    cairo_new_path(pen.c);
    for (uint32_t i = 0; i < v.history_count; ++i) {
      const double x = plot.right() - plot.w * (v.history_count - 1 - i) / double(View::kHistory);
      const bool there = std::isfinite(of[i]) && of[i] > top - span - 20.0f;
      if (there) drawing ? cairo_line_to(pen.c, x, y_of(of[i])) : cairo_move_to(pen.c, x, y_of(of[i]));
      drawing = there;
    }
    pen.ink(k);
    cairo_set_line_width(pen.c, width);
    cairo_stroke(pen.c);
  };
  curve(v.momentary_lufs, kQuiet, 0.8);
  curve(v.short_term_lufs, kAccent, 1.8);
  if (std::isfinite(v.results.integrated_lufs)) {
    pen.dash(4.0, 3.0);
    const double y = std::round(y_of(v.results.integrated_lufs)) + 0.5;
    pen.line(plot.x, y, plot.right(), y, kText, 1.0, 0.8);
    pen.solid();
  }
  cairo_restore(pen.c);
}

}  // namespace mixdiagnose::ui
