// The bytes of a link's file: see plugin_bridge/PROTOCOL.md. plugin_bridge/link_layout.py has the same numbers, and a
// test compares every one of them.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace mixdiagnose {

constexpr uint64_t kMagic = 0x00474149'4458494DULL;  // "MIXDIAG\0" read as a little-endian word
constexpr uint32_t kVersion = 1;
constexpr uint32_t kMaxChannels = 2;
constexpr uint32_t kBands = 8;
constexpr double kRingSeconds = 20.0;
constexpr uint64_t kMinFrames = 1 << 16, kMaxFrames = 1 << 26;  // bounds of a ring, per channel
constexpr uint64_t kHeaderBytes = 4096, kSlotBytes = 16384, kSlots = 2, kRecords = 8192;
constexpr uint64_t kResultsOffset = kHeaderBytes;
constexpr uint64_t kRecordsOffset = kResultsOffset + kSlots * kSlotBytes;
constexpr uint64_t kAliveNs = 2'000'000'000;  // an engine whose heartbeat is older is gone

// Numbers of a band's kind: the first six of dsp.correction.correction.EQ_KINDS.
enum Kind : uint32_t { kBell, kLowShelf, kHighShelf, kNotch, kHighPass, kLowPass, kKinds };
// What a record tells: bits of Record::changed, of Record::flags and of Results::incomplete.
enum Changed : uint32_t { kFormat = 1, kTransport = 2, kGap = 4 };
enum Flags : uint32_t { kPlaying = 1, kLooping = 2 };
enum Incomplete : uint32_t { kLostFrames = 1, kJoinedLate = 2 };
// Statuses of a line of the checklist: the order of dsp.findings.STATUSES.
enum Status : uint32_t { kPass, kInfo, kWarning, kProblem, kUndetermined, kSkipped, kCrashed, kStatuses };

struct Transport {
  bool playing;
  bool looping;
  double position_s;
  double bpm;
};

struct Band {
  uint32_t kind;
  uint32_t on;
  float frequency_hz, gain_db, q;
};

// Readings without a value are NaN. What the audio thread may want; the window's part is View.
struct Results {
  double momentary_lufs, short_term_lufs, integrated_lufs, true_peak_dbtp, correlation;
  float readiness;      // 0 to 1
  uint32_t incomplete;  // bits of Incomplete: integrated readings do not cover all that was played
  uint32_t band_count;
  Band bands[kBands];
  uint64_t stamp;  // counts publications, from 1
};

struct Line {
  uint32_t status;
  uint32_t reserved;
  char id[32];
  char text[160];
};

struct Region {
  float low_hz, high_hz;
  float width, width_low, width_high;  // side share now, and the genre's usual range
  float correlation;
  char name[24];
};

// Everything the window shows. Text is UTF-8 and ends with a zero byte.
struct View {
  static constexpr uint32_t kHistory = 600, kSpectrum = 64, kRegions = 8, kLines = 16, kGenres = 24;
  Results results;
  double measured_s, loudness_range_lu, max_momentary_lufs, max_short_term_lufs, plr_db;
  uint64_t report_answered;  // the count of report requests that has been answered
  uint32_t history_count, spectrum_count, region_count, line_count, genre_count, genre_certain;
  float momentary_lufs[kHistory], short_term_lufs[kHistory];  // ten a second, oldest first
  float spectrum_hz[kSpectrum], spectrum_db[kSpectrum], tolerance_low_db[kSpectrum], tolerance_high_db[kSpectrum];
  Region regions[kRegions];
  Line lines[kLines];
  char genre[32];
  char genres[kGenres][32];
  char headline[160];
  char report_path[512];
};

// A change, and the frame of the ring before which it happens. All fields are always filled in.
struct Record {
  uint64_t at_frame, lost_frames;
  double sample_rate, position_s, bpm;
  uint32_t changed, flags, channels, reserved;
  uint64_t reserved_too;
};

using Word = std::atomic<uint64_t>;
static_assert(Word::is_always_lock_free && sizeof(Word) == 8, "a word in shared memory must be lock-free");

struct Header {
  Word magic;  // written last: a file without it is still being made
  uint32_t version, header_bytes;
  uint64_t file_bytes, pid, process_start;
  uint32_t uid, channels;  // channels the ring has room for
  uint64_t audio_offset, audio_frames, records_offset, record_count;
  uint32_t record_bytes, slot_bytes;
  uint64_t results_offset, view_bytes;
  char label[64];
  // Written by the plugin's audio thread, and `closed` by its main thread.
  alignas(256) Word write_frames;
  Word write_records, lost_frames, closed;
  // Written by the engine.
  alignas(256) Word read_frames;
  Word read_records;
  alignas(128) Word heartbeat_ns;
  Word engine_pid, engine_start, published, engine_layout;
  // Written by the plugin's main thread: each count is one more request.
  alignas(128) Word reset;
  Word report, genre_sequence, genre[4];
};

// A slot of the results: its sequence is odd while it is written.
struct Slot {
  Word sequence;
  Word words[sizeof(View) / 8];
};

static_assert(sizeof(Band) == 20 && sizeof(Results) == 224 && sizeof(Record) == 64);
static_assert(sizeof(View) % 8 == 0 && sizeof(Slot) <= kSlotBytes && sizeof(Header) <= kHeaderBytes);
static_assert(offsetof(Header, write_frames) == 256 && offsetof(Header, read_frames) == 512 &&
              offsetof(Header, heartbeat_ns) == 640 && offsetof(Header, reset) == 768);

// What an engine says of itself, and the plugin compares: the version, and the size of what it publishes.
constexpr uint64_t kEngineLayout = uint64_t(kVersion) << 32 | sizeof(View);

constexpr uint64_t kAudioOffset = kRecordsOffset + kRecords * sizeof(Record);

// Frames of a ring that holds 20 s at a rate: a power of two.
inline uint64_t ring_frames(double sample_rate) {
  uint64_t frames = kMinFrames;
  while (frames < kMaxFrames && double(frames) < kRingSeconds * sample_rate) frames *= 2;
  return frames;
}

inline uint64_t file_bytes(uint64_t frames, uint32_t channels) {
  return kAudioOffset + frames * channels * sizeof(float);
}

}  // namespace mixdiagnose
