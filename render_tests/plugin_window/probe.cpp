// Draws the window without one.
//
//   probe draw OUT.png WIDTH HEIGHT SCALE NAME=VALUE...   a window of a made-up state; prints where its controls are
//   probe apply NAME=VALUE...      what the apply button sets in that state
//   probe response NAME=VALUE...   what the plugin's own bands do, in dB at 100, 1000 and 10000 Hz
//   probe marks OUT.png            the marks of all statuses, in a row
//   probe contrast                 contrasts of the colours that meet
#include <cstdio>
#include <cstdlib>
#include <string>

#include "ui_draw.hpp"

using namespace mixdiagnose;
using namespace mixdiagnose::ui;

static void put(char* to, size_t size, const char* text) { std::snprintf(to, size, "%s", text); }

static void made_up(Shown& s) {
  s.engine = kLive;
  mixdiagnose::View& v = s.view;
  v.results = {-13.2, -14.1, -14.8, -0.4, 0.62, 0.31f, 0, 4, {}, 1};
  v.results.bands[0] = {kHighPass, 1, 32.0f, 0.0f, 0.71f};
  v.results.bands[1] = {kLowShelf, 1, 110.0f, -2.5f, 0.8f};
  v.results.bands[2] = {kBell, 1, 320.0f, -3.2f, 1.4f};
  v.results.bands[3] = {kHighShelf, 1, 7200.0f, 2.1f, 0.7f};
  v.measured_s = 137.0;
  v.loudness_range_lu = 5.8, v.plr_db = 14.4, v.max_short_term_lufs = -12.3, v.max_momentary_lufs = -10.8;
  v.history_count = View::kHistory;
  for (uint32_t i = 0; i < v.history_count; ++i) {
    const float t = 0.1f * float(i), section = t < 22.0f ? -19.0f : t < 24.0f ? -19.0f + 2.5f * (t - 22.0f) : -14.0f;
    v.momentary_lufs[i] = section + 1.6f * std::sin(3.1f * t) + 1.1f * std::sin(7.7f * t + 1.0f);
    v.short_term_lufs[i] = section + 0.5f * std::sin(0.9f * t);
  }
  v.spectrum_count = 31;
  for (uint32_t i = 0; i < v.spectrum_count; ++i) {
    const double hz = 1000.0 * std::pow(2.0, (double(i) - 17.0) / 3.0), octaves = std::log2(hz / 1000.0);
    const double usual = -22.0 - 1.1 * octaves - 0.55 * octaves * octaves, spread = 2.6 + 0.35 * std::fabs(octaves);
    v.spectrum_hz[i] = float(hz);
    v.tolerance_low_db[i] = float(usual - spread), v.tolerance_high_db[i] = float(usual + spread);
    v.spectrum_db[i] = float(usual + 5.0 * std::exp(-std::pow((octaves + 1.7) / 0.9, 2)) + 1.2 * std::sin(2.3 * i) -
                             4.5 / (1.0 + std::exp(-2.0 * (octaves - 2.6))));
  }
  const struct {
    float low, high, width, from, to, correlation;
    const char* name;
  } regions[] = {{20, 120, 0.03f, 0.0f, 0.10f, 0.97f, "bass"}, {120, 500, 0.14f, 0.05f, 0.25f, 0.71f, "low mids"},
                 {500, 2000, 0.21f, 0.10f, 0.35f, 0.58f, "mids"}, {2000, 8000, 0.44f, 0.15f, 0.40f, 0.12f, "presence"},
                 {8000, 20000, 0.52f, 0.20f, 0.55f, -0.08f, "air"}};
  v.region_count = 5;
  for (uint32_t i = 0; i < v.region_count; ++i) {
    const auto& r = regions[i];
    v.regions[i] = {r.low, r.high, r.width, r.from, r.to, r.correlation, {}};
    put(v.regions[i].name, sizeof v.regions[i].name, r.name);
  }
  const struct {
    uint32_t status;
    const char* text;
  } lines[] = {{kProblem, "True peak above full scale would clip in players: \u22120.4 dBTP, aim for at most \u22121.0 dBTP"},
               {kProblem, "Too much between 200 and 450 Hz: +4.8 dB, aim for \u00b12.9 dB"},
               {kWarning, "Treble is dull: \u22123.6 dB above 6 kHz, aim for \u00b13.2 dB"},
               {kWarning, "Presence is wider than usual: 44 %, aim for 15 to 40 %"},
               {kUndetermined, "Vocal level: no stems to tell"},
               {kInfo, "Tempo 118 BPM, key A minor"},
               {kPass, "Loudness range"}, {kPass, "Crest factor"}, {kPass, "Mono compatibility"},
               {kPass, "Sub bass"}, {kPass, "Clipping"}, {kPass, "Hum and noise"}};
  for (const auto& line : lines) {
    Line& to = v.lines[v.line_count++];
    to.status = line.status;
    put(to.text, sizeof to.text, line.text);
  }
  put(v.genre, sizeof v.genre, "rock");
  for (const char* name : {"blues", "classical", "country", "disco", "electronic", "hip-hop", "jazz", "metal", "modern", "pop", "reggae", "rock"})
    put(v.genres[v.genre_count++], sizeof v.genres[0], name);
  put(v.headline, sizeof v.headline, "Not ready: 2 problems");
}

