// The parameters of the kernels, as the launcher fills them and the device reads them: one struct a
// kernel, at most 4 KB. Plain data and sizes; no functions of either side.
#pragma once

#include <cstdint>

#include "chunk.h"

namespace ema {

// What a launch may take as parameters on every driver and chip.
constexpr int kParameterBytes = 4096;

// Threads of a block, in every kernel but the statistics.
constexpr int kBlockThreads = 256;

// NOTE(tile): a block moves a tile, `vectors` 16-byte vectors a thread: four independent loads of
// weights and of shadows in flight hide the memory's latency in a large model; a small one needs
// its few tiles spread over the chip instead.
constexpr int kVectorsPerThread = 4;
constexpr int64_t kFloatsPerVector = 4;

// One launch of an update. The row is the iteration space: a tile is a stretch of the row, whatever
// weights lie in it, so ten thousand tiny weights keep the chip as busy as one large one.
//
// NOTE(table): the table travels as kernel parameters. A table in device memory would make every
// model one launch, but weights have new addresses after each optimizer step: it would need a copy
// before each launch, and memory that TensorFlow owns for it.
constexpr int kUpdateEntries = 335;

struct UpdateTable {
  float* shadows;      // row of the first average, where the first entry begins
  float* low_parts;    // row of its low parts, same place; null without compensation
  int64_t row_stride;  // floats
  float alphas[kMaxFused];
  int32_t vectors;  // a thread: 1 or kVectorsPerThread
  int32_t count;
  // Where each entry begins, in units of kAlignment floats from `shadows`; places[count] is the
  // end.
  uint32_t places[kUpdateEntries + 1];
  // Address of each weight in the low 60 bits; above it the floats of padding that end the entry, 0
  // to 15. An entry with address 0 is a gap: shadows that this launch leaves alone.
  uint64_t weights[kUpdateEntries];
};
static_assert(sizeof(UpdateTable) <= kParameterBytes, "one launch's parameters");

constexpr int kPaddingShift = 60;
constexpr uint64_t kAddressMask = (uint64_t{1} << kPaddingShift) - 1;

// One launch of copies; each is cut into tiles of kCopyTile floats, one a block.
constexpr int kCopyEntries = 145;
constexpr int64_t kCopyTile = kBlockThreads * kVectorsPerThread * kFloatsPerVector;

struct CopyTable {
  int32_t count;
  uint32_t first_tiles[kCopyEntries + 1];  // first_tiles[count] is the number of blocks
  Copy entries[kCopyEntries];
};
static_assert(sizeof(CopyTable) <= kParameterBytes, "one launch's parameters");

// One launch of readings, cut into the same tiles.
constexpr int kReadEntries = 92;

struct ReadTable {
  int64_t low_parts;  // as in Readings
  int32_t count;
  uint32_t first_tiles[kReadEntries + 1];
  Reading entries[kReadEntries];
};
static_assert(sizeof(ReadTable) <= kParameterBytes, "one launch's parameters");

// One launch of a combination, cut into the same tiles.
constexpr int kCombineEntries = 84;

struct CombineTable {
  int64_t low_parts;  // as in Combination
  int32_t term_count;
  int32_t count;
  Term terms[kMostTerms];
  uint32_t first_tiles[kCombineEntries + 1];
  Place entries[kCombineEntries];
};
static_assert(sizeof(CombineTable) <= kParameterBytes, "one launch's parameters");

// One launch of statistics: block (i, k) compares weight i with the k-th of at most kMaxFused
// averages.
constexpr int kStatisticsEntries = 160;
constexpr int kStatisticsThreads = 512;

struct StatisticsTable {
  const float* shadows;    // row of this launch's first average
  const float* low_parts;  // row of its low parts; null without compensation
  int64_t row_stride;      // floats
  Statistics* out;         // of this launch's first weight and first average
  const float* from;       // row of the average that drift is measured from
  const float* from_low;   // row of its low parts; null without compensation
  int32_t averages;        // of the whole arena: the distance in `out` from one weight to the next
  int32_t from_average;    // which that is, counted from this launch's first
  float from_ahead;
  float ahead[kMaxFused];  // of the update that is not made
  float alphas[kMaxFused];
  Segment entries[kStatisticsEntries];
};
static_assert(sizeof(StatisticsTable) <= kParameterBytes, "one launch's parameters");

}  // namespace ema
