// Device code: the update of up to eight averages in one pass, copies, all entry points.
// No host logic: a launch's work is in its parameters (ema_cuda_table.h), the formula in lerp.h.
#include "cuda/ema_cuda_table.h"
#include "cuda/ema_device.h"
#include "cuda/ema_statistics_device.h"
#include "lerp.h"

namespace ema {
namespace {

// A weight's stretch of the row, or a gap (weight == nullptr).
struct Entry {
  const float* weight;
  int64_t begin;  // floats from the table's start
  int64_t end;    // without the padding
};

__device__ __forceinline__ Entry EntryAt(const UpdateTable& table, int index) {
  const uint64_t packed = table.weights[index];
  const int64_t padding = static_cast<int64_t>(packed >> kPaddingShift);
  return {reinterpret_cast<const float*>(packed & kAddressMask), table.places[index] * kAlignment,
          table.places[index + 1] * kAlignment - padding};
}

// The last entry of [low, high) that begins at or before `unit`; entry `low` does.
__device__ __forceinline__ int FindEntry(const UpdateTable& table, uint32_t unit, int low,
                                         int high) {
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    if (table.places[middle] <= unit) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return low;
}

// Four floats of a weight, of which the first `lanes` count: none in a gap, in padding and past the
// end.
struct Part {
  Vector4 weight;
  int lanes;
};

__device__ __forceinline__ Part LoadPart(const Entry& entry, int64_t position) {
  Part part = {{{0.0f, 0.0f, 0.0f, 0.0f}}, 0};
  const int64_t left = entry.end - position;
  if (entry.weight == nullptr || left <= 0) return part;
  const float* const from = entry.weight + (position - entry.begin);
  part.lanes = left < kFloatsPerVector ? static_cast<int>(left) : kFloatsPerVector;
  if (part.lanes == kFloatsPerVector && IsVectorAligned(from)) {
    part.weight = LoadVector(from);
    return part;
  }
#pragma unroll
  for (int i = 0; i < kFloatsPerVector; ++i) {
    if (i < part.lanes) part.weight.lane[i] = LoadFloat(from + i);
  }
  return part;
}

// Moves kBatch vectors of every average; all loads come before the first store, so that they are in
// flight together.
template <int kAverages, bool kCompensated, int kBatch>
__device__ __forceinline__ void MoveParts(const UpdateTable& table, const Part (&parts)[kBatch],
                                          const int64_t (&positions)[kBatch]) {
  Vector4 highs[kBatch][kAverages];
  Vector4 lows[kBatch][kAverages];
#pragma unroll
  for (int b = 0; b < kBatch; ++b) {
#pragma unroll
    for (int k = 0; k < kAverages; ++k) {
      const int64_t at = positions[b] + k * table.row_stride;
      highs[b][k] = LoadVectorOnce(table.shadows + at);
      if constexpr (kCompensated) lows[b][k] = LoadVectorOnce(table.low_parts + at);
    }
  }
#pragma unroll
  for (int b = 0; b < kBatch; ++b) {
#pragma unroll
    for (int k = 0; k < kAverages; ++k) {
#pragma unroll
      for (int i = 0; i < kFloatsPerVector; ++i) {
        const bool counts = i < parts[b].lanes;  // padding keeps what it holds
        const float weight = parts[b].weight.lane[i];
        float& high = highs[b][k].lane[i];
        if constexpr (kCompensated) {
          float& low = lows[b][k].lane[i];
          const Compensated moved = LerpCompensated({high, low}, weight, table.alphas[k]);
          high = counts ? moved.high : high;
          low = counts ? moved.low : low;
        } else {
          const float moved = Lerp(high, weight, table.alphas[k]);
          high = counts ? moved : high;
        }
      }
      const int64_t at = positions[b] + k * table.row_stride;
      StoreVectorOnce(table.shadows + at, highs[b][k]);
      if constexpr (kCompensated) StoreVectorOnce(table.low_parts + at, lows[b][k]);
    }
  }
}

// Vectors of a batch: as many loads in flight as the registers of the launch bounds hold without
// spilling.
constexpr int BatchOf(int averages, bool compensated) {
  const int rows = averages * (compensated ? 2 : 1);
  return rows == 1 ? 4 : (rows <= 3 ? 2 : 1);
}

// Blocks that share a multiprocessor, for the launch bounds: 40 registers a thread for 6, then 48,
// 64, 80, and 128 for 2. One more, and some ptxas of 11.8 to 13.0 spills somewhere in sm_50 to
// sm_120; as it is, only 11.8 does: 8 to 32 bytes of update_7 and _8 (bench/results/ptxas.txt).
// On an H200 one average is 1 to 2 % faster with 6 blocks than with 5 or 4
// (bench/results/gpu/2026-11-27-h200/k1-variants.txt).
constexpr int BlocksOf(int averages, bool compensated) {
  if (compensated) return averages == 1 ? 5 : (averages <= 3 ? 4 : (averages == 4 ? 3 : 2));
  return averages == 1 ? 6 : (averages == 2 ? 5 : (averages <= 5 ? 4 : 3));
}

// A tile inside one weight, all vectors whole: no searches, no tails.
template <int kAverages, bool kCompensated>
__device__ __forceinline__ void MoveStraightTile(const UpdateTable& table, const Entry& entry,
                                                 int64_t begin) {
  constexpr int kBatch = BatchOf(kAverages, kCompensated);
#pragma unroll 1
  for (int j = 0; j < kVectorsPerThread; j += kBatch) {
    Part parts[kBatch];
    int64_t positions[kBatch];
#pragma unroll
    for (int b = 0; b < kBatch; ++b) {
      positions[b] = begin + ((j + b) * kBlockThreads + ThreadIndex()) * kFloatsPerVector;
      parts[b] = {LoadVector(entry.weight + (positions[b] - entry.begin)), kFloatsPerVector};
    }
    MoveParts<kAverages, kCompensated>(table, parts, positions);
  }
}

// A tile of several weights, or with a tail, a gap or a weight between 16-byte boundaries: each
// thread looks up its own.
template <int kAverages, bool kCompensated>
__device__ __forceinline__ void MoveMixedTile(const UpdateTable& table, int tile_entry,
                                              int64_t begin) {
  const int64_t row_end = table.places[table.count] * kAlignment;
#pragma unroll 1
  for (int j = 0; j < table.vectors; ++j) {
    const int64_t position = begin + (j * kBlockThreads + ThreadIndex()) * kFloatsPerVector;
    if (position >= row_end) return;
    // Each entry has at least one unit, so the next ones begin at least that far on.
    const int64_t ahead = tile_entry + (position - begin) / kAlignment + 1;
    const int found = FindEntry(table, static_cast<uint32_t>(position / kAlignment), tile_entry,
                                ahead < table.count ? static_cast<int>(ahead) : table.count);
    const Part parts[1] = {LoadPart(EntryAt(table, found), position)};
    const int64_t positions[1] = {position};
    if (parts[0].lanes > 0) MoveParts<kAverages, kCompensated>(table, parts, positions);
  }
}

template <int kAverages, bool kCompensated>
__device__ __forceinline__ void UpdateTile(const UpdateTable& table) {
  const int64_t size = table.vectors * (kBlockThreads * kFloatsPerVector);
  const int64_t begin = BlockIndex() * size;
  const int tile_entry =
      FindEntry(table, static_cast<uint32_t>(begin / kAlignment), 0, table.count);
  const Entry entry = EntryAt(table, tile_entry);
  const bool straight = table.vectors == kVectorsPerThread && entry.weight != nullptr &&
                        IsVectorAligned(entry.weight) && entry.end - begin >= size;
  if (straight) {
    MoveStraightTile<kAverages, kCompensated>(table, entry, begin);
  } else {
    MoveMixedTile<kAverages, kCompensated>(table, tile_entry, begin);
  }
}

// The last entry whose first tile is this block's or an earlier one.
template <typename Table>
__device__ __forceinline__ int EntryOfTile(const Table& table) {
  int low = 0;
  int high = table.count;
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    if (table.first_tiles[middle] <= BlockIndex()) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return low;
}

// One tile of one copy.
__device__ __forceinline__ void CopyTile(const Copy& copy, uint32_t tile) {
  const int64_t begin = tile * kCopyTile;
  const int64_t end = begin + kCopyTile < copy.size ? begin + kCopyTile : copy.size;
  int64_t scalars = begin;
  if (IsVectorAligned(copy.source) && IsVectorAligned(copy.target)) {
    scalars = end - end % kFloatsPerVector;
    const int64_t stride = kBlockThreads * kFloatsPerVector;
    for (int64_t i = begin + ThreadIndex() * kFloatsPerVector; i < scalars; i += stride) {
      StoreVector(copy.target + i, LoadVector(copy.source + i));
    }
  }
  for (int64_t i = scalars + ThreadIndex(); i < end; i += kBlockThreads) {
    StoreFloat(copy.target + i, LoadFloat(copy.source + i));
  }
}

// One shadow as the update that is not made would leave it.
template <bool kCompensated>
__device__ __forceinline__ float AheadOf(float high, float low, float weight, float alpha) {
  if constexpr (kCompensated) return LerpCompensated({high, low}, weight, alpha).high;
  return Lerp(high, weight, alpha);
}

// Floats `begin` to `end` of a reading whose alpha is not 0.
template <bool kCompensated>
__device__ __forceinline__ void ReadAhead(const Reading& from, int64_t low_parts, int64_t begin,
                                          int64_t end) {
  const float* const low = from.shadow + low_parts;
  int64_t scalars = begin;
  if (IsVectorAligned(from.shadow) && IsVectorAligned(from.weight) &&
      IsVectorAligned(from.target)) {
    scalars = end - end % kFloatsPerVector;
    const int64_t stride = kBlockThreads * kFloatsPerVector;
    for (int64_t i = begin + ThreadIndex() * kFloatsPerVector; i < scalars; i += stride) {
      Vector4 high = LoadVector(from.shadow + i);
      const Vector4 weight = LoadVector(from.weight + i);
      const Vector4 part = kCompensated ? LoadVector(low + i) : high;
#pragma unroll
      for (int lane = 0; lane < kFloatsPerVector; ++lane) {
        high.lane[lane] =
            AheadOf<kCompensated>(high.lane[lane], part.lane[lane], weight.lane[lane], from.alpha);
      }
      StoreVector(from.target + i, high);
    }
  }
  for (int64_t i = scalars + ThreadIndex(); i < end; i += kBlockThreads) {
    const float part = kCompensated ? LoadFloat(low + i) : 0.0f;
    StoreFloat(from.target + i, AheadOf<kCompensated>(LoadFloat(from.shadow + i), part,
                                                      LoadFloat(from.weight + i), from.alpha));
  }
}

// One more average of one float.
__device__ __forceinline__ double AddTerm(double sum, const Term& term, Compensated shadow,
                                          float weight) {
  const Compensated value = term.has_low != 0
                                ? LerpCompensated(shadow, weight, term.alpha)
                                : Compensated{Lerp(shadow.high, weight, term.alpha), 0.0f};
  const double with_high = AddScaled(sum, term.high, value.high);
  return term.low == 0 ? with_high : AddScaled(with_high, term.low, value.low);
}

// Four floats from `i` on, all pointers at 16-byte boundaries.
__device__ __forceinline__ void CombineVector(const CombineTable& table, const Place& place,
                                              int64_t i) {
  double sums[kFloatsPerVector] = {kNoSum, kNoSum, kNoSum, kNoSum};
  const Vector4 zero = {{0.0f, 0.0f, 0.0f, 0.0f}};
#pragma unroll 1
  for (int k = 0; k < table.term_count; ++k) {
    const Term& term = table.terms[k];
    const float* const shadow = place.shadow + term.row + i;
    const Vector4 high = LoadVector(shadow);
    const Vector4 low = term.has_low != 0 ? LoadVector(shadow + table.low_parts) : zero;
    const Vector4 weight = term.alpha != 0.0f ? LoadVector(place.weight + i) : zero;
#pragma unroll
    for (int lane = 0; lane < kFloatsPerVector; ++lane) {
      sums[lane] = AddTerm(sums[lane], term, {high.lane[lane], low.lane[lane]}, weight.lane[lane]);
    }
  }
  Vector4 out;
#pragma unroll
  for (int lane = 0; lane < kFloatsPerVector; ++lane) {
    out.lane[lane] = static_cast<float>(sums[lane]);
  }
  StoreVector(place.target + i, out);
}

__device__ __forceinline__ void CombineFloat(const CombineTable& table, const Place& place,
                                             int64_t i) {
  double sum = kNoSum;
#pragma unroll 1
  for (int k = 0; k < table.term_count; ++k) {
    const Term& term = table.terms[k];
    const float* const shadow = place.shadow + term.row + i;
    const float low = term.has_low != 0 ? LoadFloat(shadow + table.low_parts) : 0.0f;
    const float weight = term.alpha != 0.0f ? LoadFloat(place.weight + i) : 0.0f;
    sum = AddTerm(sum, term, {LoadFloat(shadow), low}, weight);
  }
  StoreFloat(place.target + i, static_cast<float>(sum));
}

// One tile of one combination.
__device__ __forceinline__ void CombineTile(const CombineTable& table) {
  const int entry = EntryOfTile(table);
  const Place& place = table.entries[entry];
  const int64_t begin = (BlockIndex() - table.first_tiles[entry]) * kCopyTile;
  const int64_t end = begin + kCopyTile < place.size ? begin + kCopyTile : place.size;
  int64_t scalars = begin;
  // Rows lie at multiples of 64 bytes from the first.
  if (IsVectorAligned(place.shadow) && IsVectorAligned(place.weight) &&
      IsVectorAligned(place.target)) {
    scalars = end - end % kFloatsPerVector;
    const int64_t stride = kBlockThreads * kFloatsPerVector;
    for (int64_t i = begin + ThreadIndex() * kFloatsPerVector; i < scalars; i += stride) {
      CombineVector(table, place, i);
    }
  }
  for (int64_t i = scalars + ThreadIndex(); i < end; i += kBlockThreads) {
    CombineFloat(table, place, i);
  }
}

// One tile of one reading.
__device__ __forceinline__ void ReadTile(const ReadTable& table) {
  const int place = EntryOfTile(table);
  const Reading from = table.entries[place];
  const uint32_t tile = BlockIndex() - table.first_tiles[place];
  if (from.alpha == 0.0f) {
    CopyTile({from.shadow, from.target, from.size}, tile);
    return;
  }
  const int64_t begin = tile * kCopyTile;
  const int64_t end = begin + kCopyTile < from.size ? begin + kCopyTile : from.size;
  if (table.low_parts == 0) {
    ReadAhead<false>(from, 0, begin, end);
  } else {
    ReadAhead<true>(from, table.low_parts, begin, end);
  }
}

}  // namespace
}  // namespace ema