static void state(Shown& s, const std::string& name, const std::string& value) {
  const double number = std::atof(value.c_str());
  if (name == "made_up") made_up(s);
  else if (name == "engine") s.engine = Engine(int(number));
  else if (name == "applied") {
    apply(s, [&](uint32_t index, float to) { s.values[index] = to; });
    if (number < 1.0) s.view.results.band_count = 0;
  } else if (name == "focus") s.focus = int(number);
  else if (name == "over") s.over = int(number);
  else if (name == "menu") s.menu_open = true, s.menu_at = int(number);
  else if (name == "first_line") s.first_line = int(number);
  else if (name == "incomplete") s.view.results.incomplete = uint32_t(number);
  else if (name == "integrated") s.view.results.integrated_lufs = number;
  else if (name == "parameter") s.values[std::atoi(value.c_str())] = float(std::atof(value.c_str() + value.find(':') + 1));
  else if (name == "hostile") {  // what a broken engine could send
    mixdiagnose::View& v = s.view;
    std::memset(&v, int(number), sizeof v);
    v.results.band_count = 0, v.history_count = View::kHistory, v.spectrum_count = View::kSpectrum;
    v.region_count = View::kRegions, v.line_count = View::kLines, v.genre_count = View::kGenres;
    for (Region& r : v.regions) r.name[sizeof r.name - 1] = 0;
    for (Line& l : v.lines) l.text[sizeof l.text - 1] = 0;
    for (auto& g : v.genres) g[sizeof g - 1] = 0;
    v.genre[sizeof v.genre - 1] = v.headline[sizeof v.headline - 1] = 0;
  }
}

int main(int count, char** given) {
  const std::string what = count > 1 ? given[1] : "";
  if (what == "contrast") {
    auto pair = [](const char* name, const Colour& a, const Colour& b) { std::printf("%s %.2f\n", name, contrast(a, b)); };
    pair("text", kText, kPanel), pair("quiet", kQuiet, kPanel), pair("quiet-ground", kQuiet, kGround);
    pair("button", kText, kRaised), pair("button-over", kText, kRaisedOver), pair("on-accent", kOnAccent, kAccent);
    pair("accent", kAccent, kPanel), pair("passed", kPassed, kPanel), pair("told", kToldOf, kPanel);
    pair("warned", kWarned, kPanel), pair("faulty", kFaulty, kPanel), pair("faulty-ground", kFaulty, kGround);
    pair("disabled", kDisabled, kPanel), pair("focus", kFocus, kGround);
    return 0;
  }
  static Shown s;
  auto all = [&](int from) {
    for (int i = from; i < count; ++i) {
      const std::string one = given[i];
      const size_t at = one.find('=');
      state(s, one.substr(0, at), one.substr(at + 1));
    }
  };
  if (what == "apply") {
    all(2);
    apply(s, [](uint32_t index, float value) { std::printf("%u %.6g\n", index, value); });
    return 0;
  }
  if (what == "response") {
    all(2);
    const Response own = own_response(s);
    for (double hz : {100.0, 1000.0, 10000.0}) std::printf("%.6f\n", own.at(hz));
    return 0;
  }
  if (what == "marks" && count == 3) {
    cairo_surface_t* surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, 40 * kStatuses, 40);
    cairo_t* to = cairo_create(surface);
    {
      Pen pen(to);
      pen.fill({0, 0, 40.0 * kStatuses, 40}, kPanel);
      for (uint32_t i = 0; i < kStatuses; ++i) mark(pen, 20.0 + 40.0 * i, 20.0, i);
    }
    cairo_destroy(to);
    cairo_surface_write_to_png(surface, given[2]);
    cairo_surface_destroy(surface);
    return 0;
  }
  if (what != "draw" || count < 6) return 2;
  const int width = std::atoi(given[3]), height = std::atoi(given[4]);
  const double scale = std::atof(given[5]);
  all(6);
  cairo_surface_t* surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
  cairo_t* to = cairo_create(surface);
  draw(to, s, width, height, scale);
  const cairo_status_t status = cairo_status(to);
  cairo_destroy(to);
  cairo_surface_write_to_png(surface, given[2]);
  cairo_surface_destroy(surface);
  if (status != CAIRO_STATUS_SUCCESS) return std::fprintf(stderr, "%s\n", cairo_status_to_string(status)), 1;
  const double u = unit(width, height, scale);
  const Layout l = layout(width / u, height / u);
  auto where = [&](const std::string& name, const Rect& r) {
    std::printf("%s %.2f %.2f %.2f %.2f\n", name.c_str(), r.x * u, r.y * u, r.w * u, r.h * u);
  };
  for (int i = 0; i < kControls; ++i) where("control" + std::to_string(i), l.controls[i]);
  where("loudness", l.loudness), where("history", l.history), where("spectrum", l.spectrum);
  where("correction", l.correction), where("checklist", l.checklist), where("stereo", l.stereo);
  where("headline", l.headline), where("brand", l.brand), where("curve", l.curve);
  return 0;
}
