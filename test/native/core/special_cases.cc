// Every pair of special values of shadow and weight, with every alpha, in the vector loop and in
// the tail. Expected values come from oracle.h.
#include <cstdio>
#include <string>
#include <vector>

#include "cases.h"
#include "check.h"
#include "lerp.h"
#include "model.h"
#include "oracle.h"

namespace cases {
namespace {

// One weight whose elements are all pairs; `shift` moves each pair to another lane.
struct Pairs {
  std::vector<float> shadows, weights;

  explicit Pairs(size_t shift) : shadows(shift, 1.0f), weights(shift, 2.0f) {
    for (const float s : model::Specials()) {
      for (const float w : model::Specials()) {
        shadows.push_back(s);
        weights.push_back(w);
      }
    }
  }
};

std::string Describe(const Pairs& pairs, size_t i, float alpha, float expected, float actual) {
  char text[200];
  std::snprintf(text, sizeof(text), "s = %a, w = %a, alpha = %a: expected %a, got %a",
                double{pairs.shadows[i]}, double{pairs.weights[i]}, double{alpha}, double{expected},
                double{actual});
  return text;
}

void CheckPlain(const variants::Variant& variant, const Pairs& pairs, float alpha) {
  auto shadows = pairs.shadows;
  const auto size = static_cast<int64_t>(shadows.size());
  const ema::Segment segment = {pairs.weights.data(), 0, size};
  variant.update({shadows.data(), ema::AlignedSize(size), 1, &alpha, false, &segment, 1});
  for (size_t i = 0; i < shadows.size(); ++i) {
    const float expected = oracle::Step(pairs.shadows[i], pairs.weights[i], alpha);
    const bool same = oracle::Same(shadows[i], expected);
    const double ulps =
        oracle::UlpsFromExactFma(shadows[i], pairs.shadows[i], pairs.weights[i], alpha);
    check::That(same && ulps <= 1, Describe(pairs, i, alpha, expected, shadows[i]));
  }
}

void CheckCompensated(const variants::Variant& variant, const Pairs& pairs, float alpha,
                      float low) {
  const auto size = static_cast<int64_t>(pairs.shadows.size());
  const int64_t stride = ema::AlignedSize(size);
  std::vector<float> arena(static_cast<size_t>(2 * stride), low);
  std::copy(pairs.shadows.begin(), pairs.shadows.end(), arena.begin());
  const ema::Segment segment = {pairs.weights.data(), 0, size};
  variant.update({arena.data(), stride, 1, &alpha, true, &segment, 1});
  for (size_t i = 0; i < pairs.shadows.size(); ++i) {
    float high = pairs.shadows[i];
    float low_part = low;
    oracle::StepCompensated(&high, &low_part, pairs.weights[i], alpha);
    const bool same = oracle::Same(arena[i], high) &&
                      oracle::Same(arena[static_cast<size_t>(stride) + i], low_part);
    check::That(same, "compensated, " + Describe(pairs, i, alpha, high, arena[i]));
  }
}

// lerp.h itself: the kernels call it for tails, the GPU for everything.
void CheckFormula(const Pairs& pairs, float alpha) {
  for (size_t i = 0; i < pairs.shadows.size(); ++i) {
    const float expected = oracle::Step(pairs.shadows[i], pairs.weights[i], alpha);
    const float moved = ema::Lerp(pairs.shadows[i], pairs.weights[i], alpha);
    float high = pairs.shadows[i];
    float low = 0x1p-30f;
    const auto both = ema::LerpCompensated({high, low}, pairs.weights[i], alpha);
    oracle::StepCompensated(&high, &low, pairs.weights[i], alpha);
    check::That(oracle::Same(moved, expected) && oracle::Same(both.high, high) &&
                    oracle::Same(both.low, low),
                "formula, " + Describe(pairs, i, alpha, expected, moved));
  }
}

}  // namespace

void SpecialValues() {
  check::Group(
      "zeros, subnormals, FLT_MAX, infinities, NaN: every pair, every alpha, every kernel");
  for (const float alpha : model::Alphas()) CheckFormula(Pairs(0), alpha);
  for (const variants::Variant& variant : variants::Few()) {
    if (variant.chunk != 32768) continue;
    for (const float alpha : model::Alphas()) {
      for (const size_t shift : {0, 3}) CheckPlain(variant, Pairs(shift), alpha);
      for (const float low : {0.0f, 0x1p-149f, -0x1p-30f}) {
        CheckCompensated(variant, Pairs(0), alpha, low);
      }
    }
  }
}

}  // namespace cases
