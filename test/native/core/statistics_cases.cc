// The figures of struct Statistics against sums in long double.
// Updates are tested elsewhere.
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "cases.h"
#include "check.h"
#include "cpu/ema_cpu.h"
#include "model.h"
#include "oracle.h"

namespace cases {
namespace {

// A float next to the rounded value is allowed: sums in another precision may round the other way.
void Near(float actual, long double expected, const std::string& what) {
  const auto rounded = static_cast<float>(expected);
  const bool both_nan = std::isnan(actual) && std::isnan(rounded);
  const bool good = both_nan || actual == rounded ||
                    std::fabs(double{actual} - double{rounded}) <= oracle::Ulp(rounded);
  check::That(good,
              what + ": expected " + std::to_string(rounded) + ", got " + std::to_string(actual));
}

struct Case {
  model::Options options;
  std::vector<float> ahead;
  int from;
  std::string what;
};

// What the sums of one weight and one average must be.
struct Expected {
  long double weight = 0, shadow = 0, product = 0, distance = 0, drift = 0;
  float largest = 0;
  int dead = 0;

  Expected(const ema::Look& look, const ema::Segment& segment, int k) {
    for (int64_t i = 0; i < segment.size; ++i) {
      const float weight_now = segment.weight[i];
      const Shadow before = At(look, segment, k, i);
      const long double w = weight_now;
      const long double s = before.high;
      const long double from = At(look, segment, look.from, i).high;
      weight += w * w;
      shadow += s * s;
      product += w * s;
      distance += (w - s) * (w - s);
      largest = std::fmax(largest, std::fabs(weight_now - before.high));
      if (k != look.from) drift += (s - from) * (s - from);
      const Shadow after = Moved(look, before, weight_now, look.next.alphas[k]);
      if (weight_now != before.high && after.high == before.high && after.low == before.low) ++dead;
    }
  }

 private:
  struct Shadow {
    float high, low;
  };

  static Shadow Moved(const ema::Look& look, Shadow shadow, float weight, float alpha) {
    if (look.next.compensated) {
      oracle::StepCompensated(&shadow.high, &shadow.low, weight, alpha);
    } else {
      shadow.high = oracle::Step(shadow.high, weight, alpha);
    }
    return shadow;
  }

  // Average k as it would be after the update that is not made.
  static Shadow At(const ema::Look& look, const ema::Segment& segment, int k, int64_t i) {
    const ema::Update& update = look.next;
    const float* const high = update.arena + k * update.row_stride + segment.offset + i;
    const float low = update.compensated ? high[update.averages * update.row_stride] : 0.0f;
    return Moved(look, {*high, low}, segment.weight[i], look.ahead[k]);
  }
};

void CheckFigures(const Case& test) {
  model::Model model(test.options);
  model.Reset();
  const ema::Update update = model.update();
  const ema::Look look = {update, test.ahead.data(), test.from};
  std::vector<ema::Statistics> figures(static_cast<size_t>(update.segment_count * update.averages));
  ema::CpuStatistics(look, figures.data());
  for (int i = 0; i < update.segment_count; ++i) {
    for (int k = 0; k < update.averages; ++k) {
      const ema::Statistics& got = figures[static_cast<size_t>(i * update.averages + k)];
      const Expected expected(look, update.segments[i], k);
      const std::string what =
          test.what + ", weight " + std::to_string(i) + ", average " + std::to_string(k);
      const long double norms = std::sqrt(expected.weight) * std::sqrt(expected.shadow);
      Near(got.weight_norm, std::sqrt(expected.weight), what + ", norm of the weight");
      Near(got.shadow_norm, std::sqrt(expected.shadow), what + ", norm of the shadow");
      Near(got.distance, std::sqrt(expected.distance), what + ", distance");
      Near(got.cosine, norms > 0 ? expected.product / norms : 0.0L, what + ", cosine");
      Near(got.max_distance, expected.largest, what + ", largest distance");
      Near(got.dead_zone, expected.dead, what + ", dead zone");
      Near(got.drift, std::sqrt(expected.drift), what + ", drift");
      check::That(got.non_finite == 0, what + ", non-finite");
    }
  }
}

void NonFinite() {
  check::Group("statistics: non-finite weights are counted");
  using Limits = std::numeric_limits<float>;
  const std::vector<float> weights = {1, Limits::quiet_NaN(), Limits::infinity(),
                                      -Limits::infinity(), 2};
  std::vector<float> arena(16, 1.0f);
  arena[4] = Limits::infinity();
  const float alpha = 0.5f;
  const float ahead = 0.0f;
  const ema::Segment segment = {weights.data(), 0, 5};
  ema::Statistics figures = {};
  ema::CpuStatistics({{arena.data(), 16, 1, &alpha, false, &segment, 1}, &ahead, 0}, &figures);
  check::That(figures.non_finite == 3, "three of five");
  check::That(figures.cosine == 0 || std::isnan(figures.cosine), "no cosine of them");
  check::That(figures.drift == 0, "an infinite average has not drifted from itself");
}

void DeadZone() {
  check::Group(
      "statistics: what differs and does not move is in the dead zone, what is equal is not");
  const std::vector<float> weights = {1, 1 + 0x1p-23f, 2, -0.0f};
  std::vector<float> arena(16, 1.0f);
  arena[3] = 0.0f;
  const float alpha = 0.25f;
  const float ahead = 0.0f;
  const ema::Segment segment = {weights.data(), 0, 4};
  ema::Statistics figures = {};
  ema::CpuStatistics({{arena.data(), 16, 1, &alpha, false, &segment, 1}, &ahead, 0}, &figures);
  check::That(figures.dead_zone == 1, "one of four: a quarter of an ulp is rounded away");
}

}  // namespace

void StatisticsFigures() {
  check::Group("statistics against long double, plain and compensated, dead zones and drift");
  const std::vector<int64_t> sizes = {0, 1, 7, 100, 3000};
  for (const bool compensated : {false, true}) {
    for (const std::vector<float>& alphas :
         {std::vector<float>{0.5f}, {1e-7f, 0.1f, 1e-9f}, {0, 1}}) {
      model::Options options = {sizes, alphas, compensated, 1, 0, 31};
      options.plain_values = true;
      const auto count = alphas.size();
      const std::string what = std::to_string(count) + " averages";
      CheckFigures({options, std::vector<float>(count, 0.0f), static_cast<int>(count) - 1, what});
      const std::vector<float> ahead = {0.25f, 1.0f, 1e-3f};
      CheckFigures({options,
                    {ahead.begin(), ahead.begin() + static_cast<int64_t>(count)},
                    0,
                    what + ", ahead"});
    }
  }
  NonFinite();
  DeadZone();
}

}  // namespace cases
