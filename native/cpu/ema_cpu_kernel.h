// The loop over one span of floats, written once for every instruction set. One .cc per set makes
// its table by MakeKernels; ema_cpu.cc takes the types alone. Uses no library templates: what is
// compiled with -mavx2 here must never be merged with another unit's copy.
#pragma once

#include <cstdint>

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "chunk.h"
#include "lerp.h"

namespace ema {

// Moves `count` shadows over `size` floats; no alpha is 0 or 1. No pointer need be aligned, rows of
// the arena are by 64 bytes. Compensated, low parts follow: shadows[count + k] is shadows[k]'s.
using UpdateSpan = void (*)(const float* weight, float* const* shadows, const float* alphas,
                            int64_t size);

// Writes what one shadow would be after such an update; `low` is its low part, null without
// compensation. No pointer need be aligned.
struct Ahead {
  const float* weight;
  const float* high;
  const float* low;
  float alpha;
};
using AheadSpan = void (*)(const Ahead& from, float* target, int64_t size);

// Copies bits. No pointer need be aligned.
using CopySpan = void (*)(const float* source, float* target, int64_t size);

// One average's part of a combination, of one span; `low` is null where the low part does not
// count: neither for its coefficient nor for the update.
struct Part {
  const float* high;
  const float* low;
  Term term;
};
struct Parts {
  const Part* list;
  int count;
  const float* weight;
};
using CombineSpan = void (*)(const Parts& parts, float* target, int64_t size);

struct CpuKernels {
  const char* name;
  UpdateSpan update[kMaxFused];       // [count - 1]
  UpdateSpan compensated[kMaxFused];  // [count - 1]
  AheadSpan ahead;
  CopySpan copy;
  CombineSpan combine;
};

#if defined(__x86_64__)
extern const CpuKernels kAvx2Kernels;
#endif
extern const CpuKernels kBaselineKernels;

}  // namespace ema

namespace {  // one copy per instruction set

#if defined(__AVX2__) && defined(__FMA__)
struct Vector {
  using Lanes = __m256;
  static constexpr int kWidth = 8;
  static Lanes Load(const float* p) { return _mm256_loadu_ps(p); }
  static void Store(float* p, Lanes v) { _mm256_storeu_ps(p, v); }
  static void Stream(float* p, Lanes v) { _mm256_stream_ps(p, v); }  // p on a whole vector
  static void EndStream() { _mm_sfence(); }
  static Lanes Fill(float x) { return _mm256_set1_ps(x); }
  static Lanes Add(Lanes a, Lanes b) { return _mm256_add_ps(a, b); }
  static Lanes Subtract(Lanes a, Lanes b) { return _mm256_sub_ps(a, b); }
  static Lanes Fma(Lanes a, Lanes b, Lanes c) { return _mm256_fmadd_ps(a, b, c); }

  struct Wide {
    __m256d first, last;
  };
  static Wide FillWide(double x) { return {_mm256_set1_pd(x), _mm256_set1_pd(x)}; }
  static Wide LoadWide(const float* p) {
    return {_mm256_cvtps_pd(_mm_loadu_ps(p)), _mm256_cvtps_pd(_mm_loadu_ps(p + 4))};
  }
  static Wide Widen(Lanes v) {
    return {_mm256_cvtps_pd(_mm256_castps256_ps128(v)),
            _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1))};
  }
  static Wide FmaWide(Wide a, Wide b, Wide c) {
    return {_mm256_fmadd_pd(a.first, b.first, c.first), _mm256_fmadd_pd(a.last, b.last, c.last)};
  }
  static Lanes Narrow(Wide sum) {
    return _mm256_set_m128(_mm256_cvtpd_ps(sum.last), _mm256_cvtpd_ps(sum.first));
  }
};
#elif defined(__aarch64__)
struct Vector {
  using Lanes = float32x4_t;
  static constexpr int kWidth = 4;
  static Lanes Load(const float* p) { return vld1q_f32(p); }
  static void Store(float* p, Lanes v) { vst1q_f32(p, v); }
  static void Stream(float* p, Lanes v) { Store(p, v); }
  static void EndStream() {}
  static Lanes Fill(float x) { return vdupq_n_f32(x); }
  static Lanes Add(Lanes a, Lanes b) { return vaddq_f32(a, b); }
  static Lanes Subtract(Lanes a, Lanes b) { return vsubq_f32(a, b); }
  static Lanes Fma(Lanes a, Lanes b, Lanes c) { return vfmaq_f32(c, a, b); }

