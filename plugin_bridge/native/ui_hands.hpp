// What mouse and keys do.
#pragma once

#include "ui_draw.hpp"

namespace mixdiagnose::ui {

// What the window can have done.
class Host {
 public:
  virtual ~Host() = default;
  virtual void grab(uint32_t parameter, bool held) = 0;  // the user begins or ends to change it
  virtual void set(uint32_t parameter, float value) = 0;
  virtual void reset() = 0;
  virtual void report() = 0;
  virtual void choose_genre(const char* name) = 0;
};

enum Key { kTab, kBackTab, kActivate, kEscape, kLess, kMore, kUp, kDown, kPageUp, kPageDown, kHome, kEnd, kNoKey };

class Hands {
 public:
  Hands(Shown& shown, Host& host) : s(shown), to(host) {}

  // Whether something is operated there.
  bool meant(const Layout& l, double x, double y) const { return s.menu_open || control_at(l, x, y) >= 0; }

  // All return whether the window has to be drawn anew, or, for keys, whether the key was meant for it: what it has no
  // use for goes to the host, where the space bar plays and stops.
  bool press(const Layout& l, double x, double y) {
    if (s.menu_open) {
      const int entry = entry_at(l, x, y);
      if (entry >= 0) choose(entry);
      s.menu_open = false;
      return true;
    }
    s.focus = -1;
    const int at = control_at(l, x, y);
    if (at < 0 || !enabled(s, at)) return true;
    s.pressed = at;
    if (at == kAmountSlider) {
      to.grab(kAmount, true);
      slide(l, x);
    }
    return true;
  }

  bool release(const Layout& l, double x, double y) {
    const int was = s.pressed;
    s.pressed = -1;
    if (was == kAmountSlider) to.grab(kAmount, false);
    else if (was >= 0 && was == control_at(l, x, y) && enabled(s, was)) activate(was);
    return was >= 0;
  }

  bool move(const Layout& l, double x, double y) {
    if (s.pressed == kAmountSlider) return slide(l, x), true;
    if (s.menu_open) {
      const int entry = entry_at(l, x, y);
      if (entry < 0 || entry == s.menu_at) return false;
      s.menu_at = entry;
      return true;
    }
    const int at = control_at(l, x, y);
    if (at == s.over) return false;
    s.over = at;
    return true;
  }

  bool scroll(const Layout& l, double x, double y, double up) {
    const int step = up > 0.0 ? -1 : up < 0.0 ? 1 : 0;
    if (step == 0) return false;
    if (s.menu_open) return browse(l, step), true;
    if (l.checklist.has(x, y)) return leaf(step), true;
    if (s.pressed < 0 && l.controls[kAmountSlider].has(x, y)) return nudge(-2.0 * step), true;
    return false;
  }

  bool key(const Layout& l, Key k) {
    if (s.menu_open) return menu_key(l, k);
    if (k == kTab || k == kBackTab) return focus_next(k == kTab ? 1 : -1), true;
    if (s.focus < 0) return false;
    if (k == kEscape) return s.focus = -1, true;
    if (k == kActivate && s.focus != kAmountSlider && s.focus != kChecklist) {
      if (enabled(s, s.focus)) activate(s.focus);
      return true;
    }
    if (s.focus == kAmountSlider) return slider_key(k);
    if (s.focus == kChecklist && (k == kUp || k == kDown)) return leaf(k == kDown ? 1 : -1), true;
    if (s.focus == kChecklist && (k == kPageUp || k == kPageDown)) return leaf(k == kPageDown ? 5 : -5), true;
    if (s.focus == kChecklist && (k == kHome || k == kEnd)) return leaf(k == kEnd ? 99 : -99), true;
    return false;
  }

 private:
  static int control_at(const Layout& l, double x, double y) {
    for (int i = 0; i < kControls; ++i)
      if (l.controls[i].has(x, y)) return i;
    return -1;
  }

