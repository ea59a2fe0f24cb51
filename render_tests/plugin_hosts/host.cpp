// A small VST3 host for tests, called through ctypes, and lists of events for a CLAP host. Nothing in `vst3_process`
// allocates, so what is counted while a plugin runs (watch.cpp) is the plugin's.
#include <dlfcn.h>
#include <time.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "travesty/audio_processor.h"
#include "travesty/bstream.h"
#include "travesty/component.h"
#include "travesty/edit_controller.h"
#include "travesty/factory.h"

#define API extern "C" __attribute__((visibility("default")))

namespace {

constexpr int kMost = 512;  // changes in a block

v3_result no_interface(void*, const v3_tuid, void** to) { *to = nullptr; return V3_NO_INTERFACE; }
uint32_t one(void*) { return 1; }

struct Point { int32_t offset; double value; };

// Points of one parameter in a block; only the first few are kept.
struct Queue {
  v3_param_value_queue_cpp* table;
  v3_param_id id;
  int32_t count;
  Point points[16];
};

v3_param_id queue_id(void* self) { return static_cast<Queue*>(self)->id; }
int32_t queue_count(void* self) { return static_cast<Queue*>(self)->count; }
v3_result queue_get(void* self, int32_t i, int32_t* offset, double* value) {
  Queue* q = static_cast<Queue*>(self);
  if (i < 0 || i >= q->count) return V3_INVALID_ARG;
  *offset = q->points[i].offset, *value = q->points[i].value;
  return V3_OK;
}
v3_result queue_add(void* self, int32_t offset, double value, int32_t* index) {
  Queue* q = static_cast<Queue*>(self);
  if (q->count == 16) return V3_NOMEM;
  *index = q->count;
  q->points[q->count++] = {offset, value};
  return V3_OK;
}
v3_param_value_queue_cpp queue_table;

struct Changes {
  v3_param_changes_cpp* table;
  int32_t count;
  Queue queues[kMost];
};

int32_t changes_count(void* self) { return static_cast<Changes*>(self)->count; }
v3_param_value_queue** changes_get(void* self, int32_t i) {
  Changes* c = static_cast<Changes*>(self);
  return i < 0 || i >= c->count ? nullptr : reinterpret_cast<v3_param_value_queue**>(&c->queues[i]);
}
v3_param_value_queue** changes_add(void* self, v3_param_id* id, int32_t* index) {
  Changes* c = static_cast<Changes*>(self);
  for (*index = 0; *index < c->count; ++*index)
    if (c->queues[*index].id == *id) return changes_get(self, *index);
  if (c->count == kMost) return nullptr;
  c->queues[c->count] = Queue{&queue_table, *id, 0, {}};
  return changes_get(self, c->count++);
}
v3_param_changes_cpp changes_table;

struct Stream {
  v3_bstream* methods;  // filled below: the table begins with v3_funknown
  std::string bytes;
  size_t at;
};
struct StreamTable { v3_funknown unknown; v3_bstream stream; } stream_table;

v3_result stream_read(void* self, void* to, int32_t count, int32_t* read) {
  Stream* s = static_cast<Stream*>(self);
  const size_t n = std::min<size_t>(std::min(count, 100), s->bytes.size() - s->at);
  std::memset(to, 0, count);  // what lies behind a piece is anything
  std::memcpy(to, s->bytes.data() + s->at, n);
  s->at += n;
  if (read) *read = static_cast<int32_t>(n);
  return V3_OK;
}
v3_result stream_write(void* self, void* from, int32_t count, int32_t* written) {
  count = std::min(count, 100);  // a host may take it in pieces
  static_cast<Stream*>(self)->bytes.append(static_cast<char*>(from), count);
  if (written) *written = count;
  return V3_OK;
}
v3_result stream_seek(void* self, int64_t to, int32_t, int64_t* at) {
  static_cast<Stream*>(self)->at = to;
  if (at) *at = to;
  return V3_OK;
}
v3_result stream_tell(void* self, int64_t* at) { *at = static_cast<Stream*>(self)->at; return V3_OK; }

void fill_tables() {
  const v3_funknown unknown{no_interface, one, one};
  static_cast<v3_funknown&>(queue_table) = unknown;
  queue_table.queue = {queue_id, queue_count, queue_get, queue_add};
  static_cast<v3_funknown&>(changes_table) = unknown;
  changes_table.changes = {changes_count, changes_get, changes_add};
  stream_table = {unknown, {stream_read, stream_write, stream_seek, stream_tell}};
}

struct Module {
  void* library;
  v3_plugin_factory** factory;
};

struct Instance {
  v3_component** component = nullptr;
  v3_audio_processor** processor = nullptr;
  v3_edit_controller** controller = nullptr;
  int channels = 2;
  Changes in{&changes_table, 0, {}}, out{&changes_table, 0, {}};
  v3_process_context context{};
};

using Watch = void (*)();

}  // namespace