#define EMA_UPDATE_KERNEL(name, averages, compensated)                               \
  extern "C" __global__ void __launch_bounds__(ema::kBlockThreads,                   \
                                               ema::BlocksOf(averages, compensated)) \
      name(ema::KernelParameter<ema::UpdateTable> table) {                           \
    ema::UpdateTile<averages, compensated>(table);                                   \
  }
EMA_UPDATE_KERNEL(ema_update_1, 1, false)
EMA_UPDATE_KERNEL(ema_update_2, 2, false)
EMA_UPDATE_KERNEL(ema_update_3, 3, false)
EMA_UPDATE_KERNEL(ema_update_4, 4, false)
EMA_UPDATE_KERNEL(ema_update_5, 5, false)
EMA_UPDATE_KERNEL(ema_update_6, 6, false)
EMA_UPDATE_KERNEL(ema_update_7, 7, false)
EMA_UPDATE_KERNEL(ema_update_8, 8, false)
EMA_UPDATE_KERNEL(ema_compensated_1, 1, true)
EMA_UPDATE_KERNEL(ema_compensated_2, 2, true)
EMA_UPDATE_KERNEL(ema_compensated_3, 3, true)
EMA_UPDATE_KERNEL(ema_compensated_4, 4, true)
EMA_UPDATE_KERNEL(ema_compensated_5, 5, true)
EMA_UPDATE_KERNEL(ema_compensated_6, 6, true)
EMA_UPDATE_KERNEL(ema_compensated_7, 7, true)
EMA_UPDATE_KERNEL(ema_compensated_8, 8, true)
#undef EMA_UPDATE_KERNEL

extern "C" __global__ void __launch_bounds__(ema::kBlockThreads)
    ema_copy(ema::KernelParameter<ema::CopyTable> table) {
  const int place = ema::EntryOfTile(table);
  ema::CopyTile(table.entries[place], ema::BlockIndex() - table.first_tiles[place]);
}

extern "C" __global__ void __launch_bounds__(ema::kBlockThreads)
    ema_read(ema::KernelParameter<ema::ReadTable> table) {
  ema::ReadTile(table);
}

extern "C" __global__ void __launch_bounds__(ema::kBlockThreads)
    ema_combine(ema::KernelParameter<ema::CombineTable> table) {
  ema::CombineTile(table);
}

extern "C" __global__ void __launch_bounds__(ema::kStatisticsThreads)
    ema_statistics(ema::KernelParameter<ema::StatisticsTable> table) {
  __shared__ ema::Sums shared[ema::kStatisticsThreads];
  ema::CompareBlock(table, shared);
}
