// Random numbers are of all magnitudes, with zeros of both signs, subnormals, infinities and NaNs
// among them. Everything follows from the seed.
#include "model.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <random>

#include "lerp.h"

namespace model {
namespace {

using Random = std::mt19937;

float RandomValue(Random& random) {
  static constexpr float kSpecial[] = {0.0f,
                                       -0.0f,
                                       1e-45f,
                                       -1e-40f,
                                       std::numeric_limits<float>::infinity(),
                                       -std::numeric_limits<float>::infinity(),
                                       std::numeric_limits<float>::quiet_NaN(),
                                       std::numeric_limits<float>::max(),
                                       std::numeric_limits<float>::min()};
  if (random() % 64 == 0) return kSpecial[random() % std::size(kSpecial)];
  std::normal_distribution<float> normal;
  const int exponent = static_cast<int>(random() % 12) - 8;
  return std::ldexp(normal(random), exponent);
}

std::vector<float> RandomAlphas(int count, Random& random) {
  static constexpr float kAlphas[] = {0.001f, 1.0f, 0.25f, 1e-7f, 0.0f, 0.5f, 0.0312f, 1e-40f};
  std::vector<float> alphas;
  for (int k = 0; k < count; ++k) {
    const bool listed = k < static_cast<int>(std::size(kAlphas));
    alphas.push_back(listed ? kAlphas[k] : std::uniform_real_distribution<float>(0, 1)(random));
  }
  return alphas;
}

}  // namespace

std::vector<int64_t> MixedSizes(int count, int64_t longest, unsigned seed) {
  static constexpr int64_t kShort[] = {1, 2, 3, 4, 5, 7, 15, 16, 17, 31, 32, 33, 64, 100, 255, 256};
  Random random(seed);
  std::vector<int64_t> sizes;
  for (int i = 0; i < count; ++i) {
    const unsigned kind = random() % 10;
    if (kind == 0 && count > 2) {
      sizes.push_back(0);
    } else if (kind < 8) {
      sizes.push_back(std::min(kShort[random() % std::size(kShort)], longest));
    } else {
      sizes.push_back(1 + static_cast<int64_t>(random() % static_cast<uint64_t>(longest)));
    }
  }
  return sizes;
}

Model::Model(const Options& options)
    : averages_(options.averages), compensated_(options.compensated) {
  Random random(options.seed);
  alphas = RandomAlphas(averages_, random);
  PlaceWeights(options);
  FillArena(options.seed + 1);
}

void Model::PlaceWeights(const Options& options) {
  Random random(options.seed + 2);
  std::vector<int64_t> places;
  int64_t end = 0;
  for (const int64_t size : options.sizes) {
    int64_t place = ema::AlignedSize(end);
    if (options.alignment == Alignment::kRandom) place += random() % ema::kAlignment;
    places.push_back(place);
    end = place + size;
  }
  weight_memory_ = std::make_unique<device::Floats>(end);
  std::vector<float> image(static_cast<size_t>(end));
  for (size_t i = 0; i < places.size(); ++i) {
    const int64_t size = options.sizes[i];
    std::vector<float> values(static_cast<size_t>(size));
    for (float& value : values) value = RandomValue(random);
    std::copy(values.begin(), values.end(), image.begin() + places[i]);
    segments.push_back({weight_memory_->get() + places[i], row_stride_, size});
    row_stride_ += ema::AlignedSize(size);
    weights.push_back(std::move(values));
  }
  weight_memory_->Write(image);
}

void Model::FillArena(unsigned seed) {
  Random random(seed);
  initial.resize(static_cast<size_t>(rows() * row_stride_));
  for (float& value : initial) value = RandomValue(random);
  arena_ = std::make_unique<device::Floats>(rows() * row_stride_);
  arena_->Write(initial);
}

void Model::WriteAll() {
  for (size_t i = 0; i < segments.size(); ++i) {
    weight_memory_->Write(weights[i], segments[i].weight - weight_memory_->get());
  }
  arena_->Write(initial);
}

ema::Update Model::update() const {
  return {arena_->get(),
          row_stride_,
          averages_,
          alphas.data(),
          compensated_,
          segments.data(),
          static_cast<int>(segments.size())};
}

void Model::MoveSegment(size_t index, std::vector<float>* arena) const {
  const std::vector<float>& weight = weights[index];
  for (int k = 0; k < averages_; ++k) {
    float* const high = arena->data() + k * row_stride_ + segments[index].offset;
    float* const low = high + averages_ * row_stride_;  // used only with compensation
    for (size_t i = 0; i < weight.size(); ++i) {
      if (compensated_) {
        const auto moved =
            ema::LerpCompensated({high[i], low[i]}, weight[i], alphas[static_cast<size_t>(k)]);
        high[i] = moved.high;
        low[i] = moved.low;
      } else {
        high[i] = ema::Lerp(high[i], weight[i], alphas[static_cast<size_t>(k)]);
      }
    }
  }
}

std::vector<float> Model::Expected(int steps) const {
  std::vector<float> arena = initial;
  for (int step = 0; step < steps; ++step) {
    for (size_t i = 0; i < segments.size(); ++i) MoveSegment(i, &arena);
  }
  return arena;
}

int64_t Different(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return -1;
  int64_t different = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    // The sign and payload of a NaN are the processor's own.
    if (std::isnan(a[i]) && std::isnan(b[i])) continue;
    different += std::memcmp(&a[i], &b[i], sizeof(float)) == 0 ? 0 : 1;
  }
  return different;
}

}  // namespace model
