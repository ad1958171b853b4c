// The arena's layout and the work list of one operation: which weight lies where in a row of
// shadows. Knows neither TensorFlow nor CUDA; owns nothing but the list.
//
// An arena is one float32 buffer of `rows` rows. A row holds one shadow of every weight, each
// segment starting at a multiple of kAlignment floats, rows at multiples of kRowAlignment. Row k
// belongs to average k; with compensation, row K + k holds the low parts of average k.
#pragma once

#include <cstdint>
#include <vector>

namespace ema {

// 64 bytes: a cache line, and the widest vector of any kernel.
constexpr int64_t kAlignment = 16;

// 128 bytes: what a GPU's cache writes as one line. On an H200 five averages moved at 0.80 to 0.81
// of a copy's speed where rows began in the middle of a line, at 0.91 to 0.94 where they did not.
constexpr int64_t kRowAlignment = 32;

// More averages than this take several passes over the weights: the kernels keep one register per
// average.
constexpr int kMaxFused = 8;

// One weight of the model and its place in a row.
struct Segment {
  const float* weight;  // `size` floats, read only; host or device memory, as the op's device
  int64_t offset;       // floats from the start of a row, a multiple of kAlignment
  int64_t size;         // floats; may be 0
};

// Floats that a segment of `size` floats occupies in a row.
constexpr int64_t AlignedSize(int64_t size) {
  return (size + kAlignment - 1) / kAlignment * kAlignment;
}

// Floats from one row to the next, when the last segment ends at `end`.
constexpr int64_t RowStride(int64_t end) {
  return (end + kRowAlignment - 1) / kRowAlignment * kRowAlignment;
}

// One update of all averages with one alpha each.
struct Update {
  float* arena;
  int64_t row_stride;   // floats from one row to the next
  int averages;         // K, at least 1; no upper limit (kernels loop in groups of kMaxFused)
  const float* alphas;  // K numbers in [0, 1], host memory
  bool compensated;     // low parts in row K + k
  const Segment* segments;
  int segment_count;
};

// A copy between a row and tensors, `size` floats each.
struct Copy {
  const float* source;
  float* target;
  int64_t size;
};

// One shadow, read as it would be after an update with `alpha` that is not made; alpha 0 reads it
// as it is, and looks at no weight.
struct Reading {
  const float* shadow;
  const float* weight;
  float* target;
  int64_t size;
  float alpha;  // in [0, 1]
};

// Shadows of one average, read together.
struct Readings {
  const Reading* list;
  int count;
  int64_t low_parts;  // floats from a shadow to its low part; 0 without compensation
};

// More averages than this are not combined: their coefficients travel as kernel parameters.
constexpr int kMostTerms = 32;

// One average's part of a combination: coefficient times what it would be after an update with
// `alpha` that is not made.
struct Term {
  int64_t row;      // floats from the first row to the average's
  double high;      // coefficient of the shadow
  double low;       // of its low part; 0 without one
  float alpha;      // in [0, 1]; 0 looks at no weight
  int32_t has_low;  // whether it has a low part that matters, to the sum or to the update
};

// A weight whose averages are combined.
struct Place {
  const float* shadow;  // in the first row
  const float* weight;
  float* target;  // `size` floats, which overlap nothing else
  int64_t size;
};

// A linear combination of averages: products are added up in double, in the order of the terms,
// and rounded once (AddScaled in lerp.h).
struct Combination {
  const Term* terms;
  int term_count;  // 1 to kMostTerms
  const Place* list;
  int count;
  int64_t low_parts;  // floats from a shadow to its low part; 0 without compensation
};

// What the statistics compare: the weights with every average, as it would be after an update that
// is not made.
struct Look {
  Update next;         // the update that comes then: what would not move is in the dead zone
  const float* ahead;  // K alphas of the update that is not made; 0 takes an average as it is
  int from;            // the average that drift is measured from
};

// Figures of one weight and one average; the order is the last dimension of the stats op's output.
struct Statistics {
  float weight_norm;   // |w|
  float shadow_norm;   // |s_k|
  float distance;      // |w - s_k|
  float cosine;        // w.s_k / (|w| |s_k|); 0 when either is 0
  float max_distance;  // max |w - s_k|
  float non_finite;    // elements of w that are NaN or infinite
  float dead_zone;     // elements that differ from w yet do not move under alpha_k
  float drift;         // |s_k - s_from|
};

}  // namespace ema
