// Prints every offset, size and constant of the layout: NAME VALUE.
#include "link.hpp"

using namespace mixdiagnose;

#define SHOW(name, value) std::printf("%s %llu\n", name, static_cast<unsigned long long>(value))
#define FIELD(type, field) SHOW(#type "." #field, offsetof(type, field))

int main() {
  SHOW("MAGIC", kMagic), SHOW("VERSION", kVersion), SHOW("MAX_CHANNELS", kMaxChannels), SHOW("BANDS", kBands);
  SHOW("RING_S", kRingSeconds), SHOW("MIN_FRAMES", kMinFrames), SHOW("MAX_FRAMES", kMaxFrames);
  SHOW("HEADER_BYTES", kHeaderBytes), SHOW("SLOT_BYTES", kSlotBytes), SHOW("SLOTS", kSlots), SHOW("RECORDS", kRecords);
  SHOW("RESULTS_OFFSET", kResultsOffset), SHOW("RECORDS_OFFSET", kRecordsOffset), SHOW("AUDIO_OFFSET", kAudioOffset);
  SHOW("ALIVE_NS", kAliveNs), SHOW("ENGINE_LAYOUT", kEngineLayout);
  SHOW("HISTORY", View::kHistory), SHOW("SPECTRUM", View::kSpectrum), SHOW("REGIONS", View::kRegions);
  SHOW("LINES", View::kLines), SHOW("GENRES", View::kGenres);
  SHOW("FORMAT", kFormat), SHOW("TRANSPORT", kTransport), SHOW("GAP", kGap);
  SHOW("PLAYING", kPlaying), SHOW("LOOPING", kLooping), SHOW("LOST_FRAMES", kLostFrames);
  SHOW("JOINED_LATE", kJoinedLate);
  SHOW("kind.bell", kBell), SHOW("kind.low-shelf", kLowShelf), SHOW("kind.high-shelf", kHighShelf);
  SHOW("kind.notch", kNotch), SHOW("kind.high-pass", kHighPass), SHOW("kind.low-pass", kLowPass);
  SHOW("status.pass", kPass), SHOW("status.info", kInfo), SHOW("status.warning", kWarning);
  SHOW("status.problem", kProblem), SHOW("status.undetermined", kUndetermined), SHOW("status.skipped", kSkipped);
  SHOW("status.crashed", kCrashed);
  SHOW("Band", sizeof(Band)), SHOW("Results", sizeof(Results)), SHOW("Line", sizeof(Line));
  SHOW("Region", sizeof(Region)), SHOW("View", sizeof(View)), SHOW("Record", sizeof(Record));
  FIELD(Band, kind), FIELD(Band, on), FIELD(Band, frequency_hz), FIELD(Band, gain_db), FIELD(Band, q);
  FIELD(Results, momentary_lufs), FIELD(Results, short_term_lufs), FIELD(Results, integrated_lufs);
  FIELD(Results, true_peak_dbtp), FIELD(Results, correlation), FIELD(Results, readiness), FIELD(Results, incomplete);
  FIELD(Results, band_count), FIELD(Results, bands), FIELD(Results, stamp);
  FIELD(Line, status), FIELD(Line, reserved), FIELD(Line, id), FIELD(Line, text);
  FIELD(Region, low_hz), FIELD(Region, high_hz), FIELD(Region, width), FIELD(Region, width_low);
  FIELD(Region, width_high), FIELD(Region, correlation), FIELD(Region, name);
  FIELD(View, results), FIELD(View, measured_s), FIELD(View, loudness_range_lu), FIELD(View, max_momentary_lufs);
  FIELD(View, max_short_term_lufs), FIELD(View, plr_db), FIELD(View, report_answered), FIELD(View, history_count);
  FIELD(View, spectrum_count), FIELD(View, region_count), FIELD(View, line_count), FIELD(View, genre_count);
  FIELD(View, genre_certain), FIELD(View, momentary_lufs), FIELD(View, short_term_lufs), FIELD(View, spectrum_hz);
  FIELD(View, spectrum_db), FIELD(View, tolerance_low_db), FIELD(View, tolerance_high_db), FIELD(View, regions);
  FIELD(View, lines), FIELD(View, genre), FIELD(View, genres), FIELD(View, headline), FIELD(View, report_path);
  FIELD(Record, at_frame), FIELD(Record, lost_frames), FIELD(Record, sample_rate), FIELD(Record, position_s);
  FIELD(Record, bpm), FIELD(Record, changed), FIELD(Record, flags), FIELD(Record, channels), FIELD(Record, reserved);
  FIELD(Record, reserved_too);
  FIELD(Header, magic), FIELD(Header, version), FIELD(Header, header_bytes), FIELD(Header, file_bytes);
  FIELD(Header, pid), FIELD(Header, process_start), FIELD(Header, uid), FIELD(Header, channels);
  FIELD(Header, audio_offset), FIELD(Header, audio_frames), FIELD(Header, records_offset);
  FIELD(Header, record_count), FIELD(Header, record_bytes), FIELD(Header, slot_bytes);
  FIELD(Header, results_offset), FIELD(Header, view_bytes), FIELD(Header, label);
  FIELD(Header, write_frames), FIELD(Header, write_records), FIELD(Header, lost_frames), FIELD(Header, closed);
  FIELD(Header, read_frames), FIELD(Header, read_records), FIELD(Header, heartbeat_ns), FIELD(Header, engine_pid);
  FIELD(Header, engine_start), FIELD(Header, published), FIELD(Header, engine_layout), FIELD(Header, reset);
  FIELD(Header, report), FIELD(Header, genre_sequence), FIELD(Header, genre);
  for (double rate : {8000.0, 44100.0, 48000.0, 96000.0, 192000.0, 384000.0}) {
    const std::string name = std::to_string(unsigned(rate));
    SHOW(("ring." + name).c_str(), ring_frames(rate));
    SHOW(("file." + name).c_str(), file_bytes(ring_frames(rate), 2));
  }
}
