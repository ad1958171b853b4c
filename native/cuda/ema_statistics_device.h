// Device code of the statistics: one block compares one weight with one average.
// No entry points. On demand only: needs no memory for partial sums, slow on one huge weight.
#pragma once

#include "cuda/ema_cuda_table.h"
#include "cuda/ema_device.h"
#include "lerp.h"

namespace ema {

// The figures of one weight and one average as they accumulate; in double, as on the host.
struct Sums {
  double weight, shadow, product, distance, drift, max_distance, non_finite, dead_zone;
};

namespace {

// One average of one weight.
struct Shadow {
  const float* high;
  const float* low;  // null without compensation
  float ahead;
};

// What one block reads.
struct Comparison {
  const float* weight;
  Shadow shadow;
  Shadow from;  // what drift is measured from; its `high` is null where that is the average itself
  float alpha;
};

__device__ __forceinline__ Compensated Moved(bool compensated, Compensated shadow, float weight,
                                             float alpha) {
  if (compensated) return LerpCompensated(shadow, weight, alpha);
  return {Lerp(shadow.high, weight, alpha), 0.0f};
}

// `stored` is the shadow as it is in the arena, `other` that of the average that drift is measured
// from.
__device__ __forceinline__ void Accumulate(const Comparison& of, float weight, Compensated stored,
                                           Compensated other, Sums* sums) {
  const bool compensated = of.shadow.low != nullptr;
  const Compensated shadow = Moved(compensated, stored, weight, of.shadow.ahead);
  const double w = weight;
  const double s = shadow.high;
  const double difference = w - s;
  const double from = Moved(compensated, other, weight, of.from.ahead).high;
  // From itself 0, as on the host: an infinite shadow minus itself would be NaN.
  const double step = of.from.high == nullptr ? 0.0 : s - from;
  const double gap = __builtin_fabsf(weight - shadow.high);
  const bool finite = __builtin_fabsf(weight) <= __FLT_MAX__;
  const Compensated moved = Moved(compensated, shadow, weight, of.alpha);
  const bool stays = moved.high == shadow.high && moved.low == shadow.low;
  const bool dead = weight != shadow.high && stays;
  sums->weight = __builtin_fma(w, w, sums->weight);
  sums->shadow = __builtin_fma(s, s, sums->shadow);
  sums->product = __builtin_fma(w, s, sums->product);
  sums->distance = __builtin_fma(difference, difference, sums->distance);
  sums->drift = __builtin_fma(step, step, sums->drift);
  sums->max_distance = gap > sums->max_distance ? gap : sums->max_distance;  // never a NaN
  sums->non_finite += finite ? 0.0 : 1.0;
  sums->dead_zone += dead ? 1.0 : 0.0;
}

__device__ __forceinline__ Vector4 LoadLow(const Shadow& shadow, int64_t i) {
  const Vector4 zero = {{0.0f, 0.0f, 0.0f, 0.0f}};
  return shadow.low == nullptr ? zero : LoadVector(shadow.low + i);
}

// Four elements; those past the end are not there.
__device__ __forceinline__ void AccumulateVector(const Comparison& of, int64_t i, int64_t size,
                                                 Sums* sums) {
  const Vector4 zero = {{0.0f, 0.0f, 0.0f, 0.0f}};
  Vector4 weight = zero;
#pragma unroll
  for (int lane = 0; lane < kFloatsPerVector; ++lane) {
    if (i + lane < size) weight.lane[lane] = LoadFloat(of.weight + i + lane);
  }
  // Shadows lie on 16-byte boundaries and are padded to whole vectors.
  const Vector4 high = LoadVector(of.shadow.high + i);
  const Vector4 low = LoadLow(of.shadow, i);
  const Vector4 from = of.from.high == nullptr ? high : LoadVector(of.from.high + i);
  const Vector4 from_low = LoadLow(of.from, i);
#pragma unroll
  for (int lane = 0; lane < kFloatsPerVector; ++lane) {
    if (i + lane < size) {
      Accumulate(of, weight.lane[lane], {high.lane[lane], low.lane[lane]},
                 {from.lane[lane], from_low.lane[lane]}, sums);
    }
  }
}

__device__ __forceinline__ void Add(Sums* to, const Sums& from) {
  to->weight += from.weight;
  to->shadow += from.shadow;
  to->product += from.product;
  to->distance += from.distance;
  to->drift += from.drift;
  to->max_distance = from.max_distance > to->max_distance ? from.max_distance : to->max_distance;
  to->non_finite += from.non_finite;
  to->dead_zone += from.dead_zone;
}

__device__ __forceinline__ void StoreStatistics(Statistics* to, const Sums& sums) {
  const double weight_norm = __builtin_sqrt(sums.weight);
  const double shadow_norm = __builtin_sqrt(sums.shadow);
  const double norms = weight_norm * shadow_norm;
  const double cosine = norms > 0 ? sums.product / norms : 0.0;
  StoreFloat(&to->weight_norm, static_cast<float>(weight_norm));
  StoreFloat(&to->shadow_norm, static_cast<float>(shadow_norm));
  StoreFloat(&to->distance, static_cast<float>(__builtin_sqrt(sums.distance)));
  StoreFloat(&to->cosine, static_cast<float>(cosine));
  StoreFloat(&to->max_distance, static_cast<float>(sums.max_distance));
  StoreFloat(&to->non_finite, static_cast<float>(sums.non_finite));
  StoreFloat(&to->dead_zone, static_cast<float>(sums.dead_zone));
  StoreFloat(&to->drift, static_cast<float>(__builtin_sqrt(sums.drift)));
}

// Thread sums meet in a tree, always in the same order: the same result to the bit each time.
__device__ __forceinline__ void CompareBlock(const StatisticsTable& table, Sums* shared) {
  const Segment segment = table.entries[BlockIndex()];
  const int k = static_cast<int>(BlockIndexY());
  const uint32_t thread = ThreadIndex();
  const int64_t place = k * table.row_stride + segment.offset;
  const bool compensated = table.low_parts != nullptr;
  const Shadow shadow = {table.shadows + place, compensated ? table.low_parts + place : nullptr,
                         table.ahead[k]};
  const bool is_itself = k == table.from_average;
  const Shadow from = {is_itself ? nullptr : table.from + segment.offset,
                       is_itself || !compensated ? nullptr : table.from_low + segment.offset,
                       table.from_ahead};
  const Comparison of = {segment.weight, shadow, from, table.alphas[k]};
  Sums mine = {};
  const int64_t stride = kStatisticsThreads * kFloatsPerVector;
  for (int64_t i = thread * kFloatsPerVector; i < segment.size; i += stride) {
    AccumulateVector(of, i, segment.size, &mine);
  }
  shared[thread] = mine;
  for (uint32_t width = kStatisticsThreads / 2; width > 0; width /= 2) {
    BlockBarrier();
    if (thread < width) Add(&shared[thread], shared[thread + width]);
  }
  if (thread == 0)
    StoreStatistics(table.out + int64_t{BlockIndex()} * table.averages + k, shared[0]);
}

}  // namespace
}  // namespace ema
