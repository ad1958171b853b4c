// Models of random weights on the device, their arena, and what an update must make of it: the
// host's own Lerp. Calls no launcher.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "chunk.h"
#include "device.h"

namespace model {

enum class Alignment { kVector, kRandom };

struct Options {
  std::vector<int64_t> sizes;
  int averages = 1;
  bool compensated = false;
  Alignment alignment = Alignment::kRandom;
  unsigned seed = 1;
};

// Sizes of `count` weights as models have them: many short ones, some long, a few empty.
std::vector<int64_t> MixedSizes(int count, int64_t longest, unsigned seed);

class Model {
 public:
  explicit Model(const Options& options);

  ema::Update update() const;
  int64_t rows() const { return averages_ * (compensated_ ? 2 : 1); }
  int64_t row_stride() const { return row_stride_; }
  const device::Floats& arena() const { return *arena_; }

  // Brings `weights` and `initial`, changed by the caller, to the device.
  void WriteAll();

  // What the arena holds after `steps` updates, to the bit: padding untouched.
  std::vector<float> Expected(int steps) const;

  std::vector<ema::Segment> segments;  // device pointers
  std::vector<float> alphas;
  std::vector<std::vector<float>> weights;  // host copies
  std::vector<float> initial;               // the arena's, host copy

 private:
  void PlaceWeights(const Options& options);
  void FillArena(unsigned seed);
  void MoveSegment(size_t index, std::vector<float>* arena) const;

  int averages_;
  bool compensated_;
  int64_t row_stride_ = 0;
  std::unique_ptr<device::Floats> weight_memory_;
  std::unique_ptr<device::Floats> arena_;
};

// Number of floats whose bits differ.
int64_t Different(const std::vector<float>& a, const std::vector<float>& b);

}  // namespace model
