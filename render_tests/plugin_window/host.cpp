// A host with a window: opens the CLAP plugin's editor on an X display, and does what standard input says.
//
//   host PLUGIN.clap SCALE, then lines of:
//     wait MS            let it run: audio, timers, events
//     play FILE SPEED    from now on it hears this (raw float32, stereo, 48 kHz), so many times faster than it plays
//     resize W H         as a host does it whose user drags the frame
//     move X Y | down | up | wheel CLICKS      the pointer, in pixels of the window
//     key NAME           an X keysym, pressed and released; shift+NAME with shift
//     shot FILE          what is on the screen
//     value ID           prints a parameter
//     set ID VALUE       as automation does
//     events             prints what the plugin sent since the last time: B(egin) V(alue) E(nd) and the parameter
//     reopen             closes the window and opens it again
// Each answers with a line, "ok" or what was asked for.
#include <X11/Xlib.h>
#include <X11/extensions/XTest.h>
#include <cairo-xlib.h>
#include <dlfcn.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "clap/entry.h"
#include "clap/events.h"
#include "clap/ext/gui.h"
#include "clap/ext/params.h"
#include "clap/ext/timer-support.h"
#include "clap/plugin-factory.h"

static Display* display;
static Window window;
static int wanted_width = 0, wanted_height = 0, next_timer = 1;
static std::vector<int> timers;
static std::string sent;
static const clap_plugin_t* plugin;

static bool request_resize(const clap_host_t*, uint32_t w, uint32_t h) {
  wanted_width = int(w), wanted_height = int(h);
  XResizeWindow(display, window, w, h);
  XSync(display, False);
  return true;
}
static void nothing(const clap_host_t*) {}
static bool yes(const clap_host_t*) { return true; }
static void closed(const clap_host_t*, bool) {}
static const clap_host_gui_t gui_of_host = {nothing, request_resize, yes, yes, closed};
static bool add_timer(const clap_host_t*, uint32_t, clap_id* id) { return timers.push_back(*id = clap_id(next_timer++)), true; }
static bool remove_timer(const clap_host_t*, clap_id id) {
  for (size_t i = 0; i < timers.size(); ++i)
    if (timers[i] == int(id)) return timers.erase(timers.begin() + long(i)), true;
  return false;
}
static const clap_host_timer_support_t timer_of_host = {add_timer, remove_timer};
static const void* extension(const clap_host_t*, const char* name) {
  if (!std::strcmp(name, CLAP_EXT_GUI)) return &gui_of_host;
  if (!std::strcmp(name, CLAP_EXT_TIMER_SUPPORT)) return &timer_of_host;
  return nullptr;
}

static std::vector<clap_event_param_value_t> changes;
static uint32_t how_many(const clap_input_events_t*) { return uint32_t(changes.size()); }
static const clap_event_header_t* change(const clap_input_events_t*, uint32_t i) { return &changes[i].header; }
static bool take(const clap_output_events_t*, const clap_event_header_t* e) {
  if (e->type == CLAP_EVENT_PARAM_VALUE) {
    const auto* value = reinterpret_cast<const clap_event_param_value_t*>(e);
    sent += " V" + std::to_string(value->param_id);
  } else if (e->type == CLAP_EVENT_PARAM_GESTURE_BEGIN || e->type == CLAP_EVENT_PARAM_GESTURE_END) {
    const auto* gesture = reinterpret_cast<const clap_event_param_gesture_t*>(e);
    sent += (e->type == CLAP_EVENT_PARAM_GESTURE_BEGIN ? " B" : " E") + std::to_string(gesture->param_id);
  }
  return true;
}

static std::vector<float> song;
static int speed = 1;

static void sound() {
  constexpr uint32_t frames = 480;
  static float samples[4][frames];
  static int64_t at = 0;
  for (uint32_t i = 0; i < frames; ++i)
    for (int c = 0; c < 2; ++c)
      samples[c][i] = song.empty() ? 0.2f * float(std::sin(2.0 * 3.14159265 * 440.0 * double(at + i) / 48000.0))
                                   : song[size_t(2 * (at + i) + c) % song.size()];
  float *in[2] = {samples[0], samples[1]}, *out[2] = {samples[2], samples[3]};
  const clap_audio_buffer_t from{in, nullptr, 2, 0, 0};
  clap_audio_buffer_t to{out, nullptr, 2, 0, 0};
  const clap_input_events_t events{nullptr, how_many, change};
  const clap_output_events_t back{nullptr, take};
  clap_process_t process{at, frames, nullptr, &from, &to, 1, 1, &events, &back};
  plugin->process(plugin, &process);
  changes.clear();
  at += frames;
}

static void run(int ms) {
  const auto* timer = static_cast<const clap_plugin_timer_support_t*>(plugin->get_extension(plugin, CLAP_EXT_TIMER_SUPPORT));
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(ms);
  do {
    for (int i = 0; i < speed; ++i) sound();
    while (XPending(display)) {
      XEvent event;
      XNextEvent(display, &event);
    }
    const std::vector<int> due = timers;
    for (int id : due)
      if (timer) timer->on_timer(plugin, clap_id(id));
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  } while (std::chrono::steady_clock::now() < end);
}

static bool open_editor(const clap_plugin_gui_t* gui, double scale) {
  if (!gui->is_api_supported(plugin, CLAP_WINDOW_API_X11, false) || !gui->create(plugin, CLAP_WINDOW_API_X11, false)) return false;
  gui->set_scale(plugin, scale);
  uint32_t w = 0, h = 0;
  gui->get_size(plugin, &w, &h);
  window = XCreateSimpleWindow(display, DefaultRootWindow(display), 0, 0, w, h, 0, 0, 0);
  XMapWindow(display, window);
  XSync(display, False);
  clap_window_t parent{};
  parent.api = CLAP_WINDOW_API_X11;
  parent.x11 = window;
  return gui->set_parent(plugin, &parent) && (gui->show(plugin), true);
}

