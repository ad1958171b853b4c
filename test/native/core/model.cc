// Building, running and comparing the models of model.h.
// The expected values come from oracle.h.
#include "model.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>

#include "oracle.h"

namespace model {
namespace {

// What lies in the gaps. Different, so that an update of a gap shows: it would make a NaN of
// kArenaMark.
constexpr float kArenaMark = 584.5625f;
constexpr float kWeightMark = std::numeric_limits<float>::quiet_NaN();

int64_t RowStride(const std::vector<int64_t>& sizes) {
  int64_t stride = 0;
  for (const int64_t size : sizes) stride += ema::AlignedSize(size);
  return stride;
}

int64_t Rows(const Options& options) {
  return static_cast<int64_t>(options.alphas.size()) * (options.compensated ? 2 : 1);
}

}  // namespace

uint32_t Random::Bits() {
  // Knuth's MMIX generator; its upper half.
  state_ = state_ * 6364136223846793005u + 1442695040888963407u;
  return static_cast<uint32_t>(state_ >> 32);
}

float Random::Value() {
  if (Below(32) == 0) return Specials()[Below(static_cast<uint32_t>(Specials().size()))];
  const auto mantissa = static_cast<float>(static_cast<int32_t>(Bits())) * 0x1p-31f;
  return std::ldexp(mantissa, static_cast<int>(Below(41)) - 20);
}

const std::vector<float>& Specials() {
  static const std::vector<float> specials = [] {
    using Limits = std::numeric_limits<float>;
    std::vector<float> list = {Limits::quiet_NaN()};
    for (const float x : {0.0f, Limits::denorm_min(), 3 * Limits::denorm_min(), Limits::min(),
                          Limits::min() - Limits::denorm_min(), 0x1p-24f, 1.0f, 1 + 0x1p-23f, 3.5f,
                          0x1p24f, 0x1p127f, Limits::max(), Limits::infinity()}) {
      list.push_back(x);
      list.push_back(-x);
    }
    return list;
  }();
  return specials;
}

const std::vector<float>& Alphas() {
  static const std::vector<float> alphas = {0.0f,  0x1p-149f, 0x1p-126f,    1e-7f, 1e-5f,
                                            1e-4f, 1e-3f,     0.01f,        0.1f,  0.5f,
                                            0.9f,  0.999f,    1 - 0x1p-24f, 1.0f};
  return alphas;
}

Block::Block(int64_t count, int offset, float mark)
    : count_(count), mark_(mark), memory_(static_cast<size_t>(count + 2 * kMargin), mark) {
  const auto address = reinterpret_cast<uintptr_t>(memory_.data() + kMargin / 2);
  const auto aligned = (address + 63) / 64 * 64;
  start_ = kMargin / 2 + static_cast<int64_t>((aligned - address) / sizeof(float)) + offset;
}

bool Block::intact() const {
  const auto marked = [this](float x) { return oracle::Same(x, mark_); };
  const auto first = memory_.begin() + start_;
  return std::all_of(memory_.begin(), first, marked) &&
         std::all_of(first + count_, memory_.end(), marked);
}

Model::Model(Options options)
    : options_(std::move(options)),
      row_stride_(RowStride(options_.sizes)),
      weights_(row_stride_ + 16 * static_cast<int64_t>(options_.sizes.size()),
               options_.weight_offset, kWeightMark),
      arena_(row_stride_ * Rows(options_), options_.arena_offset, kArenaMark) {
  Random random(options_.seed);
  const auto value = [&] {
    float x = random.Value();
    while (options_.plain_values && !(std::fabs(x) > 0x1p-60f && std::fabs(x) < 0x1p60f)) {
      x = random.Value();
    }
    return x;
  };
  int64_t place = 0;
  int64_t offset = 0;
  for (const int64_t size : options_.sizes) {
    segments_.push_back({weights_.data() + place, offset, size});
    std::generate_n(weights_.data() + place, size, value);
    places_.push_back(place);
    place += ema::AlignedSize(size) + 16;
    offset += ema::AlignedSize(size);
  }
  weights_before_.assign(weights_.data(), weights_.data() + weights_.size());
  start_.assign(static_cast<size_t>(arena_.size()), kArenaMark);
  for (int64_t row = 0; row < Rows(options_); ++row) {
    // Low parts are small beside their high parts.
    const bool low = row >= static_cast<int64_t>(options_.alphas.size());
    for (const ema::Segment& segment : segments_) {
      float* const shadow = start_.data() + row * row_stride_ + segment.offset;
      std::generate_n(shadow, segment.size, [&] { return low ? value() * 0x1p-24f : value(); });
    }
  }
  Expect();
}

void Model::Expect() {
  expected_ = start_;
  const auto averages = static_cast<int64_t>(options_.alphas.size());
  for (int64_t k = 0; k < averages; ++k) {
    const float alpha = options_.alphas[static_cast<size_t>(k)];
    for (const ema::Segment& segment : segments_) {
      float* const high = expected_.data() + k * row_stride_ + segment.offset;
      float* const low = high + averages * row_stride_;
      for (int64_t i = 0; i < segment.size; ++i) {
        if (options_.compensated) {
          oracle::StepCompensated(high + i, low + i, segment.weight[i], alpha);
        } else {
          high[i] = oracle::Step(high[i], segment.weight[i], alpha);
        }
      }
    }
  }
}

double Model::WorstUlps() const {
  double worst = 0;
  for (size_t k = 0; k < options_.alphas.size(); ++k) {
    for (const ema::Segment& segment : segments_) {
      for (int64_t i = 0; i < segment.size; ++i) {
        const auto at =
            static_cast<size_t>(static_cast<int64_t>(k) * row_stride_ + segment.offset + i);
        worst = std::max(worst, oracle::UlpsFromExactFma(expected_[at], start_[at],
                                                         segment.weight[i], options_.alphas[k]));
      }
    }
  }
  return worst;
}

ema::Update Model::update() {
  return {arena_.data(),
          row_stride_,
          static_cast<int>(options_.alphas.size()),
          options_.alphas.data(),
          options_.compensated,
          segments_.data(),
          static_cast<int>(segments_.size())};
}

void Model::Reset() { std::copy(start_.begin(), start_.end(), arena_.data()); }

std::string Model::Difference(int64_t at) const {
  const auto i = static_cast<size_t>(at);
  char text[160];
  std::snprintf(text, sizeof(text), "float %lld: expected %a, got %a, was %a",
                static_cast<long long>(at), double{expected_[i]}, double{arena_.data()[at]},
                double{start_[i]});
  return text;
}

std::string Model::Run(const variants::Variant& variant, int threads) {
  Reset();
  variant.set_threads(threads);
  variant.update(update());
  variant.set_threads(0);
  const int64_t at = oracle::FirstDifference(expected_.data(), arena_.data(), arena_.size());
  if (at >= 0) return Difference(at);
  if (!arena_.intact()) return "wrote outside the arena";
  const size_t bytes = weights_before_.size() * sizeof(float);
  const bool same = bytes == 0 || std::memcmp(weights_before_.data(), weights_.data(), bytes) == 0;
  return same && weights_.intact() ? "" : "wrote to a weight";
}

}  // namespace model