API void* vst3_open(const char* path) {
  fill_tables();
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) return nullptr;
  using Entry = bool (*)(void*);
  using Factory = void* (*)();
  reinterpret_cast<Entry>(dlsym(library, "ModuleEntry"))(library);
  auto factory = static_cast<v3_plugin_factory**>(reinterpret_cast<Factory>(dlsym(library, "GetPluginFactory"))());
  return new Module{library, factory};
}

API void vst3_close(void* opened) {
  Module* module = static_cast<Module*>(opened);
  v3_cpp_obj_unref(module->factory);
  using Exit = bool (*)();
  reinterpret_cast<Exit>(dlsym(module->library, "ModuleExit"))();
  dlclose(module->library);
  delete module;
}

API void* vst3_create(void* opened, int channels) {
  Module* module = static_cast<Module*>(opened);
  v3_class_info info;
  auto factory = v3_cpp_obj(module->factory);
  if (factory->get_class_info(module->factory, 0, &info) != V3_OK) return nullptr;
  Instance* made = new Instance;
  made->channels = channels;
  void* component = nullptr;
  if (factory->create_instance(module->factory, info.class_id, v3_component_iid, &component) != V3_OK) return nullptr;
  made->component = static_cast<v3_component**>(component);
  v3_cpp_obj_initialize(made->component, nullptr);
  v3_cpp_obj_query_interface(made->component, v3_audio_processor_iid, &made->processor);
  v3_cpp_obj_query_interface(made->component, v3_edit_controller_iid, &made->controller);
  if (!made->processor || !made->controller) return nullptr;
  v3_cpp_obj_initialize(made->controller, nullptr);
  return made;
}

API int vst3_setup(void* self, double rate, int most_frames) {
  Instance* i = static_cast<Instance*>(self);
  v3_speaker_arrangement in = i->channels == 1 ? V3_SPEAKER_M : V3_SPEAKER_L | V3_SPEAKER_R, out = in;
  auto processor = v3_cpp_obj(i->processor);
  if (processor->set_bus_arrangements(i->processor, &in, 1, &out, 1) != V3_OK) return 1;
  v3_process_setup setup{V3_REALTIME, V3_SAMPLE_32, most_frames, rate};
  if (processor->setup_processing(i->processor, &setup) != V3_OK) return 2;
  auto component = v3_cpp_obj(i->component);
  component->activate_bus(i->component, V3_AUDIO, V3_INPUT, 0, 1);
  component->activate_bus(i->component, V3_AUDIO, V3_OUTPUT, 0, 1);
  if (component->set_active(i->component, 1) != V3_OK) return 3;
  processor->set_processing(i->processor, 1);
  return 0;
}

API void vst3_stop(void* self) {
  Instance* i = static_cast<Instance*>(self);
  v3_cpp_obj(i->processor)->set_processing(i->processor, 0);
  v3_cpp_obj(i->component)->set_active(i->component, 0);
}

API void vst3_destroy(void* self) {
  Instance* i = static_cast<Instance*>(self);
  v3_cpp_obj_terminate(i->controller);
  v3_cpp_obj_terminate(i->component);
  v3_cpp_obj_unref(i->controller);
  v3_cpp_obj_unref(i->processor);
  v3_cpp_obj_unref(i->component);
  delete i;
}

