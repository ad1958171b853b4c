// The arithmetic behind oracle.h.
// Compiled without the FMA instruction: std::fma is the C library's, which is exact.
#include "oracle.h"

#include <cmath>
#include <cstring>
#include <limits>

namespace oracle {
namespace {

uint32_t Bits(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  return bits;
}

// Rounded once: a double holds 2 * 24 + 2 bits and more, so rounding it again to float changes
// nothing (Figueroa).
float Subtract(float a, float b) { return static_cast<float>(double{a} - double{b}); }
float Add(float a, float b) { return static_cast<float>(double{a} + double{b}); }

}  // namespace

float Step(float shadow, float weight, float alpha) {
  if (alpha == 1.0f) return weight;
  if (alpha == 0.0f) return shadow;
  return std::fma(alpha, Subtract(weight, shadow), shadow);
}

void StepCompensated(float* high, float* low, float weight, float alpha) {
  if (alpha == 0.0f) return;
  if (alpha == 1.0f) {
    *high = weight;
    *low = 0.0f;
    return;
  }
  const float step = std::fma(alpha, Subtract(Subtract(weight, *high), *low), *low);
  const float sum = Add(*high, step);
  // TwoSum gives the rounding error of a sum exactly. An intermediate that overflows makes it NaN,
  // in these five operations and only there: so they are done as written, not as one subtraction.
  const float part = Subtract(sum, *high);
  *low = Add(Subtract(*high, Subtract(sum, part)), Subtract(step, part));
  *high = sum;
}

double AddScaled(double sum, double coefficient, float value) {
  return std::fma(coefficient, double{value}, sum);
}

double Ulp(float x) {
  const float size = std::fabs(x);
  if (!std::isfinite(size)) return std::numeric_limits<double>::infinity();
  const float next = std::nextafter(size, std::numeric_limits<float>::infinity());
  if (!std::isfinite(next)) return std::ldexp(1.0, 104);  // FLT_MAX
  return double{next} - double{size};
}

double UlpsFromExactFma(float actual, float shadow, float weight, float alpha) {
  if (alpha == 1.0f) return Same(actual, weight) ? 0 : HUGE_VAL;
  if (alpha == 0.0f) return Same(actual, shadow) ? 0 : HUGE_VAL;
  const float difference = Subtract(weight, shadow);
  // 24 + 24 bits fit 64: the product is exact, the sum has the one rounding of long double.
  const long double exact = static_cast<long double>(alpha) * difference + shadow;
  if (std::isnan(exact)) return std::isnan(actual) ? 0 : HUGE_VAL;
  // From half a step above FLT_MAX on, floats round to infinity.
  const long double limit = std::ldexp(1.0L, 128) - std::ldexp(1.0L, 103);
  if (std::fabs(exact) >= limit) {
    return std::isinf(actual) && (actual > 0) == (exact > 0) ? 0 : HUGE_VAL;
  }
  if (!std::isfinite(actual)) return HUGE_VAL;
  return std::fabs(static_cast<double>(exact - actual)) / Ulp(actual);
}

bool Same(float a, float b) { return Bits(a) == Bits(b) || (std::isnan(a) && std::isnan(b)); }

int64_t FirstDifference(const float* a, const float* b, int64_t size) {
  if (size == 0 || std::memcmp(a, b, static_cast<size_t>(size) * sizeof(float)) == 0) return -1;
  for (int64_t i = 0; i < size; ++i) {
    if (!Same(a[i], b[i])) return i;
  }
  return -1;
}

}  // namespace oracle
