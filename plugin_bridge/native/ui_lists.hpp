// The checklist in plain words, and width and correlation by region.
#pragma once

#include "ui_marks.hpp"
#include "ui_shown.hpp"

namespace mixdiagnose::ui {

constexpr double kLineStep = 14.0, kLineGap = 7.0;

// Lines of text that a line of the checklist takes, in rows of a window.
inline std::vector<std::string> line_rows(Pen& pen, const Shown& s, int line, double room) {
  pen.font(11.0);
  return pen.wrapped(clean(s.view.lines[line].text), room, s.view.lines[line].status == kPass ? 1 : 3);
}

// How ready the mix is; from the mark in the middle on it is.
inline void draw_ready(Pen& pen, const Rect& r, double readiness) {
  if (std::isnan(readiness)) return;
  const double share = std::clamp(readiness, 0.0, 1.0), y = r.y + 0.5 * r.h;
  pen.text(r.x, y + 4.0, "Readiness", 10.5, kQuiet);
  pen.number(r.right(), y + 4.0, decimal(100.0 * share, 0) + "%", 10.5, kText);
  const Rect track{r.x + 62.0, y - 2.5, r.w - 62.0 - 38.0, 5.0};
  pen.fill(track, kWell, 2.5);
  pen.fill({track.x, track.y, std::max(2.0, track.w * share), track.h}, kAccent, 2.5);
  pen.line(track.x + 0.5 * track.w, track.y - 3.0, track.x + 0.5 * track.w, track.bottom() + 3.0, kQuiet);
}

inline void draw_checklist(Pen& pen, const Layout& l, const Shown& s) {
  panel(pen, l.checklist, "CHECKLIST");
  const mixdiagnose::View& v = s.view;
  const Rect& r = l.lines;
  if (v.line_count == 0) {
    const char* why = s.engine == kLive ? "The diagnosis appears after 3 s of music" : "No diagnosis";
    return nothing(pen, r, why);
  }
  int counts[kStatuses] = {};
  for (uint32_t i = 0; i < v.line_count; ++i) ++counts[std::min<uint32_t>(v.lines[i].status, kStatuses - 1)];
  double at = l.checklist.right() - 10.0;
  for (uint32_t status : {kPass, kWarning, kProblem}) {
    if (!counts[status]) continue;
    at -= pen.number(at, l.checklist.y + 16.0, decimal(counts[status], 0), 10.5, kText) + 11.0;
    mark(pen, at, l.checklist.y + 12.5, status);
    at -= 14.0;
  }
  draw_ready(pen, l.ready, v.results.readiness);
  cairo_save(pen.c);
  pen.box(r);
  cairo_clip(pen.c);
  double y = r.y;
  int i = std::clamp(s.first_line, 0, int(v.line_count) - 1);
  const int first = i;
  for (; i < int(v.line_count); ++i) {
    const std::vector<std::string> rows = line_rows(pen, s, i, r.w - 24.0);
    const double height = kLineStep * std::max<size_t>(rows.size(), 1);
    if (y + height > r.bottom() + 2.0 && i > first) break;
    mark(pen, r.x + 8.0, y + 7.5, v.lines[i].status);
    for (size_t row = 0; row < rows.size(); ++row)
      pen.text(r.x + 24.0, y + 11.5 + kLineStep * row, rows[row], 11.0, v.lines[i].status == kPass ? kQuiet : kText);
    y += height + kLineGap;
  }
  cairo_restore(pen.c);
  const int shown = i - first, all = int(v.line_count);
  if (shown < all) {  // where in the list this is
    const double track = r.h, size = std::max(16.0, track * shown / all);
    pen.fill({l.checklist.right() - 7.0, r.y + (track - size) * first / std::max(1, all - shown), 3.0, size}, kZero, 1.5);
  }
}

// Plus or minus one, from a middle.
inline void correlation_bar(Pen& pen, const Rect& r, double value) {
  pen.fill(r, kWell, 2.0);
  const double middle = r.x + 0.5 * r.w;
  if (std::isfinite(value)) {
    const double to = middle + 0.5 * r.w * std::clamp(value, -1.0, 1.0);
    pen.fill({std::min(middle, to), r.y + 1.0, std::max(1.5, std::fabs(to - middle)), r.h - 2.0}, value < 0.0 ? kFaulty : kAccent);
  }
  pen.line(middle, r.y - 1.5, middle, r.bottom() + 1.5, kQuiet, 1.0);
}

inline void draw_stereo(Pen& pen, const Layout& l, const Shown& s) {
  panel(pen, l.stereo, "STEREO");
  const mixdiagnose::View& v = s.view;
  Rect in = l.stereo.inset(10.0, 0.0);
  in.cut_top(kTitle);
  in.cut_bottom(6.0);
  const double number = 32.0, name = std::clamp(0.25 * in.w, 52.0, 84.0), gap = 8.0;
  const double bars = 0.5 * (in.w - name - 2.0 * number - 2.0 * gap);
  const double first = in.x + name, second = first + bars + number + gap;
  // The names of the columns, and the whole.
  const double top = in.y + 10.0;
  pen.text(first, top, "width", 10.0, kQuiet, kLeft, bars);
  pen.font(10.0);
  const double word = pen.width("width ");
  if (v.region_count && bars + number - 8.0 > word + 50.0) {
    pen.fill({first + word + 4.0, top - 7.5, 10.0, 8.0}, kToldOf, 1.0, 0.3);
    pen.text(first + word + 18.0, top, "usual", 10.0, kQuiet);
  }
  pen.text(second, top, "correlation", 10.0, kQuiet, kLeft, bars + number);
  in.cut_top(15.0);
  const uint32_t rows = v.region_count + 1;
  const double step = std::min(in.h / std::max<uint32_t>(rows, 5), 24.0), bar = std::clamp(0.42 * step, 5.0, 8.0);
  for (uint32_t i = 0; i < rows; ++i) {
    if (in.h < step - 1.0) break;
    Rect row = in.cut_top(step);
    const double middle = row.y + 0.5 * row.h, base = middle + 4.0;
    const Region* of = i ? &v.regions[i - 1] : nullptr;
    pen.text(row.x, base, of ? clean(of->name) : "All", 10.5, of ? kQuiet : kText, kLeft, name - 6.0);
    const double correlation = of ? of->correlation : v.results.correlation;
    correlation_bar(pen, {second, middle - 0.5 * bar, bars, bar}, correlation);
    pen.number(row.right(), base, decimal(correlation, 2, true), 10.5, std::isnan(correlation) ? kDisabled : kText);
    if (!of) continue;
    const Rect track{first, middle - 0.5 * bar, bars, bar};
    pen.fill(track, kWell, 2.0);
    auto x_of = [&](double share) { return first + bars * std::clamp(share, 0.0, 1.0); };
    const double low = x_of(of->width_low), high = x_of(of->width_high);
    if (std::isfinite(low) && std::isfinite(high)) pen.fill({low, track.y, std::max(2.0, high - low), bar}, kToldOf, 1.0, 0.3);
    if (std::isfinite(of->width)) {
      const bool outside = of->width < of->width_low || of->width > of->width_high;
      const double x = x_of(of->width);
      pen.fill({x - 1.5, track.y - 3.0, 3.0, bar + 6.0}, outside ? kWarned : kAccent, 1.0);
      pen.number(first + bars + number - 4.0, base, decimal(100.0 * of->width, 0) + "%", 10.5, outside ? kWarned : kText);
    } else {
      pen.number(first + bars + number - 4.0, base, "\u2013", 10.5, kDisabled);
    }
  }
  if (v.region_count == 0 && in.h > 20.0) nothing(pen, in, s.engine == kLive ? "Regions follow with the diagnosis" : "No readings");
}

}  // namespace mixdiagnose::ui