API void vst3_transport(void* self, int playing, int64_t position, double bpm) {
  v3_process_context& c = static_cast<Instance*>(self)->context;
  c.state = V3_PROCESS_CTX_PROJECT_TIME_VALID | V3_PROCESS_CTX_TEMPO_VALID | (playing ? V3_PROCESS_CTX_PLAYING : 0);
  c.project_time_in_samples = position;
  c.bpm = bpm;
}

// A block: audio of (channels, frames) and changes of parameters. `lists` 0: both lists are there; 1: the host wants no
// output parameters; 2: it gives no lists at all.
API int vst3_process(void* self, float* in, float* out, int frames, int count, const uint32_t* ids,
                     const int32_t* offsets, const double* values, int lists) {
  Instance* i = static_cast<Instance*>(self);
  i->in.count = i->out.count = 0;
  for (int k = 0; k < count; ++k) {
    v3_param_id id = ids[k];
    int32_t index;
    queue_add(changes_add(&i->in, &id, &index), offsets[k], values[k], &index);
  }
  float* ins[2] = {in, in + frames};
  float* outs[2] = {out, out + frames};
  v3_audio_bus_buffers input{}, output{};
  input.num_channels = output.num_channels = i->channels;
  input.channel_buffers_32 = ins, output.channel_buffers_32 = outs;
  v3_process_data data{};
  data.symbolic_sample_size = V3_SAMPLE_32;
  data.nframes = frames;
  if (frames > 0) {
    data.num_input_buses = data.num_output_buses = 1;
    data.inputs = &input, data.outputs = &output;
  }
  if (lists != 2) data.input_params = reinterpret_cast<v3_param_changes**>(&i->in);
  if (lists == 0) data.output_params = reinterpret_cast<v3_param_changes**>(&i->out);
  data.ctx = &i->context;
  static const Watch begin = reinterpret_cast<Watch>(dlsym(RTLD_DEFAULT, "watch_begin"));
  static const Watch end = reinterpret_cast<Watch>(dlsym(RTLD_DEFAULT, "watch_end"));
  if (begin) begin();
  const v3_result result = v3_cpp_obj(i->processor)->process(i->processor, &data);
  if (end) end();
  return result == V3_OK ? i->out.count : -1;
}

// Nanoseconds that blocks of stereo noise take, by the thread's own clock; without a plugin, those of copying them.
API double vst3_time(void* self, int frames, int blocks) {
  std::vector<float> in(2 * frames), out(2 * frames);
  uint32_t random = 1;
  for (float& sample : in) random = random * 1664525u + 1013904223u, sample = (random >> 8) / 16777216.0f - 0.5f;
  timespec begun, ended;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begun);
  for (int k = 0; k < blocks; ++k) {
    if (self) {
      vst3_process(self, in.data(), out.data(), frames, 0, nullptr, nullptr, nullptr, 0);
    } else {
      std::memcpy(out.data(), in.data(), in.size() * sizeof(float));
      asm volatile("" : : "g"(out.data()) : "memory");
    }
  }
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ended);
  return 1e9 * double(ended.tv_sec - begun.tv_sec) + double(ended.tv_nsec - begun.tv_nsec);
}

// What the plugin put out in the last block: the last point of each parameter.
API void vst3_output(void* self, int index, uint32_t* id, double* value) {
  const Queue& q = static_cast<Instance*>(self)->out.queues[index];
  *id = q.id, *value = q.points[q.count - 1].value;
}

API int vst3_count(void* self) {
  Instance* i = static_cast<Instance*>(self);
  return v3_cpp_obj(i->controller)->get_parameter_count(i->controller);
}

