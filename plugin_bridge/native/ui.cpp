// The plugin's window in a host: DPF's side of it. What it draws is in ui_draw.hpp, what mouse and keys do in ui_hands.hpp.
#include "DistrhoUI.hpp"

#include "link.hpp"
#include "ui_hands.hpp"
#include "ui_open.hpp"

namespace mixdiagnose {
Link& link_of(void* plugin);  // plugin.cpp
}

START_NAMESPACE_DISTRHO

namespace ui = mixdiagnose::ui;

class MixDiagnoseUI : public UI, private ui::Host {
 public:
  MixDiagnoseUI() : UI(ui::kWidth, ui::kHeight), hands_(shown_, *this) {
    setGeometryConstraints(uint(ui::kLeastWidth * scale()), uint(ui::kLeastHeight * scale()), false, false);
    if (scale() > 1.0) setSize(uint(ui::kWidth * scale()), uint(ui::kHeight * scale()));
    shown_.sample_rate = getSampleRate();
    look();
  }

 protected:
  void parameterChanged(uint32_t index, float value) override {
    if (index >= mixdiagnose::kParameters || shown_.values[index] == value) return;
    shown_.values[index] = value;
    if (index < mixdiagnose::kMomentary) repaint();  // readings are shown from the link
  }
  void sampleRateChanged(double rate) override {
    shown_.sample_rate = rate;
    repaint();
  }
  void uiScaleFactorChanged(double) override { repaint(); }
  void uiFocus(bool focus, CrossingMode) override {
    if (focus) return;
    shown_.focus = -1;
    repaint();
  }
  void uiIdle() override {
    opener_ = ui::reap(opener_);
    if (look()) repaint();
    const uint64_t now_ns = mixdiagnose::monotonic_ns();
    shown_.measuring = now_ns - moved_ns_ < kMovingNs;
    if (shown_.notice[0] && now_ns - told_ns_ > kNoticeNs) tell("");
    if (shown_.report_wanted && now_ns - asked_ns_ > kPatienceNs) {
      shown_.report_wanted = false;
      tell("no report came");
    }
  }

  void onCairoDisplay(const CairoGraphicsContext& context) override {
    ui::draw(context.handle, shown_, getWidth(), getHeight(), scale());
  }

  bool onMouse(const MouseEvent& e) override {
    if (e.button != kMouseButtonLeft) return false;
    const double u = pixels();
    // A click beside the controls takes the keyboard. One on a control leaves it with the host, where space plays.
    if (e.press && !hands_.meant(now(), e.pos.getX() / u, e.pos.getY() / u)) getWindow().focus();
    return did(e.press ? hands_.press(now(), e.pos.getX() / u, e.pos.getY() / u)
                       : hands_.release(now(), e.pos.getX() / u, e.pos.getY() / u));
  }
  bool onMotion(const MotionEvent& e) override {
    const double u = pixels();
    return did(hands_.move(now(), e.pos.getX() / u, e.pos.getY() / u));
  }
  bool onScroll(const ScrollEvent& e) override {
    const double u = pixels();
    return did(hands_.scroll(now(), e.pos.getX() / u, e.pos.getY() / u, e.delta.getY()));
  }
  bool onKeyboard(const KeyboardEvent& e) override {
    const ui::Key k = key(e.key, e.mod & kModifierShift);
    if (k == ui::kNoKey || (e.mod & (kModifierControl | kModifierAlt | kModifierSuper))) return false;
    if (!e.press) return shown_.focus >= 0;
    return did(hands_.key(now(), k));
  }

 private:
  double scale() const { return std::max(1.0, getScaleFactor()); }
  double pixels() const { return ui::unit(getWidth(), getHeight(), scale()); }
  ui::Layout now() const {
    const double u = pixels();
    return ui::layout(getWidth() / u, getHeight() / u);
  }
  bool did(bool something) {
    if (something) repaint();
    return something;
  }

  static ui::Key key(uint code, bool shift) {
    switch (code) {
      case '\t': return shift ? ui::kBackTab : ui::kTab;
      case ' ':
      case '\r':
      case '\n': return ui::kActivate;
      case kKeyEscape: return ui::kEscape;
      case kKeyLeft: return ui::kLess;
      case kKeyRight: return ui::kMore;
      case kKeyUp: return ui::kUp;
      case kKeyDown: return ui::kDown;
      case kKeyPageUp: return ui::kPageUp;
      case kKeyPageDown: return ui::kPageDown;
      case kKeyHome: return ui::kHome;
      case kKeyEnd: return ui::kEnd;
      default: return ui::kNoKey;
    }
  }

