// Marks of statuses, each of a shape of its own, and the frame of a panel.
#pragma once

#include "ui_paint.hpp"

namespace mixdiagnose::ui {

inline const Colour& colour_of(uint32_t status) {
  switch (status) {
    case kPass: return kPassed;
    case kInfo: return kToldOf;
    case kWarning: return kWarned;
    case kProblem:
    case kCrashed: return kFaulty;
    default: return kQuiet;
  }
}

// A mark 12 units wide around a point: tick, i in a disc, triangle, diamond, question mark in a ring, dash, cross.
inline void mark(Pen& pen, double x, double y, uint32_t status) {
  cairo_t* const c = pen.c;
  const Colour& k = colour_of(status);
  cairo_new_path(c);
  pen.ink(k);
  cairo_set_line_width(c, 1.8);
  auto letter = [&](const char* text, const Colour& on, double dy) {
    pen.text(x, y + dy, text, 9.0, on, kCentre, 1e9, true);
  };
  switch (status) {
    case kPass:
      cairo_set_line_cap(c, CAIRO_LINE_CAP_ROUND);
      cairo_move_to(c, x - 4.5, y + 0.3);
      cairo_line_to(c, x - 1.4, y + 3.6);
      cairo_line_to(c, x + 4.8, y - 3.8);
      cairo_stroke(c);
      cairo_set_line_cap(c, CAIRO_LINE_CAP_BUTT);
      break;
    case kInfo:
      cairo_arc(c, x, y, 5.6, 0.0, 6.2831853);
      cairo_fill(c);
      letter("i", kPanel, 3.3);
      break;
    case kWarning:
      cairo_move_to(c, x, y - 5.5);
      cairo_line_to(c, x + 6.2, y + 5.0);
      cairo_line_to(c, x - 6.2, y + 5.0);
      cairo_close_path(c);
      cairo_fill(c);
      letter("!", kPanel, 4.0);
      break;
    case kProblem:
      cairo_move_to(c, x, y - 6.8);
      cairo_line_to(c, x + 6.8, y);
      cairo_line_to(c, x, y + 6.8);
      cairo_line_to(c, x - 6.8, y);
      cairo_close_path(c);
      cairo_fill(c);
      letter("!", kPanel, 3.3);
      break;
    case kCrashed:
      cairo_move_to(c, x - 4, y - 4), cairo_line_to(c, x + 4, y + 4);
      cairo_move_to(c, x + 4, y - 4), cairo_line_to(c, x - 4, y + 4);
      cairo_stroke(c);
      break;
    case kSkipped:
      cairo_move_to(c, x - 4, y), cairo_line_to(c, x + 4, y);
      cairo_stroke(c);
      break;
    default:
      cairo_arc(c, x, y, 5.2, 0.0, 6.2831853);
      cairo_set_line_width(c, 1.3);
      cairo_stroke(c);
      letter("?", k, 3.3);
  }
}

inline void panel(Pen& pen, const Rect& r, const char* title) {
  pen.fill(r, kPanel, 5.0);
  pen.outline(r, kEdge, 5.0);
  pen.text(r.x + 10.0, r.y + 16.5, title, 10.5, kQuiet, kLeft, r.w - 20.0, true);
}

// What a panel says where there is nothing to show.
inline void nothing(Pen& pen, const Rect& r, const char* why) {
  pen.text(r.x + 0.5 * r.w, r.y + 0.5 * r.h + 4.0, why, 11.0, kQuiet, kCentre, r.w - 12.0);
}

// A key of a curve, from right to left; returns where the next one ends.
inline double key(Pen& pen, double right, double y, const char* name, const Colour& k, bool dashed, double thick) {
  pen.font(10.0);
  const double w = pen.width(name);
  pen.text(right - w, y, name, 10.0, kQuiet);
  if (dashed) pen.dash(3.0, 2.0);
  pen.line(right - w - 20.0, y - 3.5, right - w - 5.0, y - 3.5, k, thick);
  pen.solid();
  return right - w - 32.0;
}

}  // namespace mixdiagnose::ui
