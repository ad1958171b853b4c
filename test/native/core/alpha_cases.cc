// Each alpha alone, at every number of averages that the kernels unroll, against float64 as well.
// Where an average of its own matters; the special values meet in special_cases.cc.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "cases.h"
#include "check.h"
#include "model.h"
#include "oracle.h"

namespace cases {
namespace {

const std::vector<int64_t> kSizes = {0, 1, 7, 8, 9, 16, 17, 100, 1025};

void CheckAll(const model::Options& options, const std::string& what) {
  model::Model model(options);
  for (const variants::Variant& variant : variants::Few()) {
    for (const int threads : variants::kThreads) {
      const std::string wrong = model.Run(variant, threads);
      check::That(wrong.empty(), what + ", " + variants::Describe(variant, threads) + ": " + wrong);
    }
  }
}

void EachAlone() {
  check::Group("each alpha alone, plain and compensated");
  for (const float alpha : model::Alphas()) {
    for (const bool compensated : {false, true}) {
      CheckAll({kSizes, {alpha}, compensated, 2, 0, 11}, "alpha " + std::to_string(alpha));
    }
  }
}

void EachCount() {
  check::Group("1 to 17 averages, with alphas 0 and 1 among them");
  for (int averages = 1; averages <= 17; ++averages) {
    std::vector<float> alphas;
    for (int k = 0; k < averages; ++k) {
      alphas.push_back(model::Alphas()[static_cast<size_t>(k * 5 + averages) % 14]);
    }
    for (const bool compensated : {false, true}) {
      CheckAll({kSizes, alphas, compensated, 1, 0, 12}, std::to_string(averages) + " averages");
    }
  }
}

// The exact value is s + alpha (w - s) in float64, whose own rounding is 2^-29 of a float's. Ours
// rounds the difference, of at most twice the larger number m: half an ulp of 2m, which is one ulp
// of m, times alpha; and the sum, which lies between s and w: half an ulp of m.
void AgainstFloat64() {
  check::Group("one step against float64: at most 1.5 ulps of the larger number");
  model::Random random(99);
  for (int i = 0; i < 20000; ++i) {
    const float s = random.Value();
    const float w = random.Value();
    const float alpha = model::Alphas()[random.Below(14)];
    const float larger = std::max(std::fabs(s), std::fabs(w));
    // Special values have a file of their own.
    if (!std::isfinite(s) || !std::isfinite(w) || larger >= 0x1p126f) continue;
    float arena[16] = {s};
    const ema::Segment segment = {&w, 0, 1};
    const ema::Update update = {arena, 16, 1, &alpha, false, &segment, 1};
    variants::All().front().update(update);
    const double exact = double{s} + double{alpha} * (double{w} - double{s});
    check::That(std::fabs(arena[0] - exact) <= 1.5000001 * oracle::Ulp(larger),
                "s = " + std::to_string(s) + ", w = " + std::to_string(w) +
                    ", alpha = " + std::to_string(alpha));
  }
}

}  // namespace

void Alphas() {
  EachAlone();
  EachCount();
  AgainstFloat64();
}

}  // namespace cases
