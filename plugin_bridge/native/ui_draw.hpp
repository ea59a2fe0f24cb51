// The whole window.
#pragma once

#include "ui_apply.hpp"
#include "ui_curves.hpp"
#include "ui_lists.hpp"
#include "ui_loudness.hpp"

namespace mixdiagnose::ui {

inline bool enabled(const Shown& s, int control) {
  switch (control) {
    case kApply: return applying(s) == kPutIn || applying(s) == kAddTo;
    case kGenre: return s.engine == kLive && s.view.genre_count > 0;
    case kReset: return s.engine == kLive;
    case kReport: return s.engine == kLive && s.view.line_count > 0 && !s.report_wanted;
    case kChecklist: return s.view.line_count > 0;
    default: return true;
  }
}

inline void ring(Pen& pen, const Layout& l, const Shown& s, int control, double radius = 4.0) {
  if (s.focus != control) return;
  pen.outline(l.controls[control].inset(control == kAmountSlider ? -8.0 : -3.0, -3.0), kFocus, radius + 3.0, 1.6);
}

// A button. One that is on is filled with the accent, and says so by its text as well.
inline void button(Pen& pen, const Layout& l, const Shown& s, int control, const std::string& text, bool on, Align align = kCentre) {
  const Rect& r = l.controls[control];
  const bool able = enabled(s, control), over = able && (s.over == control || s.pressed == control);
  pen.fill(r, on && able ? kAccent : over ? kRaisedOver : able ? kRaised : kPanel, 4.0);
  if (!on || !able) pen.outline(r, s.pressed == control ? kQuiet : kEdge, 4.0);
  const Colour& k = !able ? kDisabled : on ? kOnAccent : kText;
  const double x = align == kCentre ? r.x + 0.5 * r.w : r.x + 9.0;
  pen.text(x, r.y + 0.5 * r.h + 4.0, text, 11.0, k, align, r.w - (align == kLeft ? 28.0 : 8.0), on && able);
  ring(pen, l, s, control);
}

// The length along which the knob moves.
inline Rect slider_track(const Layout& l) {
  Rect r = l.controls[kAmountSlider];
  r.cut_left(r.w > 150.0 ? 52.0 : 6.0);
  r.cut_right(44.0);
  return r;
}

inline void draw_slider(Pen& pen, const Layout& l, const Shown& s) {
  const Rect& r = l.controls[kAmountSlider];
  const double middle = r.y + 0.5 * r.h;
  const Rect track = slider_track(l);
  if (track.x > r.x + 20.0) pen.text(r.x, middle + 4.0, "Amount", 10.5, kQuiet);
  pen.number(r.right(), middle + 4.0, decimal(s.values[kAmount], 0) + " %", 11.0, kText);
  const double from = track.x, to = track.right(), at = from + (to - from) * s.amount();
  if (to <= from) return;
  pen.fill({from, middle - 2.0, to - from, 4.0}, kZero, 2.0);
  pen.fill({from, middle - 2.0, at - from, 4.0}, s.sounds() ? kAccent : kQuiet, 2.0);
  cairo_new_path(pen.c);
  cairo_arc(pen.c, at, middle, s.over == kAmountSlider || s.pressed == kAmountSlider ? 7.0 : 6.0, 0.0, 6.2831853);
  pen.ink(kText);
  cairo_fill(pen.c);
  ring(pen, l, s, kAmountSlider);
}

// What of the slider's length is to the left of a place.
inline double slider_share(const Layout& l, double x) {
  const Rect r = slider_track(l);
  return std::clamp((x - r.x) / std::max(1.0, r.w), 0.0, 1.0);
}

inline std::string genre_entry(const Shown& s, int entry) {
  return entry == 0 ? "As in the profile" : clean(s.view.genres[entry - 1]);
}

inline void draw_header(Pen& pen, const Layout& l, const Shown& s) {
  pen.text(l.brand.x, l.header.y + 29.0, "MixDiagnose", 15.0, kText, kLeft, l.brand.w, true);
  const Rect& r = l.headline;
  const double y = r.y + 0.5 * r.h;
  std::string text;
  uint32_t status = kUndetermined;
  switch (s.engine) {
    case kNoLink: text = "analysis offline: no room for the link to it"; break;
    case kOffline: text = "analysis offline; audio and EQ go on"; break;
    case kWaiting: text = "waiting for the analysis"; break;
    case kOtherVersion: text = "the analysis is of another version: install the plugin again"; break;
    case kLive:
      text = clean(s.view.headline);
      status = kInfo;
      for (uint32_t i = 0; i < s.view.line_count; ++i)
        if (s.view.lines[i].status == kProblem || s.view.lines[i].status == kCrashed) status = kProblem;
      if (status != kProblem && s.view.line_count && s.view.results.readiness >= 0.5f) status = kPass;
  }
  if (s.engine < kLive) status = kCrashed;
  if (s.engine == kWaiting) status = kInfo;
  if (s.notice[0]) text = clean(s.notice), status = kWarning;
  if (s.bypassed()) text = "bypassed \u00b7 " + text;
  mark(pen, r.x + 8.0, y, status);
  pen.text(r.x + 22.0, y + 4.5, text, 12.5, status == kInfo || status == kPass ? kText : colour_of(status), kLeft, r.w - 26.0);
  button(pen, l, s, kGenre, s.view.genre[0] ? "Genre: " + clean(s.view.genre) : "Genre", false, kLeft);
  const Rect& g = l.controls[kGenre];
  cairo_new_path(pen.c);
  cairo_move_to(pen.c, g.right() - 17.0, g.y + 0.5 * g.h - 2.0);
  cairo_rel_line_to(pen.c, 4.0, 4.0);
  cairo_rel_line_to(pen.c, 4.0, -4.0);
  pen.ink(enabled(s, kGenre) ? kQuiet : kDisabled);
  cairo_set_line_width(pen.c, 1.5);
  cairo_stroke(pen.c);
  button(pen, l, s, kReset, "Reset", false);
  button(pen, l, s, kReport, s.report_wanted ? "Writing\u2026" : "Full report", false);
}

inline void draw_menu(Pen& pen, const Layout& l, const Shown& s) {
  const Menu m = menu(l, s.genres());
  pen.fill({m.box.x + 2.0, m.box.y + 3.0, m.box.w, m.box.h}, kWell, 5.0, 0.6);
  pen.fill(m.box, kRaised, 5.0);
  pen.outline(m.box, kZero, 5.0);
  const int first = std::clamp(s.menu_first, 0, std::max(0, s.genres() - m.rows));
  for (int row = 0; row < m.rows; ++row) {
    const int entry = first + row;
    const Rect r{m.box.x + 4.0, m.box.y + 4.0 + row * kMenuRow, m.box.w - 8.0, kMenuRow};
    const bool at = entry == s.menu_at;
    const bool chosen = entry == 0 ? !s.chosen_genre[0] : std::strcmp(s.view.genres[entry - 1], s.chosen_genre) == 0;
    if (at) pen.fill(r, kAccent, 3.0);
    if (chosen) {
      pen.ink(at ? kOnAccent : kAccent);
      cairo_new_path(pen.c);
      cairo_arc(pen.c, r.x + 9.0, r.y + 0.5 * r.h, 2.5, 0.0, 6.2831853);
      cairo_fill(pen.c);
    }
    pen.text(r.x + 18.0, r.y + 15.0, genre_entry(s, entry), 11.0, at ? kOnAccent : kText, kLeft, r.w - 24.0);
  }
  if (m.rows < s.genres()) {
    const double track = m.box.h - 8.0, size = track * m.rows / s.genres();
    pen.fill({m.box.right() - 5.0, m.box.y + 4.0 + (track - size) * first / (s.genres() - m.rows), 3.0, size}, kQuiet, 1.5);
  }
}

inline const char* apply_text(const Shown& s) {
  switch (applying(s)) {
    case kAddTo: return "Add bands";
    case kApplied: return "Applied";
    case kNoRoom: return "No free band";
    default: return "Apply";
  }
}

// Draws the window into a rectangle of that many pixels; `scale` is the host's, 2 for 200 %.
inline void draw(cairo_t* to, const Shown& s, double width, double height, double scale) {
  const double u = unit(width, height, scale);
  cairo_save(to);
  cairo_scale(to, u, u);
  const Layout l = layout(width / u, height / u);
  {
    Pen pen(to);
    pen.fill({0.0, 0.0, l.w, l.h}, kGround);
    const Response own = own_response(s), suggested = suggested_response(s);
    draw_header(pen, l, s);
    draw_loudness(pen, l, s);
    draw_history(pen, l, s);
    draw_spectrum(pen, l, s, own, suggested);
    draw_correction(pen, l, s, own, suggested);
    draw_checklist(pen, l, s);
    draw_stereo(pen, l, s);
    ring(pen, l, s, kChecklist);
    button(pen, l, s, kCorrect, s.on(kCorrection) ? "EQ on" : "EQ off", s.on(kCorrection));
    button(pen, l, s, kApply, apply_text(s), false);
    draw_slider(pen, l, s);
    button(pen, l, s, kAuto, "Auto", s.on(kAutoApply));
    if (s.menu_open) draw_menu(pen, l, s);
  }
  cairo_restore(to);
}

}  // namespace mixdiagnose::ui
