// A model of any table of weights: its weights, its arena, and what an update must make of it.
// Everything lies between marked floats, so that a write outside shows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "chunk.h"
#include "variants.h"

namespace model {

// Numbers from a seed; the same on every machine.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 2 + 1) {}
  uint32_t Bits();
  uint32_t Below(uint32_t limit) { return limit == 0 ? 0 : Bits() % limit; }
  // Magnitudes from 2^-20 to 2^20; one in 32 is one of Specials().
  float Value();

 private:
  uint64_t state_;
};

// +-0, subnormals, +-1, +-FLT_MAX, infinities, NaN.
const std::vector<float>& Specials();

// 0, 2^-149, 2^-126, 1e-7 ... 1 - 2^-24, 1.
const std::vector<float>& Alphas();

struct Options {
  std::vector<int64_t> sizes;
  std::vector<float> alphas;  // K
  bool compensated = false;
  int weight_offset = 0;  // floats from a multiple of 64 bytes, 0 to 15
  int arena_offset = 0;
  uint64_t seed = 1;
  bool plain_values = false;  // no specials
};

// `count` floats at `offset` floats from a multiple of 64 bytes. They and those around them are
// `mark` at first.
class Block {
 public:
  Block(int64_t count, int offset, float mark);
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  float* data() { return memory_.data() + start_; }
  const float* data() const { return memory_.data() + start_; }
  int64_t size() const { return count_; }
  // The floats around them are what they were.
  bool intact() const;

 private:
  static constexpr int64_t kMargin = 64;
  int64_t count_;
  float mark_;
  std::vector<float> memory_;
  int64_t start_ = 0;
};

class Model {
 public:
  explicit Model(Options options);

  // Puts the arena back to its start.
  void Reset();
  // Runs one update of `variant` from the start and compares every float of the arena, the gaps
  // and the surroundings. Returns what is wrong; empty when nothing is.
  std::string Run(const variants::Variant& variant, int threads);

  ema::Update update();
  Block& arena() { return arena_; }
  const std::vector<float>& expected() const { return expected_; }
  // The largest distance of a float of `expected` from the exact fma; plain shadows only.
  double WorstUlps() const;

 private:
  void Expect();
  std::string Difference(int64_t at) const;

  Options options_;
  int64_t row_stride_ = 0;
  std::vector<ema::Segment> segments_;
  std::vector<int64_t> places_;  // of each weight in weights_
  Block weights_;
  std::vector<float> weights_before_;
  Block arena_;
  std::vector<float> start_, expected_;
};

}  // namespace model
