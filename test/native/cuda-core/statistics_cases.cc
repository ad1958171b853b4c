// The figures of struct Statistics against sums in double on the host, and against themselves: the
// same bits each time. Covers more than one group of averages and more than one launch of weights.
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "cases.h"
#include "check.h"
#include "cuda/ema_cuda.h"
#include "device.h"
#include "lerp.h"
#include "model.h"

namespace cases {
namespace {

using ema::Statistics;
using model::Model;

constexpr int64_t kFigures = sizeof(Statistics) / sizeof(float);

bool Moves(const Model& model, size_t i, size_t k, size_t j) {
  const ema::Update update = model.update();
  const float* const high = model.initial.data() + static_cast<int64_t>(k) * model.row_stride() +
                            model.segments[i].offset;
  const float w = model.weights[i][j];
  if (!update.compensated) return ema::Lerp(high[j], w, model.alphas[k]) != high[j];
  const float low = high[update.averages * model.row_stride() + static_cast<int64_t>(j)];
  const auto moved = ema::LerpCompensated({high[j], low}, w, model.alphas[k]);
  return moved.high != high[j] || moved.low != low;
}

// Of the averages as they are, drift from the first.
std::vector<float> Reference(const Model& model, size_t i, size_t k) {
  const float* const from = model.initial.data() + model.segments[i].offset;
  const float* const shadow = from + static_cast<int64_t>(k) * model.row_stride();
  double ww = 0, ss = 0, ws = 0, dd = 0, drift = 0, largest = 0;
  int non_finite = 0, dead = 0;
  for (size_t j = 0; j < model.weights[i].size(); ++j) {
    const double w = model.weights[i][j];
    const double s = shadow[j];
    ww += w * w;
    ss += s * s;
    ws += w * s;
    dd += (w - s) * (w - s);
    drift += k == 0 ? 0 : (s - from[j]) * (s - from[j]);
    const double gap = std::fabs(model.weights[i][j] - shadow[j]);
    if (gap > largest) largest = gap;
    non_finite += std::isfinite(w) ? 0 : 1;
    dead += w != s && !Moves(model, i, k, j) ? 1 : 0;
  }
  const double norms = std::sqrt(ww) * std::sqrt(ss);
  std::vector<float> figures;
  for (const double figure :
       {std::sqrt(ww), std::sqrt(ss), std::sqrt(dd), norms > 0 ? ws / norms : 0.0, largest,
        double(non_finite), double(dead), std::sqrt(drift)}) {
    figures.push_back(static_cast<float>(figure));
  }
  return figures;
}

// Sums of up to 1e4 doubles in another order differ by less than 1e-11 of the largest term: at most
// the last bit of a float. A cosine near 0 has cancelled, so its bound is absolute.
bool Close(float actual, float expected) {
  if (std::isnan(expected)) return std::isnan(actual);
  if (actual == expected) return true;
  return std::fabs(actual - expected) <= 1.2e-7f * std::max(1e-3f, std::fabs(expected));
}

// @param ahead an alpha for each average.
std::vector<float> Measure(const Model& model, const std::vector<float>& ahead) {
  const int64_t count =
      static_cast<int64_t>(model.segments.size() * model.alphas.size()) * kFigures;
  device::Floats out(count);
  const device::Stream stream;
  const ema::Look look = {model.update(), ahead.data(), 0};
  const ema::Status status =
      ema::CudaStatistics(look, reinterpret_cast<Statistics*>(out.get()), stream.get());
  check::That(status.ok(), status.message());
  stream.Synchronise();
  return out.ReadAll();
}

// What the shadows may hold. Special values make norms NaN or infinite, so most cases keep them
// out.
enum class Shadows { kFinite, kAny };

// Keeps special values in every seventh weight only, and out of the shadows unless they may be any.
void Tame(Model* model, Shadows shadows) {
  const auto tame = [](std::vector<float>* values) {
    for (float& value : *values) {
      if (!std::isfinite(value) || std::fabs(value) > 1e9f) value = 0.5f;
    }
  };
  for (size_t i = 0; i < model->weights.size(); ++i) {
    if (i % 7 != 0) tame(&model->weights[i]);
  }
  if (shadows == Shadows::kFinite) tame(&model->initial);
}

void Check(const model::Options& options, const std::string& what,
           Shadows shadows = Shadows::kFinite) {
  Model model(options);
  Tame(&model, shadows);
  model.WriteAll();
  const std::vector<float> none(model.alphas.size(), 0.0f);
  const auto actual = Measure(model, none);
  const auto again = Measure(model, none);
  check::That(std::memcmp(actual.data(), again.data(), actual.size() * sizeof(float)) == 0,
              what + ": the same bits twice");
  size_t at = 0;
  for (size_t i = 0; i < model.segments.size(); ++i) {
    for (size_t k = 0; k < model.alphas.size(); ++k) {
      const auto expected = Reference(model, i, k);
      for (size_t f = 0; f < expected.size(); ++f, ++at) {
        check::That(Close(actual[at], expected[f]),
                    what + ": weight " + std::to_string(i) + ", average " + std::to_string(k) +
                        ", figure " + std::to_string(f) + ": expected " +
                        std::to_string(expected[f]) + ", got " + std::to_string(actual[at]));
      }
    }
  }
  const auto ahead = Measure(model, model.alphas);
  const device::Stream stream;
  check::That(ema::CudaUpdate(model.update(), stream.get()).ok(), what + ": update");
  stream.Synchronise();
  check::Equal(model::Different(ahead, Measure(model, none)), int64_t{0},
               what + ": figures ahead that are not those after the update");
}

}  // namespace

void StatisticsFigures() {
  check::Group("statistics against sums in double");
  Check({model::MixedSizes(23, 3000, 2), 3, false, model::Alignment::kRandom, 11}, "23 tensors");
  Check({model::MixedSizes(9, 9000, 3), 2, true, model::Alignment::kVector, 12}, "compensated");
  Check({model::MixedSizes(5, 300, 4), 10, false, model::Alignment::kRandom, 13}, "K = 10");
  Check({model::MixedSizes(170, 60, 5), 1, false, model::Alignment::kRandom, 14}, "170 tensors");
  Check({model::MixedSizes(23, 3000, 6), 3, false, model::Alignment::kRandom, 16},
        "infinite and NaN shadows", Shadows::kAny);
  Check({{0, 0, 5, 0}, 1, false, model::Alignment::kVector, 15}, "empty tensors");
  if (device::IsFake()) {
    check::That(device::Fake().violations() == 0, device::Fake().first_violation());
    device::Fake().reset();
  }
}

}  // namespace cases
