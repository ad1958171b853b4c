// Readings ahead of an update that is not made, against the host's Lerp, to the bit: every
// alignment, hundreds of entries, nothing beyond the ends, an arena that stays.
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "cases.h"
#include "check.h"
#include "cuda/ema_cuda.h"
#include "device.h"
#include "model.h"

namespace cases {
namespace {

using model::Model;

// Where each weight's values go, in memory of their own.
struct Targets {
  std::vector<int64_t> places;
  int64_t size = 0;

  Targets(const Model& model, model::Alignment alignment, unsigned seed) {
    std::mt19937 random(seed);
    for (const ema::Segment& segment : model.segments) {
      int64_t place = ema::AlignedSize(size) + ema::kAlignment;
      if (alignment == model::Alignment::kRandom) place += random() % ema::kAlignment;
      places.push_back(place);
      size = place + segment.size;
    }
    size += ema::kAlignment;
  }
};

// Reads average k by `alpha` of each weight; what lies between the targets must stay -1.
void CheckAverage(const Model& model, const Targets& targets, int k, const std::string& what) {
  const ema::Update update = model.update();
  const std::vector<float> expected_arena = model.Expected(1);
  device::Floats memory(targets.size);
  std::vector<float> expected(static_cast<size_t>(targets.size), -1.0f);
  memory.Write(expected);
  std::vector<ema::Reading> list;
  for (size_t i = 0; i < model.segments.size(); ++i) {
    const ema::Segment& segment = model.segments[i];
    const int64_t place = k * update.row_stride + segment.offset;
    // Every fifth as it is, for which no weight is looked at.
    const bool is_plain = i % 5 == 4;
    list.push_back({update.arena + place, is_plain ? nullptr : segment.weight,
                    memory.get() + targets.places[i], segment.size,
                    is_plain ? 0.0f : update.alphas[k]});
    const std::vector<float>& arena = is_plain ? model.initial : expected_arena;
    std::copy_n(arena.begin() + place, segment.size, expected.begin() + targets.places[i]);
  }
  const int64_t low_parts = update.compensated ? update.averages * update.row_stride : 0;
  const device::Stream stream;
  const ema::Status status =
      ema::CudaRead({list.data(), static_cast<int>(list.size()), low_parts}, stream.get());
  check::That(status.ok(), what + ": " + status.message());
  stream.Synchronise();
  check::Equal(model::Different(memory.ReadAll(), expected), int64_t{0},
               what + ", average " + std::to_string(k) + ": floats that differ from the host's");
}

void CheckReadings(const model::Options& options, const std::string& what) {
  const Model model(options);
  for (const auto alignment : {model::Alignment::kVector, model::Alignment::kRandom}) {
    const Targets targets(model, alignment, options.seed);
    for (int k = 0; k < options.averages; ++k) CheckAverage(model, targets, k, what);
  }
  check::Equal(model::Different(model.arena().ReadAll(), model.initial), int64_t{0},
               what + ": floats of the arena that changed");
}

void Counts() {
  const Model model({std::vector<int64_t>(93, 20), 1});
  device::Floats memory(20);
  std::vector<ema::Reading> list;
  for (const ema::Segment& segment : model.segments) {
    list.push_back({model.arena().get() + segment.offset, segment.weight, memory.get(), 20, 0.5f});
  }
  const device::Stream stream;
  const auto waits = device::Fake().synchronisations();
  for (const auto& [count, launches] : {std::pair{92, 1}, {93, 2}}) {
    const auto before = device::Fake().calls("cuLaunchKernel");
    check::That(ema::CudaRead({list.data(), count, 0}, stream.get()).ok(), "read");
    check::Equal(device::Fake().calls("cuLaunchKernel") - before, int64_t{launches},
                 std::to_string(count) + " readings: launches");
  }
  check::Equal(device::Fake().synchronisations() - waits, int64_t{0}, "host synchronisations");
}

}  // namespace

void Readings() {
  check::Group("readings ahead, bit-equal with the host's update, and an arena that stays");
  for (const bool compensated : {false, true}) {
    for (const int count : {1, 23, 92, 93, 400}) {
      const auto sizes = model::MixedSizes(count, 9000, static_cast<unsigned>(count));
      for (const auto alignment : {model::Alignment::kVector, model::Alignment::kRandom}) {
        CheckReadings({sizes, 3, compensated, alignment, 17},
                      std::to_string(count) + (compensated ? " compensated" : " readings"));
      }
    }
    CheckReadings({{1, 2, 3, 4, 5, 15, 16, 17, 4095, 4096, 4097, 10001}, 9, compensated},
                  "tiles and tails, all alphas");
  }
  CheckReadings({std::vector<int64_t>(10000, 0), 1}, "10,000 empty readings");
  if (device::IsFake()) {
    Counts();
    check::That(device::Fake().violations() == 0, device::Fake().first_violation());
    device::Fake().reset();
  }
}

}  // namespace cases
