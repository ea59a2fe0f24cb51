// A pen on cairo: letters, numbers that stand still, boxes, marks of statuses.
#pragma once

#include <cairo.h>

#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "link_layout.hpp"
#include "ui_layout.hpp"
#include "ui_palette.hpp"

namespace mixdiagnose::ui {

enum Align { kLeft, kCentre, kRight };

#if defined(_WIN32)
constexpr const char* kFont = "Segoe UI";
#elif defined(__APPLE__)
constexpr const char* kFont = "Helvetica Neue";
#else
constexpr const char* kFont = "DejaVu Sans Condensed";  // where it is missing, the system's own takes its place
#endif

// Text of another process as cairo can draw it: what is no UTF-8 becomes "?", control characters become spaces. One bad
// byte would make cairo draw nothing more.
inline std::string clean(const char* text) {
  std::string made;
  const auto* p = reinterpret_cast<const unsigned char*>(text);
  while (*p) {
    const int more = *p < 0x80 ? 0 : *p >= 0xc2 && *p < 0xe0 ? 1 : *p >= 0xe0 && *p < 0xf0 ? 2 : *p >= 0xf0 && *p < 0xf5 ? 3 : -1;
    bool good = more >= 0;
    for (int i = 1; good && i <= more; ++i) good = (p[i] & 0xc0) == 0x80;
    if (good && more == 2) good = !(p[0] == 0xe0 && p[1] < 0xa0) && !(p[0] == 0xed && p[1] > 0x9f);
    if (good && more == 3) good = !(p[0] == 0xf0 && p[1] < 0x90) && !(p[0] == 0xf4 && p[1] > 0x8f);
    if (!good) made += '?', ++p;
    else if (more == 0) made += *p < 0x20 || *p == 0x7f ? ' ' : char(*p), ++p;
    else made.append(reinterpret_cast<const char*>(p), size_t(more) + 1), p += more + 1;
  }
  return made;
}

class Pen {
 public:
  explicit Pen(cairo_t* to) : c(to) {
    cairo_font_options_t* options = cairo_font_options_create();
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_SLIGHT);
    cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
    cairo_set_font_options(c, options);
    cairo_font_options_destroy(options);
    cairo_set_line_join(c, CAIRO_LINE_JOIN_ROUND);
  }

  cairo_t* const c;

  void ink(const Colour& k, double alpha = 1.0) { cairo_set_source_rgba(c, k.r, k.g, k.b, alpha); }

  void box(const Rect& r, double radius = 0.0) {
    cairo_new_path(c);
    if (radius <= 0.0) return cairo_rectangle(c, r.x, r.y, r.w, r.h);
    radius = std::min({radius, 0.5 * r.w, 0.5 * r.h});
    const double pi = 3.14159265358979;
    cairo_arc(c, r.right() - radius, r.y + radius, radius, -pi / 2, 0);
    cairo_arc(c, r.right() - radius, r.bottom() - radius, radius, 0, pi / 2);
    cairo_arc(c, r.x + radius, r.bottom() - radius, radius, pi / 2, pi);
    cairo_arc(c, r.x + radius, r.y + radius, radius, pi, 1.5 * pi);
    cairo_close_path(c);
  }
  void fill(const Rect& r, const Colour& k, double radius = 0.0, double alpha = 1.0) {
    box(r, radius);
    ink(k, alpha);
    cairo_fill(c);
  }
  void outline(const Rect& r, const Colour& k, double radius, double width = 1.0) {
    box(r.inset(0.5 * width, 0.5 * width), radius);
    ink(k);
    cairo_set_line_width(c, width);
    cairo_stroke(c);
  }
  void line(double x0, double y0, double x1, double y1, const Colour& k, double width = 1.0, double alpha = 1.0) {
    cairo_new_path(c);
    cairo_move_to(c, x0, y0);
    cairo_line_to(c, x1, y1);
    ink(k, alpha);
    cairo_set_line_width(c, width);
    cairo_stroke(c);
  }
  void dash(double on, double off) {
    const double lengths[] = {on, off};
    cairo_set_dash(c, lengths, off > 0.0 ? 2 : 0, 0.0);
  }
  void solid() { cairo_set_dash(c, nullptr, 0, 0.0); }

