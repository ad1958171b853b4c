// Drawing, updating and comparing behind random_table.h.
// No seeds: bytes come from the caller.
#include "random_table.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "cpu/ema_cpu.h"
#include "model.h"
#include "oracle.h"
#include "variants.h"

namespace random_table {
namespace {

int table_count = kMany;

class Bytes {
 public:
  Bytes(const uint8_t* at, size_t left) : at_(at), left_(left) {}

  uint8_t Next() {
    if (left_ == 0) return 0;
    --left_;
    return *at_++;
  }
  size_t Below(size_t limit) { return (Next() | size_t{Next()} << 8) % limit; }
  // Any bits at all, or one of the special values.
  float Float() {
    if (Next() % 8 == 0) return model::Specials()[Below(model::Specials().size())];
    const uint32_t bits = Next() | Next() << 8 | Next() << 16 | uint32_t{Next()} << 24;
    float value;
    std::memcpy(&value, &bits, sizeof(value));
    return value;
  }
  float Alpha() {
    if (Next() % 4 == 0) return model::Alphas()[Below(model::Alphas().size())];
    return static_cast<float>(Below(65536)) / 65535.0f;
  }

 private:
  const uint8_t* at_;
  size_t left_;
};

struct Table {
  std::vector<std::vector<float>> weights;
  std::vector<ema::Segment> segments;
  std::vector<float> alphas;
  bool compensated = false;
  int64_t stride = 0;
  std::vector<float> start;

  explicit Table(Bytes* bytes) {
    const size_t count = 1 + bytes->Below(12);
    for (size_t i = 0; i < count; ++i) {
      // Mostly around the width of a vector; at times several chunks.
      const size_t size = bytes->Next() % 8 == 0 ? bytes->Below(600) : bytes->Below(40);
      weights.emplace_back(size);
      for (float& w : weights.back()) w = bytes->Float();
      weights.back().shrink_to_fit();
    }
    for (const auto& weight : weights) {
      const auto size = static_cast<int64_t>(weight.size());
      segments.push_back({weight.data(), stride, size});
      stride += ema::AlignedSize(size);
    }
    alphas.resize(1 + bytes->Below(10));
    for (float& alpha : alphas) alpha = bytes->Alpha();
    compensated = bytes->Next() % 2 == 1;
    start.resize(static_cast<size_t>(stride) * rows());
    for (float& s : start) s = bytes->Float();
  }

  size_t rows() const { return alphas.size() * (compensated ? 2 : 1); }

  std::vector<float> Expected() const {
    auto arena = start;
    for (size_t k = 0; k < alphas.size(); ++k) {
      for (const ema::Segment& segment : segments) {
        float* const high = arena.data() + static_cast<int64_t>(k) * stride + segment.offset;
        float* const low = high + static_cast<int64_t>(alphas.size()) * stride;
        for (int64_t i = 0; i < segment.size; ++i) {
          if (compensated) {
            oracle::StepCompensated(high + i, low + i, segment.weight[i], alphas[k]);
          } else {
            high[i] = oracle::Step(high[i], segment.weight[i], alphas[k]);
          }
        }
      }
    }
    return arena;
  }

  // The largest error against float64 of a plain float, in ulps of the larger of shadow and weight.
  double WorstUlps(const std::vector<float>& arena) const {
    double worst = 0;
    for (size_t k = 0; k < alphas.size() && !compensated; ++k) {
      for (const ema::Segment& segment : segments) {
        for (int64_t i = 0; i < segment.size; ++i) {
          const auto at =
              static_cast<size_t>(static_cast<int64_t>(k) * stride + segment.offset + i);
          const double s = start[at];
          const double w = segment.weight[i];
          const double larger = std::max(std::fabs(s), std::fabs(w));
          if (!(larger < 0x1p126)) continue;  // the difference may overflow
          const double exact = s + double{alphas[k]} * (w - s);
          worst = std::max(worst,
                           std::fabs(arena[at] - exact) / oracle::Ulp(static_cast<float>(larger)));
        }
      }
    }
    return worst;
  }

  ema::Update update(std::vector<float>* arena) const {
    return {arena->data(), stride,          static_cast<int>(alphas.size()),  alphas.data(),
            compensated,   segments.data(), static_cast<int>(segments.size())};
  }
};

}  // namespace

void SetCount(int count) { table_count = count; }
int Count() { return table_count; }

std::string Check(const uint8_t* data, size_t size) {
  Bytes bytes(data, size);
  const auto& all = variants::All();
  const variants::Variant& variant = all[bytes.Below(all.size())];
  const int threads = variants::kThreads[bytes.Below(5)];
  const Table table(&bytes);
  const auto expected = table.Expected();
  auto arena = table.start;
  variant.set_threads(threads);
  variant.update(table.update(&arena));
  const std::string where = variants::Describe(variant, threads);
  const auto floats = static_cast<int64_t>(arena.size());
  const int64_t at = oracle::FirstDifference(expected.data(), arena.data(), floats);
  if (at >= 0) return where + ": float " + std::to_string(at) + " differs";
  // See alpha_cases.cc for the bound.
  const double worst = table.WorstUlps(arena);
  if (worst > 1.5000001) return where + ": " + std::to_string(worst) + " ulps from float64";
  std::vector<ema::Statistics> figures(table.segments.size() * table.alphas.size());
  ema::CpuStatistics({table.update(&arena), table.alphas.data(), 0}, figures.data());
  return arena.empty() || oracle::FirstDifference(expected.data(), arena.data(), floats) < 0
             ? ""
             : "statistics wrote to the arena";
}

}  // namespace random_table
