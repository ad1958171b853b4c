// Copies and zeroing: every alignment, tails, hundreds of entries, nothing beyond the ends.
// No counting of launches here.
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

void CheckCopies(const std::vector<int64_t>& sizes, unsigned seed, const std::string& what) {
  std::mt19937 random(seed);
  std::vector<int64_t> from;
  std::vector<int64_t> to;
  int64_t end = 0;
  for (const int64_t size : sizes) {
    from.push_back(end + static_cast<int64_t>(random() % 20));
    to.push_back(end + static_cast<int64_t>(random() % 20));
    end += size + 20;
  }
  device::Floats source(end);
  device::Floats target(end);
  std::vector<float> values(static_cast<size_t>(end));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i + 1);
  source.Write(values);
  std::vector<float> expected(static_cast<size_t>(end), -1.0f);
  target.Write(expected);
  std::vector<ema::Copy> copies;
  for (size_t i = 0; i < sizes.size(); ++i) {
    copies.push_back({source.get() + from[i], target.get() + to[i], sizes[i]});
    for (int64_t j = 0; j < sizes[i]; ++j) {
      expected[static_cast<size_t>(to[i] + j)] = values[static_cast<size_t>(from[i] + j)];
    }
  }
  const device::Stream stream;
  const ema::Status status =
      ema::CudaCopy(copies.data(), static_cast<int>(copies.size()), stream.get());
  check::That(status.ok(), what + ": " + status.message());
  stream.Synchronise();
  check::Equal(model::Different(target.ReadAll(), expected), int64_t{0},
               what + ": floats that differ");
}

void CheckZero() {
  device::Floats memory(5000);
  std::vector<float> expected(5000, 3.0f);
  memory.Write(expected);
  const device::Stream stream;
  check::That(ema::CudaZero(memory.get() + 17, 4001, stream.get()).ok(), "zero");
  check::That(ema::CudaZero(nullptr, 0, stream.get()).ok(), "zero nothing");
  stream.Synchronise();
  std::fill_n(expected.begin() + 17, 4001, 0.0f);
  check::Equal(model::Different(memory.ReadAll(), expected), int64_t{0},
               "zero: floats that differ");
}

}  // namespace

void Copies() {
  check::Group("copies: tables, alignments, tails, empty ones; zeroing");
  for (const int count : {1, 2, 23, 144, 145, 146, 161, 600, 2000}) {
    CheckCopies(model::MixedSizes(count, 9000, static_cast<unsigned>(count)), 3,
                std::to_string(count) + " copies");
  }
  for (unsigned seed = 0; seed < 8; ++seed) {
    CheckCopies({1, 2, 3, 4, 5, 8, 15, 16, 17, 4095, 4096, 4097, 8192, 10001}, seed, "alignments");
  }
  CheckCopies(std::vector<int64_t>(10000, 0), 1, "10,000 empty copies");
  CheckCopies({}, 1, "no copies");
  CheckZero();
  if (device::IsFake()) {
    check::That(device::Fake().violations() == 0, device::Fake().first_violation());
    device::Fake().reset();
  }
}

}  // namespace cases
