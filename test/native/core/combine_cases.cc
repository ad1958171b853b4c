// Combinations of averages: every kernel against sums of the oracle's, to the bit, and an arena
// that stays. What the operation makes of its inputs is tested in op.test.ts.
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "cases.h"
#include "check.h"
#include "cpu/ema_cpu.h"
#include "model.h"
#include "oracle.h"

namespace cases {
namespace {

// Coefficients of both signs and any size, that of the low part another; some averages are left
// out.
std::vector<ema::Term> TermsOf(const ema::Update& update, model::Random* random) {
  std::vector<ema::Term> terms;
  for (int k = 0; k < update.averages; ++k) {
    if (terms.size() > 1 && random->Below(4) == 0) continue;
    const double sign = random->Below(2) == 0 ? 1 : -1;
    const double high =
        sign * std::ldexp(1 + random->Below(1000) / 1000.0, static_cast<int>(random->Below(10)));
    const bool can_move = update.compensated && update.alphas[k] != 1.0f;
    const double low = can_move && random->Below(4) > 0 ? 0.7 * high : 0;
    const bool moves = can_move && update.alphas[k] != 0.0f;
    terms.push_back({k * update.row_stride, high, low, update.alphas[k], moves || low != 0});
  }
  return terms;
}

float Expected(const ema::Update& update, const std::vector<ema::Term>& terms, int64_t at,
               float weight) {
  double sum = -0.0;
  for (const ema::Term& term : terms) {
    const float* const shadow = update.arena + term.row + at;
    float high = *shadow;
    float low = update.compensated ? shadow[update.averages * update.row_stride] : 0.0f;
    if (update.compensated) {
      oracle::StepCompensated(&high, &low, weight, term.alpha);
    } else {
      high = oracle::Step(high, weight, term.alpha);
    }
    sum = oracle::AddScaled(sum, term.high, high);
    if (term.low != 0) sum = oracle::AddScaled(sum, term.low, low);
  }
  return static_cast<float>(sum);
}

struct Job {
  std::vector<std::unique_ptr<model::Block>> targets;
  std::vector<ema::Place> list;