  struct Wide {
    float64x2_t first, last;
  };
  static Wide FillWide(double x) { return {vdupq_n_f64(x), vdupq_n_f64(x)}; }
  static Wide LoadWide(const float* p) { return Widen(Load(p)); }
  static Wide Widen(Lanes v) { return {vcvt_f64_f32(vget_low_f32(v)), vcvt_high_f64_f32(v)}; }
  static Wide FmaWide(Wide a, Wide b, Wide c) {
    return {vfmaq_f64(c.first, a.first, b.first), vfmaq_f64(c.last, a.last, b.last)};
  }
  static Lanes Narrow(Wide sum) { return vcvt_high_f32_f64(vcvt_f32_f64(sum.first), sum.last); }
};
#else
// Without the FMA instruction the compiler calls the C library, which is slow and exact: the result
// stays the same to the bit.
struct Vector {
  using Lanes = float;
  static constexpr int kWidth = 1;
  static Lanes Load(const float* p) { return *p; }
  static void Store(float* p, Lanes v) { *p = v; }
  static void Stream(float* p, Lanes v) { Store(p, v); }
  static void EndStream() {}
  static Lanes Fill(float x) { return x; }
  static Lanes Add(Lanes a, Lanes b) { return a + b; }
  static Lanes Subtract(Lanes a, Lanes b) { return a - b; }
  static Lanes Fma(Lanes a, Lanes b, Lanes c) { return __builtin_fmaf(a, b, c); }

  using Wide = double;
  static Wide FillWide(double x) { return x; }
  static Wide LoadWide(const float* p) { return *p; }
  static Wide Widen(Lanes v) { return v; }
  static Wide FmaWide(Wide a, Wide b, Wide c) { return __builtin_fma(a, b, c); }
  static Lanes Narrow(Wide sum) { return static_cast<float>(sum); }
};
#endif

// ema::Lerp on one vector.
inline Vector::Lanes Moved(Vector::Lanes shadow, Vector::Lanes weight, Vector::Lanes alpha) {
  return Vector::Fma(alpha, Vector::Subtract(weight, shadow), shadow);
}

inline void Step(float* shadow, Vector::Lanes weight, Vector::Lanes alpha) {
  Vector::Store(shadow, Moved(Vector::Load(shadow), weight, alpha));
}

// A shadow kept as two floats, on one vector.
struct Both {
  Vector::Lanes high, low;
};

// What ema::LerpCompensated adds to the high part, on one vector.
inline Vector::Lanes StepOf(Vector::Lanes high, Vector::Lanes low, Vector::Lanes weight,
                            Vector::Lanes alpha) {
  return Vector::Fma(alpha, Vector::Subtract(Vector::Subtract(weight, high), low), low);
}

// ema::LerpCompensated on one vector.
inline Both MovedBoth(Both shadow, Vector::Lanes weight, Vector::Lanes alpha) {
  const auto step = StepOf(shadow.high, shadow.low, weight, alpha);
  const auto sum = Vector::Add(shadow.high, step);
  const auto step_part = Vector::Subtract(sum, shadow.high);
  const auto lost_high = Vector::Subtract(shadow.high, Vector::Subtract(sum, step_part));
  const auto lost_step = Vector::Subtract(step, step_part);
  return {sum, Vector::Add(lost_high, lost_step)};
}