  mixdiagnose::Link* link() const {
    void* const plugin = getPluginInstancePointer();
    return plugin ? &mixdiagnose::link_of(plugin) : nullptr;
  }

  // Takes what is new; whether there is something to ui::draw.
  bool look() {
    mixdiagnose::Link* const from = link();
    const ui::Engine before = shown_.engine;
    const uint64_t published = from ? from->published() : 0;
    shown_.engine = !from || !from->is_open() ? ui::kNoLink : from->engine_alive() ? ui::kLive : ui::kOffline;
    if (from && !from->is_open() && from->fault().empty()) shown_.engine = ui::kOffline;  // not activated yet
    if (shown_.engine == ui::kLive) {
      if (published == published_ && before != ui::kOffline && before != ui::kNoLink) return shown_.engine = before, false;
      const double measured_s = shown_.view.measured_s;
      const bool known = from->view(shown_.view);
      if (known && before == ui::kLive && shown_.view.measured_s > measured_s) moved_ns_ = mixdiagnose::monotonic_ns();
      if (!known) shown_.engine = published ? ui::kOtherVersion : ui::kWaiting;
    }
    if (shown_.engine != ui::kLive) {
      if (shown_.engine == before && published == published_) return false;
      shown_.forget();
      shown_.menu_open = shown_.report_wanted = false;
    }
    published_ = published;
    shown_.first_line = std::min(shown_.first_line, std::max(0, int(shown_.view.line_count) - 1));
    shown_.menu_at = std::min(shown_.menu_at, shown_.genres() - 1);
    shown_.spectrum = ui::spectrum_range(shown_.view, shown_.spectrum);
    recall_genre(from);
    answer();
    return true;
  }

  // The link remembers what was chosen, also for a window that is opened again.
  void recall_genre(const mixdiagnose::Link* from) {
    if (!from || !from->memory()) return;
    const auto* header = static_cast<const mixdiagnose::Header*>(from->memory());
    char* const to = shown_.chosen_genre;
    for (int i = 0; i < 4; ++i) {
      const uint64_t word = header->genre[i].load(std::memory_order_relaxed);
      std::memcpy(to + 8 * i, &word, 8);
    }
    to[sizeof shown_.chosen_genre - 1] = 0;
  }

  void answer() {
    if (!shown_.report_wanted || shown_.view.report_answered < report_count_) return;
    shown_.report_wanted = false;
    if (ui::open_report(shown_.view.report_path, opener_)) return;
    tell(shown_.view.report_path[0] ? "the report could not be opened" : "the report could not be made");
  }

  void tell(const char* notice) {
    std::snprintf(shown_.notice, sizeof shown_.notice, "%s", notice);
    told_ns_ = mixdiagnose::monotonic_ns();
    repaint();
  }

  // Host
  void grab(uint32_t parameter, bool held) override { editParameter(parameter, held); }
  void set(uint32_t parameter, float value) override { setParameterValue(parameter, value); }
  void reset() override {
    shown_.notice[0] = 0;
    if (mixdiagnose::Link* const to = link()) to->request_reset();
  }
  void report() override {
    mixdiagnose::Link* const to = link();
    if (!to || !to->memory()) return;
    to->request_report();
    report_count_ = static_cast<const mixdiagnose::Header*>(to->memory())->report.load(std::memory_order_relaxed);
    shown_.report_wanted = true;
    asked_ns_ = mixdiagnose::monotonic_ns();
    shown_.notice[0] = 0;
  }
  void choose_genre(const char* name) override {
    if (mixdiagnose::Link* const to = link()) to->choose_genre(name);
  }

  ui::Shown shown_;
  ui::Hands hands_;
  static constexpr uint64_t kPatienceNs = 60'000'000'000, kMovingNs = 500'000'000;
  static constexpr uint64_t kNoticeNs = 10'000'000'000;

  uint64_t published_ = 0, report_count_ = 0, asked_ns_ = 0, moved_ns_ = 0, told_ns_ = 0;
  long opener_ = 0;

  DISTRHO_DECLARE_NON_COPYABLE_WITH_LEAK_DETECTOR(MixDiagnoseUI)
};

UI* createUI() { return new MixDiagnoseUI(); }

END_NAMESPACE_DISTRHO
