// What the warps ask of global memory, where the driver counts it: on aligned rows every request
// takes its 32-byte sectors whole, and no float is moved twice. No values are checked here.
#include <string>
#include <vector>

#include "cases.h"
#include "check.h"
#include "cuda/ema_cuda.h"
#include "cuda/ema_cuda_table.h"
#include "device.h"
#include "model.h"

namespace cases {
namespace {

using device::Fake;
using model::Alignment;
using model::Model;

constexpr int64_t kSector = 32;

// Bytes and sectors since it was made.
class Meter {
 public:
  int64_t bytes() const { return Fake().bytes_requested() - bytes_; }
  int64_t sectors() const { return Fake().sectors_touched() - sectors_; }

 private:
  const int64_t bytes_ = Fake().bytes_requested();
  const int64_t sectors_ = Fake().sectors_touched();
};

int64_t FloatsOf(const Model& model) {
  int64_t floats = 0;
  for (const ema::Segment& segment : model.segments) floats += segment.size;
  return floats;
}

// @param passes loads and stores of each float.
void CheckMeter(const Meter& meter, const Model& model, int64_t passes, const std::string& what) {
  const int64_t least = FloatsOf(model) * static_cast<int64_t>(sizeof(float)) * passes;
  check::Equal(meter.bytes(), least, what + ": bytes");
  check::Equal(meter.sectors() * kSector, least, what + ": bytes of the sectors touched");
}

// Whole sectors, but not whole segments: padding is neither loaded nor stored.
std::vector<int64_t> WholeSectors() {
  constexpr int64_t kTile = ema::kBlockThreads * ema::kVectorsPerThread * ema::kFloatsPerVector;
  return {2 * kTile, 8, 24, 16, kTile + 8, 40};
}

void CheckUpdate(int averages, bool compensated, int64_t busy_tiles) {
  const Model model({WholeSectors(), averages, compensated, Alignment::kVector, 5});
  const device::Stream stream;
  const Meter meter;
  const ema::Status status = ema::CudaUpdateTuned(model.update(), stream.get(), busy_tiles);
  check::That(status.ok(), status.message());
  stream.Synchronise();
  CheckMeter(meter, model, 1 + 2 * model.rows(),
             std::to_string(averages) + (compensated ? " averages, compensated" : " averages"));
}

void CheckCopies(const Model& model, float ahead, int64_t passes, const std::string& what) {
  device::Floats target(model.row_stride());
  std::vector<ema::Reading> list;
  for (const ema::Segment& segment : model.segments) {
    list.push_back({model.arena().get() + segment.offset, segment.weight,
                    target.get() + segment.offset, segment.size, ahead});
  }
  const int64_t low_parts = model.update().compensated ? model.row_stride() : 0;
  const device::Stream stream;
  const Meter meter;
  const auto count = static_cast<int>(list.size());
  check::That(ema::CudaRead({list.data(), count, low_parts}, stream.get()).ok(), what);
  stream.Synchronise();
  CheckMeter(meter, model, passes, what);
}

void CheckCombination(const Model& model, float alpha, int64_t passes, const std::string& what) {
  const ema::Update update = model.update();
  device::Floats target(model.row_stride());
  std::vector<ema::Place> list;
  for (const auto& [weight, offset, size] : model.segments) {
    list.push_back({update.arena + offset, weight, target.get() + offset, size});
  }
  std::vector<ema::Term> terms;
  for (int k = 0; k < update.averages; ++k) {
    terms.push_back({k * update.row_stride, k - 1.5, update.compensated ? 2.0 : 0.0, alpha,
                     update.compensated});
  }
  const int64_t low_parts = update.compensated ? update.averages * update.row_stride : 0;
  const device::Stream stream;
  const Meter meter;
  const ema::Status status = ema::CudaCombine(
      {terms.data(), update.averages, list.data(), static_cast<int>(list.size()), low_parts},
      stream.get());
  check::That(status.ok(), what);
  stream.Synchronise();
  CheckMeter(meter, model, passes, what);
}

// The meter itself: weights between sectors cost more than they hold.
void CheckUnaligned() {
  const Model model({WholeSectors(), 1, false, Alignment::kRandom, 5});
  const device::Stream stream;
  const Meter meter;
  check::That(ema::CudaUpdate(model.update(), stream.get()).ok(), "update");
  stream.Synchronise();
  check::Equal(meter.bytes(), FloatsOf(model) * int64_t{12}, "unaligned weights: bytes");
  check::That(meter.sectors() * kSector > meter.bytes(), "unaligned weights touch more sectors");
}

}  // namespace

void Traffic() {
  if (!device::IsFake() || Fake().sectors_touched == nullptr) return;
  check::Group("requests of memory: whole sectors, each float once");
  for (int averages = 1; averages <= ema::kMaxFused; ++averages) {
    for (const bool compensated : {false, true}) {
      for (const int64_t busy_tiles : {int64_t{1}, int64_t{1} << 40}) {
        CheckUpdate(averages, compensated, busy_tiles);
      }
    }
  }
  for (const bool compensated : {false, true}) {
    const Model model({WholeSectors(), 1, compensated, Alignment::kVector, 5});
    CheckCopies(model, 0.0f, 2, "readings");
    CheckCopies(model, 0.5f, compensated ? 4 : 3, "readings ahead");
    const Model several({WholeSectors(), 3, compensated, Alignment::kVector, 5});
    const int rows = compensated ? 6 : 3;
    CheckCombination(several, 0.0f, rows + 1, "combinations");
    // Each average looks at the weights, which the cache has for all but the first.
    CheckCombination(several, 0.5f, rows + 1 + 3, "combinations ahead");
  }
  CheckUnaligned();
  check::That(Fake().violations() == 0, Fake().first_violation());
  Fake().reset();
}

}  // namespace cases
