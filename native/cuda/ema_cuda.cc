// Cutting an operation into launches: which weights, copies or comparisons go into which kernel's
// parameters. Calls the driver only through ema_cuda_module.h, except to zero memory and to wait.
#include "cuda/ema_cuda.h"

#include <algorithm>
#include <limits>
#include <string>
#include <type_traits>

#include "cuda/cuda_api.h"
#include "cuda/ema_cuda_module.h"
#include "cuda/ema_cuda_table.h"

namespace ema {
namespace {

// NOTE(tile): below this many large tiles, small ones keep more of the chip busy: an H100 or H200
// has 132 multiprocessors and room for about 800 blocks. One row of a large model (weight and
// average read, average written) takes 1 to 19 % less time in large tiles; two to five rows, or a
// row and its low parts, up to 6 % less in small ones, where enough loads are in flight already
// (bench/results/gpu, 2026-11-28).
constexpr int64_t kBusyTiles = 512;
constexpr int64_t kNoTiles =
    std::numeric_limits<int64_t>::max() / (kBlockThreads * kVectorsPerThread);

int64_t BusyTiles(const Update& update) {
  return update.averages == 1 && !update.compensated ? kBusyTiles : kNoTiles;
}

// Between two weights of one launch. Blocks that find only a gap end at once: this many cost about
// as much as another launch.
constexpr int64_t kLongestGap = 1000 * kBlockThreads * kVectorsPerThread * kFloatsPerVector;

constexpr int64_t kMaxBlocks = std::numeric_limits<int32_t>::max();

constexpr int64_t DivideUp(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Collects weights into a table and launches it when it is full or the next weight does not follow.
class UpdateLaunches {
 public:
  UpdateLaunches(const Update& update, const CudaTarget& target, int64_t busy_tiles)
      : update_(update), target_(target), busy_tiles_(busy_tiles) {
    table_.row_stride = update.row_stride;
    table_.count = 0;
  }

  Status Add(const Segment& segment) {
    if (segment.size == 0) return Status();
    if (Status status = Check(segment); !status.ok()) return status;
    if (!Follows(segment)) {
      if (Status status = Launch(); !status.ok()) return status;
      begin_ = end_ = segment.offset;
    }
    if (segment.offset > end_) Push(end_, 0);
    const int64_t aligned = AlignedSize(segment.size);
    const auto padding = static_cast<uint64_t>(aligned - segment.size);
    Push(segment.offset, (padding << kPaddingShift) | reinterpret_cast<uintptr_t>(segment.weight));
    end_ = segment.offset + aligned;
    return Status();
  }

  // Launches what has been collected: once for each group of averages that fits into registers, so
  // that a group's weights may still be in the cache for the next.
  Status Launch() {
    if (table_.count == 0) return Status();
    table_.places[table_.count] = Place(end_);
    const int64_t vectors = DivideUp(end_ - begin_, kFloatsPerVector);
    const bool busy = vectors >= busy_tiles_ * kBlockThreads * kVectorsPerThread;
    table_.vectors = busy ? kVectorsPerThread : 1;
    const int64_t blocks = DivideUp(vectors, int64_t{kBlockThreads} * table_.vectors);
    if (blocks > kMaxBlocks) return Status::Failure("a model of over 2^43 floats");
    for (int first = 0; first < update_.averages; first += kMaxFused) {
      const int count = std::min(kMaxFused, update_.averages - first);
      if (Status status = LaunchGroup(first, count, blocks); !status.ok()) return status;
    }
    table_.count = 0;
    return Status();
  }

 private:
  static Status Check(const Segment& segment) {
    const auto address = reinterpret_cast<uintptr_t>(segment.weight);
    if (address % sizeof(float) == 0 && (address & ~kAddressMask) == 0 &&
        segment.offset % kAlignment == 0) {
      return Status();
    }
    return Status::Failure("a weight at address " + std::to_string(address) + " for place " +
                           std::to_string(segment.offset) + " of the arena is misaligned");
  }

  bool Follows(const Segment& segment) const {
    const int64_t gap = segment.offset - end_;
    const int entries = gap > 0 ? 2 : 1;
    const int64_t units = (segment.offset - begin_ + AlignedSize(segment.size)) / kAlignment;
    return table_.count > 0 && gap >= 0 && gap <= kLongestGap &&
           table_.count + entries <= kUpdateEntries &&
           units <= std::numeric_limits<uint32_t>::max();
  }

  uint32_t Place(int64_t offset) const {
    return static_cast<uint32_t>((offset - begin_) / kAlignment);
  }

  void Push(int64_t offset, uint64_t packed) {
    table_.places[table_.count] = Place(offset);
    table_.weights[table_.count] = packed;
    ++table_.count;
  }

  Status LaunchGroup(int first, int count, int64_t blocks) {
    table_.shadows = update_.arena + first * update_.row_stride + begin_;
    table_.low_parts =
        update_.compensated ? table_.shadows + update_.averages * update_.row_stride : nullptr;
    std::copy_n(update_.alphas + first, count, table_.alphas);
    const CudaKernels& kernels = *target_.kernels;
    const CudaKernel* const set = update_.compensated ? kernels.compensated : kernels.update;
    const CudaGrid grid = {static_cast<unsigned>(blocks), 1, kBlockThreads};
    return LaunchCuda(target_, set[count - 1], grid, &table_);
  }

  const Update& update_;
  const CudaTarget& target_;
  const int64_t busy_tiles_;
  int64_t begin_ = 0;  // of the first collected weight in its row, in floats
  int64_t end_ = 0;    // of the last one, with its padding
  UpdateTable table_;
};

// One launch of as many copies or readings as the table holds; takes them off the front of
// [*next, end).
template <typename Table, typename Entry>
Status LaunchTiles(const CudaTarget& target, const CudaKernel& kernel, Table* table,
                   const Entry** next, const Entry* end) {
  constexpr auto kEntries = static_cast<int32_t>(std::extent_v<decltype(table->entries)>);
  table->count = 0;
  int64_t blocks = 0;
  for (; *next != end && table->count < kEntries; ++*next) {
    const int64_t tiles = DivideUp((*next)->size, kCopyTile);
    if (tiles == 0) continue;
    if (blocks > 0 && blocks + tiles > kMaxBlocks) break;
    table->first_tiles[table->count] = static_cast<uint32_t>(blocks);
    table->entries[table->count] = **next;
    ++table->count;
    blocks += tiles;
  }
  if (table->count == 0) return Status();
  if (blocks > kMaxBlocks) return Status::Failure("a copy of over 2^43 floats");
  table->first_tiles[table->count] = static_cast<uint32_t>(blocks);
  const CudaGrid grid = {static_cast<unsigned>(blocks), 1, kBlockThreads};
  return LaunchCuda(target, kernel, grid, table);
}

// Launches all of them; `kernel` is that of the table.
template <typename Table, typename Entry>
Status LaunchAll(const Entry* entries, int count, CudaStream stream,
                 CudaKernel CudaKernels::*kernel, Table* table) {
  const Entry* const end = entries + count;
  const Entry* next = std::find_if(entries, end, [](const Entry& entry) { return entry.size > 0; });
  if (next == end) return Status();
  CudaTarget target;
  if (Status status = AttachCuda(next->target, stream, &target); !status.ok()) return status;
  while (next != end) {
    Status status = LaunchTiles(target, target.kernels->*kernel, table, &next, end);
    if (!status.ok()) return status;
  }
  return Status();
}

// Compares `count` weights from `first` with one group of averages.
Status LaunchStatistics(const CudaTarget& target, const Look& look, int first, int count,
                        int first_average, Statistics* out) {
  const Update& update = look.next;
  const int64_t low_parts = update.averages * update.row_stride;
  StatisticsTable table;
  table.shadows = update.arena + first_average * update.row_stride;
  table.low_parts = update.compensated ? table.shadows + low_parts : nullptr;
  table.row_stride = update.row_stride;
  table.out = out + int64_t{first} * update.averages + first_average;
  table.from = update.arena + look.from * update.row_stride;
  table.from_low = update.compensated ? table.from + low_parts : nullptr;
  table.averages = update.averages;
  table.from_average = look.from - first_average;
  table.from_ahead = look.ahead[look.from];
  const int group = std::min(kMaxFused, update.averages - first_average);
  std::copy_n(look.ahead + first_average, group, table.ahead);
  std::copy_n(update.alphas + first_average, group, table.alphas);
  std::copy_n(update.segments + first, count, table.entries);
  const CudaGrid grid = {static_cast<unsigned>(count), static_cast<unsigned>(group),
                         kStatisticsThreads};
  return LaunchCuda(target, target.kernels->statistics, grid, &table);
}

}  // namespace

Status CudaFindDriver() { return FindCuda(); }

Status CudaUpdate(const Update& update, CudaStream stream) {
  return CudaUpdateTuned(update, stream, BusyTiles(update));
}

Status CudaUpdateTuned(const Update& update, CudaStream stream, int64_t busy_tiles) {
  CudaTarget target;
  if (Status status = AttachCuda(update.arena, stream, &target); !status.ok()) return status;
  UpdateLaunches launches(update, target, busy_tiles);
  for (int i = 0; i < update.segment_count; ++i) {
    if (Status status = launches.Add(update.segments[i]); !status.ok()) return status;
  }
  return launches.Launch();
}

Status CudaCopy(const Copy* copies, int count, CudaStream stream) {
  CopyTable table;
  return LaunchAll(copies, count, stream, &CudaKernels::copy, &table);
}

Status CudaRead(const Readings& readings, CudaStream stream) {
  ReadTable table;
  table.low_parts = readings.low_parts;
  return LaunchAll(readings.list, readings.count, stream, &CudaKernels::read, &table);
}

Status CudaCombine(const Combination& combination, CudaStream stream) {
  CombineTable table;
  table.low_parts = combination.low_parts;
  table.term_count = combination.term_count;
  std::copy_n(combination.terms, combination.term_count, table.terms);
  return LaunchAll(combination.list, combination.count, stream, &CudaKernels::combine, &table);
}

Status CudaZero(float* target, int64_t size, CudaStream stream) {
  if (size == 0) return Status();
  CudaTarget attached;
  if (Status status = AttachCuda(target, stream, &attached); !status.ok()) return status;
  return FromCuda("cuMemsetD32Async",
                  Driver().cuMemsetD32Async(DeviceAddress(target), 0, static_cast<size_t>(size),
                                            attached.stream));
}

Status CudaStatistics(const Look& look, Statistics* out, CudaStream stream) {
  const Update& update = look.next;
  CudaTarget target;
  if (Status status = AttachCuda(update.arena, stream, &target); !status.ok()) return status;
  for (int first = 0; first < update.segment_count; first += kStatisticsEntries) {
    const int count = std::min(kStatisticsEntries, update.segment_count - first);
    for (int average = 0; average < update.averages; average += kMaxFused) {
      Status status = LaunchStatistics(target, look, first, count, average, out);
      if (!status.ok()) return status;
    }
  }
  return Status();
}

Status CudaSynchroniseContext() {
  return FromCuda("cuCtxSynchronize", Driver().cuCtxSynchronize());
}

Status CudaSynchroniseStream(CudaStream stream) {
  return FromCuda("cuStreamSynchronize",
                  Driver().cuStreamSynchronize(static_cast<CUstream>(stream)));
}

}  // namespace ema
