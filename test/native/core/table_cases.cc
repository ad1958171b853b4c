// Tables of 1 to 10,000 weights, with and without empty ones, for every chunk, kernel and number of
// threads. The weights are small: sizes have a file of their own.
#include <string>
#include <vector>

#include "cases.h"
#include "check.h"
#include "model.h"

namespace cases {
namespace {

constexpr int kCounts[] = {1, 2, 20, 23, 64, 65, 110, 111, 161, 300, 600, 2000, 10000};

// Which weights of a table have no elements.
struct Emptiness {
  const char* name;
  bool (*empty)(int index, int count);
};

constexpr Emptiness kEmptiness[] = {
    {"no empty one", [](int, int) { return false; }},
    {"all empty", [](int, int) { return true; }},
    {"every third empty", [](int index, int) { return index % 3 == 1; }},
    {"the last two empty", [](int index, int count) { return index >= count - 2; }},
};

std::vector<int64_t> MakeSizes(int count, const Emptiness& emptiness) {
  constexpr int64_t kFew[] = {1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65};
  // 10,000 small weights are a large model already.
  constexpr int64_t kMore[] = {255, 256, 257, 333, 1023, 1024, 1025};
  model::Random random(static_cast<uint64_t>(count));
  std::vector<int64_t> sizes;
  for (int i = 0; i < count; ++i) {
    const bool large = count <= 600 && random.Below(8) == 0;
    const int64_t size = large ? kMore[random.Below(7)] : kFew[random.Below(16)];
    sizes.push_back(emptiness.empty(i, count) ? 0 : size);
  }
  return sizes;
}

void CheckTable(const model::Options& options, const std::string& what) {
  model::Model model(options);
  for (const variants::Variant& variant : variants::All()) {
    for (const int threads : variants::kThreads) {
      const std::string wrong = model.Run(variant, threads);
      check::That(wrong.empty(), what + ", " + variants::Describe(variant, threads) + ": " + wrong);
    }
  }
  if (options.compensated) return;
  const double worst = model.WorstUlps();
  check::That(worst <= 1, what + ": " + std::to_string(worst) + " ulps from the exact fma");
}

}  // namespace

void Tables() {
  check::Group(
      "1 to 10,000 weights, none, some or all empty: every chunk, kernel, number of threads");
  for (const int count : kCounts) {
    for (const Emptiness& emptiness : kEmptiness) {
      const std::string what = std::to_string(count) + " weights, " + emptiness.name;
      const auto sizes = MakeSizes(count, emptiness);
      // Nine and more averages take two passes: kMaxFused.
      const auto& alphas = model::Alphas();
      const std::vector<float> some = {alphas[static_cast<size_t>(count) % 13], 0.25f};
      CheckTable({sizes, count > 600 ? some : alphas, false, 0, 0, 3}, what);
      CheckTable({sizes, some, true, 0, 0, 4}, what + ", compensated");
    }
  }
}

}  // namespace cases
