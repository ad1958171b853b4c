// The formula, written once, for every CPU and GPU kernel.
// Holds no loops and no memory access.
#pragma once

#if defined(__CUDACC__) || defined(__CUDA__)
#define EMA_HOST_DEVICE __host__ __device__ __forceinline__
#else
// static: the AVX2 unit compiles its own copy, which must never stand in for the baseline one.
#define EMA_HOST_DEVICE static inline
#endif

namespace ema {

// shadow + alpha * (weight - shadow), with one rounding for the difference and one for the rest. A
// shadow that equals its weight stays what it is. alpha 1 takes the weight and alpha 0 keeps the
// shadow, to the bit: the fma alone would round (alpha 1), turn -0 into +0 and let a non-finite
// weight in (alpha 0).
EMA_HOST_DEVICE float Lerp(float shadow, float weight, float alpha) {
  const float moved = __builtin_fmaf(alpha, weight - shadow, shadow);
  return alpha == 1.0f ? weight : (alpha == 0.0f ? shadow : moved);
}

// A shadow kept as the unevaluated sum of two floats.
struct Compensated {
  float high;
  float low;
};

// The same step on high + low. TwoSum (Knuth) keeps what the addition rounds away in `low`,
// whatever the magnitudes.
EMA_HOST_DEVICE Compensated LerpCompensated(Compensated shadow, float weight, float alpha) {
  const float difference = (weight - shadow.high) - shadow.low;
  const float step = __builtin_fmaf(alpha, difference, shadow.low);
  const float high = shadow.high + step;
  const float step_part = high - shadow.high;
  const float low = (shadow.high - (high - step_part)) + (step - step_part);
  if (alpha == 1.0f) return {weight, 0.0f};
  if (alpha == 0.0f) return shadow;
  return {high, low};
}

// What sums of a combination begin with: it leaves the sign of a zero that is added to it.
constexpr double kNoSum = -0.0;

// One more product of a combination. In double, because coefficients of both signs cancel: what is
// left is as exact as one float, as long as they are not a hundred million times larger.
EMA_HOST_DEVICE double AddScaled(double sum, double coefficient, float value) {
  return __builtin_fma(coefficient, static_cast<double>(value), sum);
}

}  // namespace ema
