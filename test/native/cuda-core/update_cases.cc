// Updates against the host's Lerp, to the bit: tables of all sizes, numbers of averages,
// alignments, gaps, orders, very large weights. No counting of launches here.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "cases.h"
#include "check.h"
#include "cuda/ema_cuda.h"
#include "cuda/ema_cuda_table.h"
#include "device.h"
#include "lerp.h"
#include "model.h"

namespace cases {
namespace {

using device::Stream;
using model::Alignment;
using model::Model;

void CheckNoViolation(const std::string& what) {
  if (!device::IsFake()) return;
  check::That(device::Fake().violations() == 0, what + ": " + device::Fake().first_violation());
}

void CheckUpdate(const model::Options& options, int steps, const std::string& what) {
  const Model model(options);
  const Stream stream;
  for (int step = 0; step < steps; ++step) {
    const ema::Status status = ema::CudaUpdate(model.update(), stream.get());
    check::That(status.ok(), what + ": " + status.message());
  }
  stream.Synchronise();
  const int64_t different = model::Different(model.arena().ReadAll(), model.Expected(steps));
  check::Equal(different, int64_t{0}, what + ": floats that differ from the host's");
  CheckNoViolation(what);
}

std::string Describe(size_t tensors, int averages, bool compensated) {
  return std::to_string(tensors) + " tensors, K = " + std::to_string(averages) +
         (compensated ? ", compensated" : "");
}

void Tables() {
  check::Group("tables of 1 to 2,000 tensors and 10,000 empty ones, bit-equal with the host");
  for (const int tensors : {1, 2, 23, 110, 111, 161, 334, 335, 336, 600, 2000}) {
    for (const auto alignment : {Alignment::kVector, Alignment::kRandom}) {
      const auto sizes = model::MixedSizes(tensors, 3000, static_cast<unsigned>(tensors));
      CheckUpdate({sizes, 1, false, alignment, 7}, 2, Describe(sizes.size(), 1, false));
    }
  }
  CheckUpdate({std::vector<int64_t>(10000, 0), 2}, 1, "10,000 empty tensors");
  std::vector<int64_t> lonely(10000, 0);
  lonely[7777] = 5;
  CheckUpdate({lonely, 3}, 1, "one tensor among 10,000 empty ones");
  CheckUpdate({std::vector<int64_t>(10000, 3), 1}, 1, "10,000 tensors of 3 floats");
}

void Averages() {
  check::Group("1 to 10 and 17 averages, with and without compensation");
  for (const int averages : {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 17}) {
    for (const bool compensated : {false, true}) {
      const auto sizes = model::MixedSizes(23, 2000, 5);
      CheckUpdate({sizes, averages, compensated}, 2, Describe(23, averages, compensated));
    }
  }
}

void Alignments() {
  check::Group("every alignment of a weight, every length of its tail");
  for (const bool compensated : {false, true}) {
    std::vector<int64_t> sizes;
    for (int64_t size = 1; size <= 40; ++size) sizes.push_back(size);
    for (unsigned seed = 0; seed < 16; ++seed) {
      CheckUpdate({sizes, 2, compensated, Alignment::kRandom, seed}, 1, "lengths 1 to 40");
    }
  }
}

// As in CheckUpdate, in tiles of four vectors a thread however small the model is: NOTE(tile).
void CheckLargeTiles(const model::Options& options) {
  const Model model(options);
  const Stream stream;
  const ema::Status status = ema::CudaUpdateTuned(model.update(), stream.get(), 1);
  check::That(status.ok(), status.message());
  stream.Synchronise();
  const std::string what =
      Describe(options.sizes.size(), options.averages, options.compensated) + ", large tiles";
  check::Equal(model::Different(model.arena().ReadAll(), model.Expected(1)), int64_t{0},
               what + ": floats that differ");
  CheckNoViolation(what);
}

void LargeTiles() {
  check::Group("large tiles: straight ones, mixed ones and tails side by side");
  constexpr int64_t kTile = ema::kBlockThreads * ema::kVectorsPerThread * ema::kFloatsPerVector;
  for (int averages = 1; averages <= 8; ++averages) {
    for (const bool compensated : {false, true}) {
      for (const auto alignment : {Alignment::kVector, Alignment::kRandom}) {
        // The first weight ends with its tile, or a few floats before it.
        for (const int64_t padding : {0, 1, 5, 15}) {
          const std::vector<int64_t> sizes = {2 * kTile - padding, 3, 3 * kTile + 7,
                                              2 * kTile - 16,      1, 2 * kTile};
          CheckLargeTiles({sizes, averages, compensated, alignment, 3});
        }
      }
    }
  }
}

// Two groups of weights that alternate in the row, each with alphas of its own (per-layer decays).
void Gaps() {
  check::Group("interleaved groups of weights, weights in reverse order, a far gap");
  const auto sizes = model::MixedSizes(201, 700, 9);
  Model model({sizes, 2, false, Alignment::kRandom, 4});
  const auto all = model.segments;
  const Stream stream;
  auto expected = model.initial;
  for (const bool odd : {false, true}) {
    ema::Update update = model.update();
    std::vector<ema::Segment> group;
    for (size_t i = odd ? 1 : 0; i < all.size(); i += 2) group.push_back(all[i]);
    if (odd) std::reverse(group.begin(), group.end());
    const float alphas[] = {odd ? 0.25f : 0.75f, odd ? 1.0f : 0.125f};
    update.alphas = alphas;
    update.segments = group.data();
    update.segment_count = static_cast<int>(group.size());
    const ema::Status status = ema::CudaUpdate(update, stream.get());
    check::That(status.ok(), status.message());
    for (size_t i = odd ? 1 : 0; i < all.size(); i += 2) {
      for (int k = 0; k < 2; ++k) {
        float* const shadow = expected.data() + k * model.row_stride() + all[i].offset;
        for (size_t j = 0; j < model.weights[i].size(); ++j) {
          shadow[j] = ema::Lerp(shadow[j], model.weights[i][j], alphas[k]);
        }
      }
    }
  }
  stream.Synchronise();
  check::Equal(model::Different(model.arena().ReadAll(), expected), int64_t{0},
               "floats that differ");
  CheckNoViolation("gaps");
}

// A window of a row that is too large to compare as a whole.
struct Window {
  int64_t begin;
  int64_t size;
};

void CheckWindow(const Window& window, device::Floats* weight, device::Floats* arena,
                 const ema::Update& update, const Stream& stream) {
  std::vector<float> w(static_cast<size_t>(window.size));
  std::vector<float> s(w.size());
  for (size_t i = 0; i < w.size(); ++i) {
    w[i] = static_cast<float>(i) * 0.5f + 1.0f;
    s[i] = static_cast<float>(i % 17) - 4.0f;
  }
  weight->Write(w, window.begin);
  arena->Write(s, window.begin);
  const auto block = static_cast<unsigned>(window.begin / 4096);
  const unsigned blocks[] = {block, block + 1};
  if (device::IsFake()) device::Fake().only_blocks(blocks, 2);
  const ema::Status status = ema::CudaUpdate(update, stream.get());
  check::That(status.ok(), status.message());
  stream.Synchronise();
  for (size_t i = 0; i < w.size(); ++i) s[i] = ema::Lerp(s[i], w[i], update.alphas[0]);
  check::Equal(model::Different(arena->Read(window.size, window.begin), s), int64_t{0},
               "floats that differ at " + std::to_string(window.begin));
  if (device::IsFake()) device::Fake().only_blocks(nullptr, 0);
}

void Huge() {
  check::Group("a weight of 2^31 + 4,099 floats");
  constexpr int64_t kSize = (int64_t{1} << 31) + 4099;
  constexpr size_t kBytes = 2 * kSize * sizeof(float);
  if (!device::IsFake() && device::FreeBytes() < kBytes + (size_t{1} << 30)) {
    check::That(true, "skipped: not enough device memory");
    return;
  }
  device::Floats weight(kSize);
  device::Floats arena(ema::AlignedSize(kSize));
  const Stream stream;
  const float alpha = 0.125f;
  const ema::Segment segment = {weight.get(), 0, kSize};
  const ema::Update update = {arena.get(), ema::AlignedSize(kSize), 1, &alpha, false, &segment, 1};
  for (const Window window : {Window{0, 5000}, Window{(int64_t{1} << 31) - 4096, 8192},
                              Window{int64_t{1} << 30, 4096}, Window{kSize - 4099, 4099}}) {
    CheckWindow(window, &weight, &arena, update, stream);
  }
  CheckNoViolation("huge");
}

// The average itself against float64, over many steps: the error is the rounding of each step, no
// more.
void Accuracy() {
  check::Group("1,000 steps against float64");
  const float weight = 0.7f;
  const float start = -1.3f;
  for (const bool compensated : {false, true}) {
    for (const double decay : {0.9, 0.999, 0.9999}) {
      const auto alpha = static_cast<float>(1 - decay);
      device::Floats w(1);
      device::Floats arena(32);
      w.Write({weight});
      arena.Write(std::vector<float>(32, 0.0f));
      arena.Write({start});
      const ema::Segment segment = {w.get(), 0, 1};
      const ema::Update update = {arena.get(), 16, 1, &alpha, compensated, &segment, 1};
      const Stream stream;
      double exact = start;
      for (int step = 0; step < 1000; ++step) {
        check::That(ema::CudaUpdate(update, stream.get()).ok(), "update");
        exact += double{alpha} * (weight - exact);
      }
      stream.Synchronise();
      const double value =
          double{arena.Read(1)[0]} + (compensated ? double{arena.Read(1, 16)[0]} : 0.0);
      // Plain: a step rounds the shadow by at most half an ulp of 2 (1.2e-7), and 1 / alpha steps
      // are remembered. Compensated: only the difference is rounded, and that error enters times
      // alpha: the sum of all steps stays below one such rounding.
      const double bound = 1.2e-7 * (compensated ? 1 : std::min(1000.0, 1 / (1 - decay)));
      char error[32];
      std::snprintf(error, sizeof(error), "%.3g", value - exact);
      check::That(std::fabs(value - exact) <= bound,
                  "decay " + std::to_string(decay) + ": error " + error);
    }
  }
}

}  // namespace

void Updates(bool small) {
  Tables();
  Averages();
  Alignments();
  Gaps();
  LargeTiles();
  if (!small) {
    Huge();
    Accuracy();
  }
  if (device::IsFake()) device::Fake().reset();
}

}  // namespace cases