  Job(const ema::Update& update, int offset) {
    for (int i = 0; i < update.segment_count; ++i) {
      const ema::Segment& segment = update.segments[i];
      targets.push_back(std::make_unique<model::Block>(segment.size, offset, -7.0f));
      list.push_back(
          {update.arena + segment.offset, segment.weight, targets.back()->data(), segment.size});
    }
  }
};

void CheckCombination(const model::Options& options, int offset, const std::string& what) {
  model::Model model(options);
  model.Reset();
  const ema::Update update = model.update();
  model::Random random(options.seed);
  const std::vector<ema::Term> terms = TermsOf(update, &random);
  const std::vector<float> before(model.arena().data(),
                                  model.arena().data() + model.arena().size());
  std::vector<std::vector<float>> expected;
  for (int i = 0; i < update.segment_count; ++i) {
    const ema::Segment& segment = update.segments[i];
    expected.emplace_back();
    for (int64_t j = 0; j < segment.size; ++j) {
      expected.back().push_back(Expected(update, terms, segment.offset + j, segment.weight[j]));
    }
  }
  for (const variants::Variant& variant : variants::All()) {
    for (const int threads : {1, 3}) {
      variant.set_threads(threads);
      const Job job(update, offset);
      const int64_t low_parts = update.compensated ? update.averages * update.row_stride : 0;
      variant.combine({terms.data(), static_cast<int>(terms.size()), job.list.data(),
                       update.segment_count, low_parts});
      for (int i = 0; i < update.segment_count; ++i) {
        const auto& target = *job.targets[static_cast<size_t>(i)];
        const int64_t at = oracle::FirstDifference(expected[static_cast<size_t>(i)].data(),
                                                   target.data(), target.size());
        check::That(at < 0 && target.intact(), what + ", " + variants::Describe(variant, threads) +
                                                   ": weight " + std::to_string(i) + ", float " +
                                                   std::to_string(at));
      }
      variant.set_threads(0);
    }
  }
  check::That(
      oracle::FirstDifference(before.data(), model.arena().data(), model.arena().size()) < 0,
      what + ": the arena stays");
}

std::vector<float> CombinedBy(const std::vector<double>& coefficients,
                              const std::vector<float>& arena, int64_t stride, int64_t size) {
  std::vector<ema::Term> terms;
  for (size_t k = 0; k < coefficients.size(); ++k) {
    if (coefficients[k] != 0)
      terms.push_back({static_cast<int64_t>(k) * stride, coefficients[k], 0, 0, 0});
  }
  std::vector<float> target(static_cast<size_t>(size), 9.0f);
  const ema::Place place = {arena.data(), nullptr, target.data(), size};
  ema::CpuCombine({terms.data(), static_cast<int>(terms.size()), &place, 1, 0});
  return target;
}

// Signs of zeros, what does not count, and digits that cancel.
void Values() {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr int64_t kStride = 32;
  for (const int64_t size : {1, 8, 19}) {
    const std::string what = std::to_string(size) + " floats";
    const auto at = static_cast<size_t>(size);
    std::vector<float> arena(3 * kStride, -0.0f);
    const std::vector<float> zeros = CombinedBy({0.25, 0.75, 0}, arena, kStride, size);
    check::That(std::signbit(zeros[at - 1]), what + ": -0 of -0 and -0");
    for (int64_t i = 0; i < kStride; ++i) arena[static_cast<size_t>(2 * kStride + i)] = kInfinity;
    check::That(CombinedBy({0.25, 0.75, 0}, arena, kStride, size) == zeros,
                what + ": infinity with coefficient 0");
    for (int64_t i = 0; i < kStride; ++i) {
      arena[static_cast<size_t>(i)] = 1.0f / 3;
      arena[static_cast<size_t>(kStride + i)] = 1.0f / 3;
      arena[static_cast<size_t>(2 * kStride + i)] = 1.0f / 3 + 0x1p-25f;
    }
    const std::vector<float> equal = CombinedBy({1000.5, -999.5, 0}, arena, kStride, size);
    check::That(equal[at - 1] == 1.0f / 3, what + ": equal averages stay what they are");
    // A million times what a float tells apart: in float32 nothing of it would be right.
    const double exact = 1e6 * double{1.0f / 3} - (1e6 - 1) * double{1.0f / 3 + 0x1p-25f};
    const float cancelled = CombinedBy({1e6, 0, -(1e6 - 1)}, arena, kStride, size)[at - 1];
    check::That(std::fabs(cancelled - exact) <= oracle::Ulp(cancelled) / 2 + 1e-9,
                what + ": digits that cancel");
  }
  ema::CpuCombine({nullptr, 0, nullptr, 0, 0});
}

}  // namespace

void Combinations() {
  check::Group("combinations of averages, as the oracle adds them up");
  const std::vector<float> nine = {0.1f, 1e-7f, 0.5f, 1.0f, 0.9f, 0.0f, 0x1p-149f, 0.01f, 1e-3f};
  const std::vector<float> still(5, 0.0f);
  const std::vector<int64_t> small = {0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 100, 1023, 2049};
  for (const bool compensated : {false, true}) {
    const std::string what = compensated ? "compensated" : "plain";
    for (const int offset : {0, 1, 8}) {
      CheckCombination({small, nine, compensated, 3, 0, 51}, offset, what + ", small weights");
      CheckCombination({small, still, compensated, 0, 0, 52}, offset, what + ", no pending steps");
      // From 65,536 floats on, what is written goes past the cache.
      CheckCombination(
          {{65535, 65536, 131072 + 65549}, {0.3f, 0.0f, 1.0f}, compensated, offset, 0, 53}, offset,
          what + ", large weights");
    }
    const std::vector<float> most(ema::kMostTerms, 0.125f);
    CheckCombination({{21, 40}, most, compensated, 0, 0, 54}, 0, what + ", many averages");
  }
  Values();
}

}  // namespace cases