  int entry_at(const Layout& l, double x, double y) const {
    const Menu m = menu(l, s.genres());
    const int row = int(std::floor((y - m.box.y - 4.0) / kMenuRow));
    return m.box.has(x, y) && row >= 0 && row < m.rows ? s.menu_first + row : -1;
  }

  void focus_next(int step) {
    for (int tried = 0; tried < kControls; ++tried) {
      s.focus = s.focus < 0 ? (step > 0 ? 0 : kControls - 1) : (s.focus + step + kControls) % kControls;
      if (enabled(s, s.focus)) return;
    }
    s.focus = -1;
  }

  void put(uint32_t parameter, float value) {
    to.grab(parameter, true);
    s.values[parameter] = value;
    to.set(parameter, value);
    to.grab(parameter, false);
  }

  void slide(const Layout& l, double x) {
    const float value = std::round(100.0f * float(slider_share(l, x)));
    if (value == s.values[kAmount]) return;
    s.values[kAmount] = value;
    to.set(kAmount, value);
  }

  void nudge(double by) {
    const float value = within(kAmount, std::round(s.values[kAmount] + by));
    if (value != s.values[kAmount]) put(kAmount, value);
  }

  bool slider_key(Key k) {
    switch (k) {
      case kLess:
      case kDown: return nudge(-1.0), true;
      case kMore:
      case kUp: return nudge(1.0), true;
      case kPageDown: return nudge(-10.0), true;
      case kPageUp: return nudge(10.0), true;
      case kHome: return nudge(-100.0), true;
      case kEnd: return nudge(100.0), true;
      default: return false;
    }
  }

  void leaf(int step) { s.first_line = std::clamp(s.first_line + step, 0, std::max(0, int(s.view.line_count) - 1)); }

  void activate(int control) {
    switch (control) {
      case kGenre: return open_menu();
      case kReset: return to.reset();
      case kReport: return to.report();
      case kCorrect: return put(kCorrection, s.on(kCorrection) ? 0.0f : 1.0f);
      case kAuto: return put(kAutoApply, s.on(kAutoApply) ? 0.0f : 1.0f);
      case kApply: {
        const Shown before = s;
        ui::apply(before, [this](uint32_t parameter, float value) { put(parameter, value); });
        if (before.measuring) to.reset();  // what was heard so far is of another sound
        return;
      }
      default: return;
    }
  }

  void open_menu() {
    s.menu_open = true;
    s.menu_at = s.menu_first = 0;
    for (int i = 1; i < s.genres(); ++i)
      if (std::strcmp(s.view.genres[i - 1], s.chosen_genre) == 0) s.menu_at = i;
  }

  void browse(const Layout& l, int step) {
    const int rows = menu(l, s.genres()).rows;
    s.menu_at = std::clamp(s.menu_at + step, 0, s.genres() - 1);
    s.menu_first = std::clamp(s.menu_first, std::max(0, s.menu_at - rows + 1), s.menu_at);
  }

  void choose(int entry) {
    if (entry < 0 || entry >= s.genres()) return;
    std::snprintf(s.chosen_genre, sizeof s.chosen_genre, "%s", entry ? s.view.genres[entry - 1] : "");
    to.choose_genre(s.chosen_genre);
  }

  bool menu_key(const Layout& l, Key k) {
    switch (k) {
      case kUp:
      case kBackTab: return browse(l, -1), true;
      case kDown:
      case kTab: return browse(l, 1), true;
      case kPageUp: return browse(l, -8), true;
      case kPageDown: return browse(l, 8), true;
      case kHome: return browse(l, -999), true;
      case kEnd: return browse(l, 999), true;
      case kActivate: choose(s.menu_at); [[fallthrough]];
      case kEscape: s.menu_open = false; return true;
      default: return false;
    }
  }

  Shown& s;
  Host& to;
};

}  // namespace mixdiagnose::ui