API int vst3_info(void* self, int index, char* title, uint32_t* id, int* flags, int* steps, double* standard) {
  Instance* i = static_cast<Instance*>(self);
  v3_param_info info;
  if (v3_cpp_obj(i->controller)->get_parameter_info(i->controller, index, &info) != V3_OK) return 1;
  for (int k = 0; k < 128; ++k) title[k] = static_cast<char>(info.title[k]);
  *id = info.param_id, *flags = info.flags, *steps = info.step_count, *standard = info.default_normalised_value;
  return 0;
}

API double vst3_get(void* self, uint32_t id) {
  Instance* i = static_cast<Instance*>(self);
  return v3_cpp_obj(i->controller)->get_parameter_normalised(i->controller, id);
}

API int vst3_set(void* self, uint32_t id, double value) {
  Instance* i = static_cast<Instance*>(self);
  return v3_cpp_obj(i->controller)->set_parameter_normalised(i->controller, id, value);
}

API double vst3_plain(void* self, uint32_t id, double value) {
  Instance* i = static_cast<Instance*>(self);
  return v3_cpp_obj(i->controller)->normalised_parameter_to_plain(i->controller, id, value);
}

API double vst3_normal(void* self, uint32_t id, double value) {
  Instance* i = static_cast<Instance*>(self);
  return v3_cpp_obj(i->controller)->plain_parameter_to_normalised(i->controller, id, value);
}

API void vst3_text(void* self, uint32_t id, double value, char* to) {
  Instance* i = static_cast<Instance*>(self);
  v3_str_128 text{};
  v3_cpp_obj(i->controller)->get_parameter_string_for_value(i->controller, id, value, text);
  for (int k = 0; k < 128; ++k) to[k] = static_cast<char>(text[k]);
}

API int vst3_latency(void* self) {
  Instance* i = static_cast<Instance*>(self);
  return static_cast<int>(v3_cpp_obj(i->processor)->get_latency_samples(i->processor));
}

API int vst3_save(void* self, char* to, int room) {
  Instance* i = static_cast<Instance*>(self);
  Stream stream{reinterpret_cast<v3_bstream*>(&stream_table), {}, 0};
  if (v3_cpp_obj(i->component)->get_state(i->component, reinterpret_cast<v3_bstream**>(&stream)) != V3_OK) return -1;
  const int size = static_cast<int>(stream.bytes.size());
  if (size <= room) std::memcpy(to, stream.bytes.data(), size);
  return size;
}

API int vst3_restore(void* self, const char* from, int size) {
  Instance* i = static_cast<Instance*>(self);
  Stream stream{reinterpret_cast<v3_bstream*>(&stream_table), std::string(from, size), 0};
  return v3_cpp_obj(i->component)->set_state(i->component, reinterpret_cast<v3_bstream**>(&stream));
}

// Instances made and let go of, each of which plays a block.
API int vst3_cycles(const char* path, int count, double rate) {
  std::vector<float> in(1024, 0.25f), out(1024);
  void* module = vst3_open(path);
  if (!module) return 1;
  for (int k = 0; k < count; ++k) {
    void* made = vst3_create(module, 2);
    if (!made || vst3_setup(made, rate, 512) != 0) return 2;
    if (vst3_process(made, in.data(), out.data(), 512, 0, nullptr, nullptr, nullptr, 0) < 0) return 3;
    vst3_stop(made);
    vst3_destroy(made);
  }
  vst3_close(module);
  return 0;
}

// Lists of events of CLAP: `events` as (count, pointers) in `ctx`.
struct ClapEvents { uint32_t count, room; const void** events; };
struct ClapList { ClapEvents* ctx; };
API uint32_t clap_size(const ClapList* list) { return list->ctx->count; }
API const void* clap_get(const ClapList* list, uint32_t index) { return list->ctx->events[index]; }
// Copies what comes out into (room) places of 64 bytes, which `events` points at.
API bool clap_push(const ClapList* list, const void* event) {
  ClapEvents* to = list->ctx;
  if (to->count == to->room) return false;
  uint32_t size;
  std::memcpy(&size, event, sizeof size);
  std::memcpy(reinterpret_cast<char*>(to->events) + 64 * to->count++, event, size < 64 ? size : 64);
  return true;
}
