// One operation on host memory: splitting it into pieces, choosing the kernel, sharing the pieces
// among threads. The loops themselves are in ema_cpu_kernel.h.
#include "cpu/ema_cpu.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "cpu/cpu_features.h"
#include "cpu/ema_cpu_kernel.h"
#include "cpu/float_mode.h"
#include "cpu/thread_pool.h"

namespace ema {
namespace {

// Floats of one weight that a thread takes at a time. NOTE(chunk-size): bench/README.md.
constexpr int64_t kChunk = 131072;

// Below this many floats moved, helpers cost more than they bring. NOTE(chunk-size):
// bench/README.md.
constexpr int64_t kThreadedFloats = 2'000'000;

constexpr int kMostThreads = 64;
constexpr int kDefaultMostThreads = 8;

const CpuKernels& ChooseKernels() {
#if defined(__x86_64__)
  if (HasAvx2AndFma()) return kAvx2Kernels;
#endif
  return kBaselineKernels;
}

const CpuKernels& Kernels() {
  static const CpuKernels& chosen = ChooseKernels();
  return chosen;
}

int DefaultThreads() {
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  return std::clamp(cores, 1, kDefaultMostThreads);
}

std::atomic<int>& ThreadLimit() {
  static std::atomic<int> limit{DefaultThreads()};
  return limit;
}

// Never destroyed: the image stays loaded until the process ends, and helpers may be asleep in it
// then.
ThreadPool& Pool() {
  static ThreadPool& pool = *std::make_unique<ThreadPool>().release();
  return pool;
}

// The averages of one update, sorted by what alpha asks of them.
struct Plan {
  std::vector<int> moving;  // 0 < alpha < 1, and whatever else is no exact end
  std::vector<int> taking;  // alpha 1: the shadow becomes the weight
};

Plan MakePlan(const Update& update) {
  Plan plan;
  for (int k = 0; k < update.averages; ++k) {
    const float alpha = update.alphas[k];
    if (alpha == 1.0f) plan.taking.push_back(k);
    if (alpha != 1.0f && alpha != 0.0f) plan.moving.push_back(k);
  }
  return plan;
}

float* Row(const Update& update, int row, int64_t offset) {
  return update.arena + row * update.row_stride + offset;
}

// Up to kMaxFused averages, from moving[first].
void MoveGroup(const Update& update, const Plan& plan, size_t first, const float* weight,
               int64_t offset, int64_t size) {
  const int count = static_cast<int>(std::min<size_t>(kMaxFused, plan.moving.size() - first));
  float* shadows[2 * kMaxFused];
  float alphas[kMaxFused];
  for (int i = 0; i < count; ++i) {
    const int k = plan.moving[first + i];
    alphas[i] = update.alphas[k];
    shadows[i] = Row(update, k, offset);
    if (update.compensated) shadows[count + i] = Row(update, update.averages + k, offset);
  }
  const CpuKernels& kernels = Kernels();
  const UpdateSpan span = (update.compensated ? kernels.compensated : kernels.update)[count - 1];
  span(weight, shadows, alphas, size);
}

// `size` floats of one segment, from float `start` of it.
void MovePiece(const Update& update, const Plan& plan, const Segment& segment, int64_t start,
               int64_t size) {
  const float* const weight = segment.weight + start;
  const int64_t offset = segment.offset + start;
  for (size_t first = 0; first < plan.moving.size(); first += kMaxFused) {
    MoveGroup(update, plan, first, weight, offset, size);
  }
  const size_t bytes = static_cast<size_t>(size) * sizeof(float);
  for (const int k : plan.taking) {
    std::memcpy(Row(update, k, offset), weight, bytes);
    if (update.compensated) std::memset(Row(update, update.averages + k, offset), 0, bytes);
  }
}

struct Piece {
  int entry;
  int64_t start;
};

// Calls work(entry, start, size) for every float of every entry once, in gradual underflow: on this
// thread, or shared out in pieces where `moved` floats are worth it.
template <typename Entry, typename Work>
void ForEachPiece(const Entry* entries, int count, int64_t moved, Work work) {
  const int threads = CpuThreads();
  if (threads == 1 || moved < kThreadedFloats) {
    const GradualUnderflow mode;
    for (int i = 0; i < count; ++i) {
      if (entries[i].size > 0) work(entries[i], 0, entries[i].size);
    }
    return;
  }
  std::vector<Piece> pieces;
  for (int i = 0; i < count; ++i) {
    for (int64_t start = 0; start < entries[i].size; start += kChunk) pieces.push_back({i, start});
  }
  Pool().Run(static_cast<int64_t>(pieces.size()), threads, [&](int64_t p) {
    const GradualUnderflow mode;
    const Entry& entry = entries[pieces[p].entry];
    const int64_t start = pieces[p].start;
    work(entry, start, std::min(kChunk, entry.size - start));
  });
}

template <typename Entry>
int64_t FloatsOf(const Entry* entries, int count) {
  int64_t floats = 0;
  for (int i = 0; i < count; ++i) floats += entries[i].size;
  return floats;
}

// `size` floats of one shadow, from float `start` of it.
void ReadPiece(const Reading& reading, int64_t low_parts, int64_t start, int64_t size) {
  const float* const high = reading.shadow + start;
  float* const target = reading.target + start;
  if (reading.alpha == 0.0f) {
    Kernels().copy(high, target, size);
  } else if (reading.alpha == 1.0f) {
    Kernels().copy(reading.weight + start, target, size);
  } else {
    const float* const low = low_parts == 0 ? nullptr : high + low_parts;
    Kernels().ahead({reading.weight + start, high, low, reading.alpha}, target, size);
  }
}

// `size` floats of one weight, from float `start` of it.
void CombinePiece(const Combination& combination, const Place& place, int64_t start, int64_t size) {
  Part parts[kMostTerms];
  for (int k = 0; k < combination.term_count; ++k) {
    const Term& term = combination.terms[k];
    const float* const high = place.shadow + term.row + start;
    parts[k] = {high, term.has_low != 0 ? high + combination.low_parts : nullptr, term};
  }
  Kernels().combine({parts, combination.term_count, place.weight + start}, place.target + start,
                    size);
}

}  // namespace

void CpuUpdate(const Update& update) {
  // Already here: TensorFlow's mode makes a subnormal alpha equal to 0.
  const GradualUnderflow mode;
  const Plan plan = MakePlan(update);
  const int64_t rows = static_cast<int64_t>(plan.moving.size() + plan.taking.size());
  const int64_t moved = rows * FloatsOf(update.segments, update.segment_count);
  ForEachPiece(update.segments, update.segment_count, moved,
               [&](const Segment& segment, int64_t start, int64_t size) {
                 MovePiece(update, plan, segment, start, size);
               });
}

void CpuRead(const Readings& readings) {
  ForEachPiece(readings.list, readings.count, FloatsOf(readings.list, readings.count),
               [&](const Reading& reading, int64_t start, int64_t size) {
                 ReadPiece(reading, readings.low_parts, start, size);
               });
}

void CpuCombine(const Combination& combination) {
  const int64_t floats = combination.term_count * FloatsOf(combination.list, combination.count);
  ForEachPiece(combination.list, combination.count, floats,
               [&](const Place& place, int64_t start, int64_t size) {
                 CombinePiece(combination, place, start, size);
               });
}

void CpuCopy(const Copy* copies, int count) {
  for (int i = 0; i < count; ++i) {
    if (copies[i].size > 0) {
      std::memcpy(copies[i].target, copies[i].source,
                  static_cast<size_t>(copies[i].size) * sizeof(float));
    }
  }
}

const char* CpuKernelName() { return Kernels().name; }

int CpuThreads() { return ThreadLimit().load(std::memory_order_relaxed); }

void SetCpuThreads(int threads) {
  ThreadLimit().store(threads == 0 ? DefaultThreads() : std::clamp(threads, 1, kMostThreads),
                      std::memory_order_relaxed);
}

}  // namespace ema
