// Weights and arenas at every float of a cache line, with weights of every length of tail.
// TensorFlow aligns both to 64 bytes; slices of its tensors and the addon's own lerp() do not.
#include <string>
#include <vector>

#include "cases.h"
#include "check.h"
#include "model.h"

namespace cases {
namespace {

void CheckOffset(const model::Options& options) {
  model::Model model(options);
  const std::string what = "weights at byte " + std::to_string(4 * options.weight_offset) +
                           ", arena at byte " + std::to_string(4 * options.arena_offset) +
                           (options.compensated ? ", compensated" : "");
  for (const variants::Variant& variant : variants::Few()) {
    for (const int threads : {1, 3}) {
      const std::string wrong = model.Run(variant, threads);
      check::That(wrong.empty(), what + ", " + variants::Describe(variant, threads) + ": " + wrong);
    }
  }
}

}  // namespace

void Offsets() {
  check::Group("every float offset, 0 to 60 bytes, of the weights and of the arena");
  std::vector<int64_t> sizes;
  for (int64_t size = 0; size <= 40; ++size) sizes.push_back(size);
  for (const int64_t size : {63, 64, 65, 255, 256, 257, 333, 1023, 1024, 1025})
    sizes.push_back(size);
  for (int weight = 0; weight < 16; ++weight) {
    for (int arena = 0; arena < 16; ++arena) {
      // The same numbers at every offset, so the same bits.
      CheckOffset({sizes, {0.1f, 0.7f, 1.0f}, false, weight, arena, 5});
      if ((weight + arena) % 4 == 0) CheckOffset({sizes, {0.1f}, true, weight, arena, 6});
    }
  }
}

}  // namespace cases