inline void StepCompensated(float* shadow, float* low_part, Vector::Lanes weight,
                            Vector::Lanes alpha) {
  const Both moved = MovedBoth({Vector::Load(shadow), Vector::Load(low_part)}, weight, alpha);
  Vector::Store(shadow, moved.high);
  Vector::Store(low_part, moved.low);
}

// The number of floats to take before the next call, a multiple of kStride: at most a page of 4
// KiB. No prefetcher of the processor crosses a page, so the next one's first lines are asked for
// here. NOTE(next-page): bench/README.md. Must return something: GCC drops calls of functions that
// only prefetch.
template <int64_t kStride>
inline int64_t TakePage(const float* weight, int64_t left) {
  constexpr int64_t kPage = 1024;
  constexpr int64_t kLine = 16;
  if (left < 2 * kPage) return (left < kPage ? left : kPage) / kStride * kStride;
  for (int line = 0; line < 3; ++line) __builtin_prefetch(weight + kPage + line * kLine);
  return kPage;
}

template <int kCount>
void Update(const float* weight, float* const* shadows, const float* alphas, int64_t size) {
  // Two vectors in flight per shadow hide the fma's latency in cache; more changes nothing in
  // memory.
  constexpr int64_t kStride = 2 * Vector::kWidth;
  float* s[kCount];
  Vector::Lanes alpha[kCount];
  for (int k = 0; k < kCount; ++k) {
    s[k] = shadows[k];
    alpha[k] = Vector::Fill(alphas[k]);
  }
  int64_t i = 0;
  while (i + kStride <= size) {
    const int64_t end = i + TakePage<kStride>(weight + i, size - i);
    for (; i < end; i += kStride) {
      const auto w0 = Vector::Load(weight + i);
      const auto w1 = Vector::Load(weight + i + Vector::kWidth);
      for (int k = 0; k < kCount; ++k) {
        Step(s[k] + i, w0, alpha[k]);
        Step(s[k] + i + Vector::kWidth, w1, alpha[k]);
      }
    }
  }
  for (; i < size; ++i) {
    for (int k = 0; k < kCount; ++k) s[k][i] = ema::Lerp(s[k][i], weight[i], alphas[k]);
  }
}

template <int kCount>
void UpdateCompensated(const float* weight, float* const* shadows, const float* alphas,
                       int64_t size) {
  float* s[2 * kCount];
  Vector::Lanes alpha[kCount];
  for (int k = 0; k < 2 * kCount; ++k) s[k] = shadows[k];
  for (int k = 0; k < kCount; ++k) alpha[k] = Vector::Fill(alphas[k]);
  int64_t i = 0;
  while (i + Vector::kWidth <= size) {
    const int64_t end = i + TakePage<Vector::kWidth>(weight + i, size - i);
    for (; i < end; i += Vector::kWidth) {
      const auto w = Vector::Load(weight + i);
      for (int k = 0; k < kCount; ++k) StepCompensated(s[k] + i, s[kCount + k] + i, w, alpha[k]);
    }
  }
  for (; i < size; ++i) {
    for (int k = 0; k < kCount; ++k) {
      const auto moved = ema::LerpCompensated({s[k][i], s[kCount + k][i]}, weight[i], alphas[k]);
      s[k][i] = moved.high;
      s[kCount + k][i] = moved.low;
    }
  }
}

// From this many floats on, what is written goes past the cache, as memcpy does it: its lines need
// not be read before. 25 M floats in 50 weights then take 1.2 to 1.3 times a read without pending
// steps, instead of 1.4 to 1.6 (2-core machine); less memory than this may be wanted soon.
constexpr int64_t kStreamed = 65536;

inline bool IsStreamed(const float* target, int64_t size) {
  constexpr uintptr_t kVectorBytes = Vector::kWidth * sizeof(float);
  return size >= kStreamed && reinterpret_cast<uintptr_t>(target) % kVectorBytes == 0;
}