int main(int count, char** given) {
  if (count < 3 || !(display = XOpenDisplay(nullptr))) return std::fprintf(stderr, "no display\n"), 2;
  void* library = dlopen(given[1], RTLD_NOW | RTLD_LOCAL);
  if (!library) return std::fprintf(stderr, "%s\n", dlerror()), 2;
  const auto* entry = static_cast<const clap_plugin_entry_t*>(dlsym(library, "clap_entry"));
  if (!entry || !entry->init(given[1])) return 3;
  const auto* factory = static_cast<const clap_plugin_factory_t*>(entry->get_factory(CLAP_PLUGIN_FACTORY_ID));
  const clap_host_t host{CLAP_VERSION_INIT, nullptr, "test", "test", "", "1", extension, nothing, nothing, nothing};
  plugin = factory->create_plugin(factory, &host, factory->get_plugin_descriptor(factory, 0)->id);
  if (!plugin || !plugin->init(plugin) || !plugin->activate(plugin, 48000.0, 1, 4096)) return 4;
  plugin->start_processing(plugin);
  const auto* gui = static_cast<const clap_plugin_gui_t*>(plugin->get_extension(plugin, CLAP_EXT_GUI));
  const auto* params = static_cast<const clap_plugin_params_t*>(plugin->get_extension(plugin, CLAP_EXT_PARAMS));
  if (!gui || !open_editor(gui, std::atof(given[2]))) return std::fprintf(stderr, "no editor\n"), 5;
  run(50);
  std::printf("open\n");
  std::fflush(stdout);
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string what, name;
    int a = 0, b = 0;
    words >> what;
    std::string answer = "ok";
    if (what == "wait") words >> a, run(a);
    else if (what == "play") {
      words >> name >> speed;
      std::ifstream file(name, std::ios::binary | std::ios::ate);
      song.resize(size_t(file.tellg()) / sizeof(float) / 2 * 2);
      file.seekg(0);
      file.read(reinterpret_cast<char*>(song.data()), std::streamsize(song.size() * sizeof(float)));
    } else if (what == "resize") {
      words >> a >> b;
      uint32_t w = uint32_t(a), h = uint32_t(b);
      gui->adjust_size(plugin, &w, &h);
      XResizeWindow(display, window, w, h);
      gui->set_size(plugin, w, h);
      run(60);
    } else if (what == "move") words >> a >> b, XTestFakeMotionEvent(display, -1, a, b, 0), run(40);
    else if (what == "down" || what == "up") XTestFakeButtonEvent(display, 1, what == "down", 0), run(40);
    else if (what == "wheel") {
      for (words >> a; a != 0; a += a > 0 ? -1 : 1)
        for (Bool down : {True, False}) XTestFakeButtonEvent(display, a > 0 ? 4 : 5, down, 0);
      run(60);
    } else if (what == "key") {
      words >> name;
      const bool shift = name.rfind("shift+", 0) == 0;
      const KeyCode code = XKeysymToKeycode(display, XStringToKeysym(shift ? name.c_str() + 6 : name.c_str()));
      const KeyCode with = XKeysymToKeycode(display, XStringToKeysym("Shift_L"));
      if (shift) XTestFakeKeyEvent(display, with, True, 0);
      for (Bool down : {True, False}) XTestFakeKeyEvent(display, code, down, 0);
      if (shift) XTestFakeKeyEvent(display, with, False, 0);
      run(60);
    } else if (what == "shot") {
      words >> name;
      run(60);
      XWindowAttributes is;
      XGetWindowAttributes(display, window, &is);
      cairo_surface_t* screen = cairo_xlib_surface_create(display, window, is.visual, is.width, is.height);
      cairo_surface_t* shot = cairo_image_surface_create(CAIRO_FORMAT_RGB24, is.width, is.height);
      cairo_t* to = cairo_create(shot);
      XSync(display, False);
      cairo_set_source_surface(to, screen, 0, 0);
      cairo_paint(to);
      cairo_destroy(to);
      cairo_surface_write_to_png(shot, name.c_str());
      cairo_surface_destroy(shot);
      cairo_surface_destroy(screen);
      answer = std::to_string(is.width) + " " + std::to_string(is.height);
    } else if (what == "value") {
      double value = 0.0;
      words >> a;
      run(30);
      params->get_value(plugin, clap_id(a), &value);
      answer = std::to_string(value);
    } else if (what == "set") {
      clap_event_param_value_t e{};
      e.header = {sizeof e, 0, CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_PARAM_VALUE, 0};
      e.note_id = e.port_index = e.channel = e.key = -1;
      words >> e.param_id >> e.value;
      changes.push_back(e);
      run(30);
    } else if (what == "events") answer = "sent" + sent, sent.clear();
    else if (what == "reopen") {
      gui->destroy(plugin);
      XDestroyWindow(display, window);
      if (!open_editor(gui, std::atof(given[2]))) answer = "no editor";
      run(60);
    }
    std::printf("%s\n", answer.c_str());
    std::fflush(stdout);
  }
  gui->destroy(plugin);
  plugin->stop_processing(plugin);
  plugin->deactivate(plugin);
  plugin->destroy(plugin);
  entry->deinit();
  XCloseDisplay(display);
  return 0;
}
