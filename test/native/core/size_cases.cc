// One weight of each size at which a loop, a tail or a chunk ends.
// Tables of several weights are in table_cases.cc.
#include <string>
#include <vector>

#include "cases.h"
#include "check.h"
#include "model.h"

namespace cases {
namespace {

std::vector<int64_t> AllSizes() {
  std::vector<int64_t> sizes;
  for (int64_t size = 0; size <= 17; ++size) sizes.push_back(size);
  for (const int64_t around : {32, 64, 256, 1024, 2048, 65536}) {
    for (int64_t size = around - 1; size <= around + 1; ++size) sizes.push_back(size);
  }
  for (const int64_t size : {333, 33333, 308025, 598829}) sizes.push_back(size);
  return sizes;
}

void CheckSize(const model::Options& options, const std::string& what) {
  model::Model model(options);
  for (const variants::Variant& variant : variants::All()) {
    for (const int threads : variants::kThreads) {
      const std::string wrong = model.Run(variant, threads);
      check::That(wrong.empty(), what + ", " + variants::Describe(variant, threads) + ": " + wrong);
    }
  }
}

}  // namespace

void Sizes() {
  check::Group("sizes 0 to 598,829: every chunk, kernel, number of threads, 1 to 9 averages");
  const std::vector<float> nine = {0.1f, 1e-7f, 0.5f, 1.0f, 0.9f, 0.0f, 0x1p-149f, 0.01f, 1e-3f};
  for (const int64_t size : AllSizes()) {
    const std::string what = std::to_string(size) + " floats";
    const auto seed = static_cast<uint64_t>(size);
    CheckSize({{size}, {0.1f}, false, 0, 0, seed}, what);
    // Nine rows of the large ones would only move more memory.
    const size_t rows = size > 100000 ? 2 : 9;
    CheckSize(
        {{size}, {nine.begin(), nine.begin() + static_cast<int64_t>(rows)}, false, 1, 0, seed},
        what + ", " + std::to_string(rows) + " averages");
    if (size < 100000)
      CheckSize({{size}, {0.3f, 0.001f}, true, 3, 0, seed}, what + ", compensated");
  }
}

}  // namespace cases