template <bool kCompensated>
inline Vector::Lanes AheadAt(const ema::Ahead& from, int64_t i, Vector::Lanes alpha) {
  const auto weight = Vector::Load(from.weight + i);
  const auto high = Vector::Load(from.high + i);
  if constexpr (!kCompensated) return Moved(high, weight, alpha);
  return Vector::Add(high, StepOf(high, Vector::Load(from.low + i), weight, alpha));
}

template <bool kCompensated, void (*kStore)(float*, Vector::Lanes)>
int64_t AheadOfVectors(const ema::Ahead& from, float* target, int64_t size) {
  const auto alpha = Vector::Fill(from.alpha);
  int64_t i = 0;
  while (i + Vector::kWidth <= size) {
    const int64_t end = i + TakePage<Vector::kWidth>(from.weight + i, size - i);
    for (; i < end; i += Vector::kWidth) kStore(target + i, AheadAt<kCompensated>(from, i, alpha));
  }
  return i;
}

template <bool kCompensated>
void AheadOf(const ema::Ahead& from, float* target, int64_t size) {
  int64_t i = 0;
  if (IsStreamed(target, size)) {
    i = AheadOfVectors<kCompensated, Vector::Stream>(from, target, size);
    Vector::EndStream();
  } else {
    i = AheadOfVectors<kCompensated, Vector::Store>(from, target, size);
  }
  for (; i < size; ++i) {
    const float weight = from.weight[i];
    if constexpr (kCompensated) {
      target[i] = ema::LerpCompensated({from.high[i], from.low[i]}, weight, from.alpha).high;
    } else {
      target[i] = ema::Lerp(from.high[i], weight, from.alpha);
    }
  }
}

// The C library's copy goes past the cache only from several megabytes on, more than most weights.
inline void Copy(const float* source, float* target, int64_t size) {
  int64_t i = 0;
  while (IsStreamed(target, size) && i + Vector::kWidth <= size) {
    const int64_t end = i + TakePage<Vector::kWidth>(source + i, size - i);
    for (; i < end; i += Vector::kWidth) Vector::Stream(target + i, Vector::Load(source + i));
  }
  if (i > 0) Vector::EndStream();
  __builtin_memcpy(target + i, source + i, static_cast<uint64_t>(size - i) * sizeof(float));
}

inline void ReadAhead(const ema::Ahead& from, float* target, int64_t size) {
  (from.low == nullptr ? AheadOf<false> : AheadOf<true>)(from, target, size);
}

// ema::AddScaled on one vector.
inline Vector::Wide AddScaled(Vector::Wide sum, double coefficient, Vector::Wide values) {
  return Vector::FmaWide(Vector::FillWide(coefficient), values, sum);
}

// Adds a part that has a low part to the sums of one vector.
inline Vector::Wide AddBoth(Vector::Wide sum, const ema::Part& part, const float* weight,
                            int64_t i) {
  const ema::Term& term = part.term;
  Both value = {Vector::Load(part.high + i), Vector::Load(part.low + i)};
  if (term.alpha != 0.0f) {
    value = MovedBoth(value, Vector::Load(weight + i), Vector::Fill(term.alpha));
  }
  sum = AddScaled(sum, term.high, Vector::Widen(value.high));
  return term.low == 0 ? sum : AddScaled(sum, term.low, Vector::Widen(value.low));
}

// Vectors that are summed together, 128 floats of each average after the other. NOTE(summed):
// bench/README.md.
constexpr int kSummed = 128 / Vector::kWidth;

// The sums of up to kSummed vectors from float `start` on.
struct Block {
  int64_t start;
  int count;
  const Vector::Wide* sums;
};

// Calls take(v, add(start of vector v, its sum)) for each sum. Not unrolled: NOTE(summed).
template <typename Add, typename Take>
void ForEachSum(const Block& block, Add add, Take take) {
#pragma GCC unroll 1
  for (int v = 0; v < block.count; ++v) {
    take(v, add(block.start + v * Vector::kWidth, block.sums[v]));
  }
}

