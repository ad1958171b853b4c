// What one step must give, written a second time: nothing of lerp.h is used.
// Works on single numbers.
#pragma once

#include <cstdint>

namespace oracle {

// One step of a plain shadow, to the bit.
float Step(float shadow, float weight, float alpha);

// One step of a shadow kept in two floats, to the bit.
void StepCompensated(float* high, float* low, float weight, float alpha);

// One more product of a combination.
double AddScaled(double sum, double coefficient, float value);

// The distance, in ulps of `actual`, from the exact alpha * fl(weight - shadow) + shadow; 0 where
// that is no finite float and `actual` is what it should be.
double UlpsFromExactFma(float actual, float shadow, float weight, float alpha);

// Equal bits, or both NaN: which NaN an operation on two of them gives is up to the processor's
// order of operands.
bool Same(float a, float b);

// The first of `size` floats in which a and b are not the same; -1 when there is none.
int64_t FirstDifference(const float* a, const float* b, int64_t size);

// A spacing of floats at x; infinite at Inf and NaN.
double Ulp(float x);

}  // namespace oracle