  void font(double size, bool bold = false) {
    cairo_select_font_face(c, kFont, CAIRO_FONT_SLANT_NORMAL, bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(c, size);
  }
  double width(const std::string& text) {
    cairo_text_extents_t e;
    cairo_text_extents(c, text.c_str(), &e);
    return e.x_advance;
  }

  // The text, or as much of its beginning as fits with an ellipsis, in the font that is set.
  std::string fitting(const std::string& text, double room) {
    if (width(text) <= room) return text;
    std::string part = text;
    while (!part.empty()) {
      for (bool inside = true; inside && !part.empty(); part.pop_back()) inside = (part.back() & 0xc0) == 0x80;
      while (!part.empty() && part.back() == ' ') part.pop_back();
      if (width(part + "\u2026") <= room) break;
    }
    return part.empty() ? "" : part + "\u2026";
  }

  // At a baseline; returns the width drawn.
  double text(double x, double y, const std::string& told, double size, const Colour& k, Align align = kLeft,
              double room = 1e9, bool bold = false) {
    font(size, bold);
    const std::string part = fitting(told, room);
    const double w = width(part);
    cairo_new_path(c);
    cairo_move_to(c, align == kLeft ? x : align == kRight ? x - w : x - 0.5 * w, y);
    ink(k);
    cairo_show_text(c, part.c_str());
    return w;
  }

  // A number whose digits all take the same room, so that it stands still while it changes. Its right edge is at x.
  double number(double x, double y, const std::string& told, double size, const Colour& k, bool bold = false) {
    font(size, bold);
    const double digit = width("0"), total = number_width(told, digit);
    double at = x - total;
    ink(k);
    for (size_t i = 0; i < told.size();) {
      const std::string one = glyph(told, i);
      const double w = width(one), room = tabular(one) ? digit : w;
      cairo_move_to(c, at + 0.5 * (room - w), y);
      cairo_show_text(c, one.c_str());
      at += room;
      i += one.size();
    }
    return total;
  }

  // In lines of at most that width, at most so many; the last one ends with an ellipsis where there is more.
  std::vector<std::string> wrapped(const std::string& told, double room, size_t most) {
    std::vector<std::string> lines;
    size_t at = 0;
    while (at < told.size()) {
      if (lines.size() + 1 == most) return lines.push_back(fitting(told.substr(at), room)), lines;
      size_t end = at, next = at;
      for (size_t space = at; space < told.size();) {
        space = std::min(told.find(' ', space + 1), told.size());
        if (width(told.substr(at, space - at)) > room) break;
        end = space, next = space + 1;
      }
      if (end == at) return lines.push_back(fitting(told.substr(at), room)), lines;
      lines.push_back(told.substr(at, end - at));
      at = next;
    }
    return lines;
  }

 private:
  static std::string glyph(const std::string& text, size_t at) {
    size_t n = 1;
    while (at + n < text.size() && (static_cast<unsigned char>(text[at + n]) & 0xc0) == 0x80) ++n;
    return text.substr(at, n);
  }
  static bool tabular(const std::string& one) { return (one[0] >= '0' && one[0] <= '9') || one == "\u2212" || one == "+"; }
  double number_width(const std::string& told, double digit) {
    double total = 0.0;
    for (size_t i = 0; i < told.size();) {
      const std::string one = glyph(told, i);
      total += tabular(one) ? digit : width(one);
      i += one.size();
    }
    return total;
  }
};

// With one decimal and a real minus; an en dash where there is none.
inline std::string decimal(double value, int places = 1, bool sign = false) {
  if (std::isnan(value)) return "\u2013";
  if (value < -120.0) return "\u2212\u221e";
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", places, std::fabs(std::min(value, 9999.0)));
  const bool zero = std::strtod(text, nullptr) == 0.0;
  return (value < 0.0 && !zero ? "\u2212" : sign && !zero ? "+" : "") + std::string(text);
}

inline std::string hertz(double hz) {
  char text[32];
  if (hz >= 10000.0) std::snprintf(text, sizeof text, "%.0f kHz", hz / 1000.0);
  else if (hz >= 1000.0) std::snprintf(text, sizeof text, "%.1f kHz", hz / 1000.0);
  else std::snprintf(text, sizeof text, "%.0f Hz", hz);
  return text;
}

}  // namespace mixdiagnose::ui