// Calls take(v, sum) with each sum, this part added: its average as it is, as it would be after an
// update that is not made, or with its low part.
template <typename Take>
void AddPart(const ema::Part& part, const float* weight, const Block& block, Take take) {
  const ema::Term& term = part.term;
  const auto coefficient = Vector::FillWide(term.high);
  const auto alpha = Vector::Fill(term.alpha);
  if (term.alpha == 1.0f || (term.alpha == 0.0f && part.low == nullptr)) {
    const float* const values = term.alpha == 1.0f ? weight : part.high;
    ForEachSum(
        block,
        [&](int64_t i, Vector::Wide sum) {
          return Vector::FmaWide(coefficient, Vector::LoadWide(values + i), sum);
        },
        take);
  } else if (part.low == nullptr) {
    ForEachSum(
        block,
        [&](int64_t i, Vector::Wide sum) {
          const auto moved = Moved(Vector::Load(part.high + i), Vector::Load(weight + i), alpha);
          return Vector::FmaWide(coefficient, Vector::Widen(moved), sum);
        },
        take);
  } else {
    ForEachSum(
        block, [&](int64_t i, Vector::Wide sum) { return AddBoth(sum, part, weight, i); }, take);
  }
}

template <void (*kStore)(float*, Vector::Lanes)>
int64_t CombineVectors(const ema::Parts& parts, float* target, int64_t size) {
  Vector::Wide none[kSummed];
  Vector::Wide sums[kSummed];
  for (auto& sum : none) sum = Vector::FillWide(ema::kNoSum);
  int64_t i = 0;
  while (i + Vector::kWidth <= size) {
    const int64_t left = (size - i) / Vector::kWidth;
    const int count = left < kSummed ? static_cast<int>(left) : kSummed;
    const Vector::Wide* before = none;
    for (int k = 0; k + 1 < parts.count; ++k) {
      AddPart(parts.list[k], parts.weight, {i, count, before},
              [&](int v, Vector::Wide sum) { sums[v] = sum; });
      before = sums;
    }
    AddPart(parts.list[parts.count - 1], parts.weight, {i, count, before},
            [&](int v, Vector::Wide sum) {
              kStore(target + i + v * Vector::kWidth, Vector::Narrow(sum));
            });
    i += count * Vector::kWidth;
  }
  return i;
}

inline double AddPartAt(double sum, const ema::Part& part, const float* weight, int64_t i) {
  const ema::Term& term = part.term;
  ema::Compensated value = {part.high[i], 0.0f};
  const float w = term.alpha == 0.0f ? 0.0f : weight[i];
  if (part.low == nullptr) {
    value.high = ema::Lerp(value.high, w, term.alpha);
  } else {
    value = ema::LerpCompensated({value.high, part.low[i]}, w, term.alpha);
  }
  sum = ema::AddScaled(sum, term.high, value.high);
  return term.low == 0 ? sum : ema::AddScaled(sum, term.low, value.low);
}

inline void Combine(const ema::Parts& parts, float* target, int64_t size) {
  int64_t i = 0;
  if (IsStreamed(target, size)) {
    i = CombineVectors<Vector::Stream>(parts, target, size);
    Vector::EndStream();
  } else {
    i = CombineVectors<Vector::Store>(parts, target, size);
  }
  for (; i < size; ++i) {
    double sum = ema::kNoSum;
    for (int k = 0; k < parts.count; ++k) sum = AddPartAt(sum, parts.list[k], parts.weight, i);
    target[i] = static_cast<float>(sum);
  }
}

constexpr ema::CpuKernels MakeKernels(const char* name) {
  return {name,
          {Update<1>, Update<2>, Update<3>, Update<4>, Update<5>, Update<6>, Update<7>, Update<8>},
          {UpdateCompensated<1>, UpdateCompensated<2>, UpdateCompensated<3>, UpdateCompensated<4>,
           UpdateCompensated<5>, UpdateCompensated<6>, UpdateCompensated<7>, UpdateCompensated<8>},
          ReadAhead,
          Copy,
          Combine};
}

}  // namespace
