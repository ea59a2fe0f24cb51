// An engine in C++ on the memory of a Link, for tests: what link.py does, with atomics.
#pragma once

#include <vector>

#include "link.hpp"

namespace engine {

using namespace mixdiagnose;

class Reader {
 public:
  explicit Reader(void* memory) : base_(static_cast<unsigned char*>(memory)), h_(*static_cast<Header*>(memory)) {
    h_.engine_layout.store(kEngineLayout, std::memory_order_release);
  }

  // Frames up to the next record, at most `most`, of each channel one after the other; the record before them.
  uint64_t read(std::vector<float>& audio, uint64_t most, uint64_t& lost) {
    const uint64_t written = h_.write_frames.load(std::memory_order_acquire);
    const uint64_t count = h_.write_records.load(std::memory_order_acquire);
    uint64_t next = written;
    for (lost = 0; index_ < count; ++index_) {
      const Record& r = reinterpret_cast<const Record*>(base_ + kRecordsOffset)[index_ & (kRecords - 1)];
      if (r.at_frame > at_) {
        next = std::min(next, r.at_frame);
        break;
      }
      state = r;
      lost += r.lost_frames;
    }
    const uint64_t frames = std::min(most, next - at_);
    audio.resize(frames * state.channels);
    for (uint32_t c = 0; c < state.channels; ++c)
      for (uint64_t i = 0; i < frames; ++i)
        audio[c * frames + i] = reinterpret_cast<const float*>(base_ + kAudioOffset)[c * h_.audio_frames +
                                                                                     ((at_ + i) & (h_.audio_frames - 1))];
    at_ += frames;
    h_.read_frames.store(at_, std::memory_order_release);
    h_.read_records.store(index_, std::memory_order_release);
    return frames;
  }

  void publish(const View& view) {
    const uint64_t count = h_.published.load(std::memory_order_relaxed) + 1;
    auto* slot = reinterpret_cast<Slot*>(base_ + kResultsOffset + (count & 1) * kSlotBytes);
    const uint64_t sequence = slot->sequence.load(std::memory_order_relaxed) | 1;
    slot->sequence.store(sequence, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    for (size_t i = 0; i < sizeof(View) / 8; ++i) {
      uint64_t word;
      std::memcpy(&word, reinterpret_cast<const unsigned char*>(&view) + 8 * i, 8);
      slot->words[i].store(word, std::memory_order_relaxed);
    }
    slot->sequence.store(sequence + 1, std::memory_order_release);
    h_.published.store(count, std::memory_order_release);
    h_.heartbeat_ns.store(monotonic_ns(), std::memory_order_release);
  }

  Record state{};

 private:
  unsigned char* base_;
  Header& h_;
  uint64_t at_ = 0, index_ = 0;
};

}  // namespace engine
