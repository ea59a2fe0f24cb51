// The spectrum against the genre's band of tolerance, and the correction below it on the same axis of frequency.
#pragma once

#include <array>

#include "ui_marks.hpp"
#include "ui_shown.hpp"

namespace mixdiagnose::ui {

constexpr double kLowHz = 20.0, kHighHz = 20000.0;

struct Axes {
  Rect plot;
  double top_db, span_db;

  double x(double hz) const { return plot.x + plot.w * std::log(hz / kLowHz) / std::log(kHighHz / kLowHz); }
  double hz(double px) const { return kLowHz * std::pow(kHighHz / kLowHz, (px - plot.x) / plot.w); }
  double y(double db) const { return plot.y + plot.h * std::clamp((top_db - db) / span_db, -0.5, 1.5); }
};

inline void grid(Pen& pen, const Axes& a, double step_db, bool relative) {
  for (double level = a.top_db; level >= a.top_db - a.span_db - 1e-9; level -= step_db) {
    const double y = std::round(a.y(level)) + 0.5;
    pen.line(a.plot.x, y, a.plot.right(), y, relative && level == 0.0 ? kZero : kGrid);
    pen.number(a.plot.x - 5.0, y + 3.5, decimal(level, 0, relative), 9.5, kQuiet);
  }
  double free = a.plot.x - 20.0;
  for (double hz : {20., 30., 50., 100., 200., 300., 500., 1000., 2000., 3000., 5000., 10000., 20000.}) {
    const double x = std::round(a.x(hz)) + 0.5;
    pen.line(x, a.plot.y, x, a.plot.bottom(), kGrid);
    if (hz == 30.0 || hz == 300.0 || hz == 3000.0) continue;
    const std::string name = hz >= 1000.0 ? decimal(hz / 1000.0, 0) + "k" : decimal(hz, 0);
    pen.font(9.5);
    const double w = pen.width(name);
    const double left = hz == kLowHz ? x - 3.0 : hz == kHighHz ? x - w : x - 0.5 * w;
    if (left < free || (hz != kHighHz && left + w > a.plot.right() - 26.0)) continue;
    pen.text(left, a.plot.bottom() + 13.0, name, 9.5, kQuiet);
    free = left + w + 7.0;
  }
}

// A curve through bands of the spectrum, in pieces where there are none.
template <class Level>
inline void through(Pen& pen, const Axes& a, const mixdiagnose::View& v, Level level, const Colour& k, double width) {
  cairo_new_path(pen.c);
  bool drawing = false;
  for (uint32_t i = 0; i < v.spectrum_count; ++i) {
    const double db = level(i), hz = v.spectrum_hz[i];
    const bool there = std::isfinite(db) && hz > 1.0 && std::isfinite(hz);
    if (there) drawing ? cairo_line_to(pen.c, a.x(hz), a.y(db)) : cairo_move_to(pen.c, a.x(hz), a.y(db));
    drawing = there;
  }
  pen.ink(k);
  cairo_set_line_width(pen.c, width);
  cairo_stroke(pen.c);
}

inline void draw_tolerance(Pen& pen, const Axes& a, const mixdiagnose::View& v) {
  for (uint32_t from = 0; from < v.spectrum_count; ++from) {
    if (!tolerated(v, from)) continue;
    uint32_t to = from;
    while (to + 1 < v.spectrum_count && tolerated(v, to + 1)) ++to;
    cairo_new_path(pen.c);
    for (uint32_t i = from; i <= to; ++i) cairo_line_to(pen.c, a.x(v.spectrum_hz[i]), a.y(v.tolerance_high_db[i]));
    for (uint32_t i = to + 1; i-- > from;) cairo_line_to(pen.c, a.x(v.spectrum_hz[i]), a.y(v.tolerance_low_db[i]));
    cairo_close_path(pen.c);
    pen.ink(kToldOf, 0.17);
    cairo_fill_preserve(pen.c);
    pen.ink(kToldOf, 0.35);
    cairo_set_line_width(pen.c, 1.0);
    cairo_stroke(pen.c);
    from = to;
  }
}

inline Rect plot_of(Rect inside) {
  inside.cut_left(24.0);
  inside.cut_bottom(16.0);
  return inside;
}

inline void draw_spectrum(Pen& pen, const Layout& l, const Shown& s, const Response& own, const Response& suggested) {
  panel(pen, l.spectrum, "SPECTRUM");
  const mixdiagnose::View& v = s.view;
  Rect inside = l.spectrum.inset(10.0, 0.0);
  inside.cut_top(kTitle + 4.0);
  inside.cut_bottom(4.0);
  const Range range = spectrum_range(v, s.spectrum);
  const Axes a{plot_of(inside), range.top, range.span};
  if (a.plot.h < 20.0) return;
  grid(pen, a, a.plot.h < 260.0 ? 12.0 : 6.0, false);
  // Keys, and what the second curve is: what it was before, or would be after.
  const bool before = s.sounds(), after = !before && suggested.count > 0;
  double at = l.spectrum.right() - 10.0;
  const double y = l.spectrum.y + 16.0;
  if (before || after) at = key(pen, at, y, before ? "before" : "after", kText, true, 1.3);
  at = key(pen, at, y, before ? "corrected" : "now", kAccent, false, 2.0);
  const std::string usual = v.genre[0] ? "usual in " + clean(v.genre) : "usual";
  pen.font(10.0);
  const double w = pen.width(usual);
  if (at - w - 20.0 > l.spectrum.x + 90.0) {
    pen.text(at - w, y, usual, 10.0, kQuiet);
    pen.fill({at - w - 19.0, y - 8.0, 14.0, 8.0}, kToldOf, 1.5, 0.4);
  }
  if (v.spectrum_count == 0) return nothing(pen, a.plot, s.engine == kLive ? "Press play" : "No readings");
  cairo_save(pen.c);
  pen.box(a.plot);
  cairo_clip(pen.c);
  draw_tolerance(pen, a, v);
  if (before || after) {
    pen.dash(4.0, 3.0);
    auto other = [&](uint32_t i) {
      return before ? v.spectrum_db[i] - own.at(v.spectrum_hz[i]) : v.spectrum_db[i] + suggested.at(v.spectrum_hz[i]);
    };
    through(pen, a, v, other, kText, 1.3);
    pen.solid();
  }
  through(pen, a, v, [&](uint32_t i) { return double(v.spectrum_db[i]); }, kAccent, 2.0);
  // Bands that lie outside are dots, in two shapes: above and below.
  for (uint32_t i = 0; i < v.spectrum_count; ++i) {
    if (!tolerated(v, i) || !std::isfinite(v.spectrum_db[i])) continue;
    const bool above = v.spectrum_db[i] > v.tolerance_high_db[i];
    if (!above && v.spectrum_db[i] >= v.tolerance_low_db[i]) continue;
    const double x = std::clamp(a.x(v.spectrum_hz[i]), a.plot.x + 4.0, a.plot.right() - 4.0), dy = above ? -3.5 : 3.5, y = a.y(v.spectrum_db[i]) + 2.0 * dy;
    cairo_new_path(pen.c);
    cairo_move_to(pen.c, x - 3.5, y - dy);
    cairo_line_to(pen.c, x + 3.5, y - dy);
    cairo_line_to(pen.c, x, y + dy * 0.7);
    cairo_close_path(pen.c);
    pen.ink(kWarned);
    cairo_fill(pen.c);
  }
  cairo_restore(pen.c);
}

inline void response(Pen& pen, const Axes& a, const Response& r, const Colour& k, double width, double filled) {
  cairo_new_path(pen.c);
  for (double x = a.plot.x; x <= a.plot.right(); x += 1.5) cairo_line_to(pen.c, x, a.y(r.at(a.hz(x))));
  if (filled > 0.0) {
    cairo_path_t* path = cairo_copy_path(pen.c);
    cairo_line_to(pen.c, a.plot.right(), a.y(0.0));
    cairo_line_to(pen.c, a.plot.x, a.y(0.0));
    cairo_close_path(pen.c);
    pen.ink(k, filled);
    cairo_fill(pen.c);
    cairo_append_path(pen.c, path);
    cairo_path_destroy(path);
  }
  pen.ink(k);
  cairo_set_line_width(pen.c, width);
  cairo_stroke(pen.c);
}

inline std::string told(const Setting& band) {
  static const char* const names[kKinds] = {"Bell", "Low shelf", "High shelf", "Notch", "High-pass", "Low-pass"};
  std::string text = std::string(names[std::min<uint32_t>(band.kind, kKinds - 1)]) + " " + hertz(band.frequency_hz);
  if (band.kind <= kHighShelf) text += " " + decimal(band.gain_db, 1, true) + " dB";
  return text;
}

// The bands in words: those suggested, or, where there are none, those that are on.
inline void draw_bands(Pen& pen, const Rect& r, const Shown& s) {
  std::array<Setting, kBands> listed;
  int count = 0;
  const bool suggested = s.suggestions() > 0;
  for (uint32_t i = 0; i < kBands; ++i) {
    if (suggested && i < s.view.results.band_count && s.view.results.bands[i].on)
      listed[count++] = setting(s.view.results.bands[i]);
    if (!suggested && s.on(band_parameter(i, kBandOn))) listed[count++] = setting(s, i);
  }
  const int columns = r.w > 560.0 ? 4 : r.w > 340.0 ? 3 : 2, rows = 2;
  for (int i = 0; i < std::min(count, columns * rows); ++i) {
    const double x = r.x + r.w * (i % columns) / columns, y = r.y + 11.0 + 17.0 * (i / columns);
    const bool more = i == columns * rows - 1 && count > columns * rows;
    pen.text(x, y, more ? "and " + decimal(count - i, 0) + " more" : told(listed[i]), 10.0, kQuiet, kLeft, r.w / columns - 6.0);
  }
}

inline void draw_correction(Pen& pen, const Layout& l, const Shown& s, const Response& own, const Response& suggested) {
  panel(pen, l.correction, "CORRECTION");
  const Axes axis{plot_of(l.curve), 0.0, 1.0};
  double most = 0.0;  // passes go out of the picture
  for (double x = axis.x(50.0); x <= axis.x(16000.0); x += 4.0)
    for (const Response* r : {&own, &suggested})
      if (r->count) most = std::max(most, std::min(std::fabs(r->at(axis.hz(x))), 24.0));
  const double reach = most <= 5.5 ? 6.0 : most <= 11.0 ? 12.0 : 24.0;
  const Axes a{axis.plot, reach, 2.0 * reach};
  if (a.plot.h < 16.0) return;
  grid(pen, a, a.plot.h < 80.0 ? reach : 0.5 * reach, true);
  double at = l.correction.right() - 10.0;
  if (suggested.count) at = key(pen, at, l.correction.y + 16.0, "suggested", kText, true, 1.3);
  if (own.count) key(pen, at, l.correction.y + 16.0, s.sounds() ? "in the signal" : "set, not on", s.sounds() ? kAccent : kDisabled, false, 2.0);
  cairo_save(pen.c);
  pen.box(a.plot);
  cairo_clip(pen.c);
  if (own.count) response(pen, a, own, s.sounds() ? kAccent : kDisabled, 2.0, s.sounds() ? 0.18 : 0.0);
  if (suggested.count) {
    pen.dash(4.0, 3.0);
    response(pen, a, suggested, kText, 1.3, 0.0);
    pen.solid();
  }
  cairo_restore(pen.c);
  if (l.bands.h > 0.0) draw_bands(pen, l.bands, s);
  if (!own.count && !suggested.count)
    pen.text(a.plot.x + 0.5 * a.plot.w, a.y(0.0) - 8.0,
             s.engine == kLive && s.view.line_count ? "Nothing to correct" : "Suggestions appear here while the mix plays", 11.0,
             kQuiet, kCentre, a.plot.w - 8.0);
}

}  // namespace mixdiagnose::ui
