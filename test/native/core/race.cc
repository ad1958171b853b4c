// Eight threads, 10,000 updates each, of arenas of their own from weights that they share; for
// ThreadSanitizer. They share the pool: at any time one has its helpers and the others work alone,
// while a ninth changes the number of threads.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "cpu/ema_cpu.h"
#include "model.h"
#include "oracle.h"
#include "variants.h"

namespace {

constexpr int kCallers = 8;
const std::vector<int64_t> kSizes = {3, 0, 40, 100, 17};

struct Shared {
  std::vector<std::vector<float>> weights;
  std::vector<ema::Segment> segments;
  int64_t stride = 0;

  Shared() {
    model::Random random(1);
    for (const int64_t size : kSizes) {
      weights.emplace_back(static_cast<size_t>(size));
      for (float& w : weights.back()) w = random.Value();
    }
    for (const auto& weight : weights) {
      const auto size = static_cast<int64_t>(weight.size());
      segments.push_back({weight.data(), stride, size});
      stride += ema::AlignedSize(size);
    }
  }
};

// Returns the floats that are not what as many steps of the oracle give.
int64_t Caller(const Shared& shared, int updates, bool compensated) {
  const float alphas[] = {0.01f, 0.3f};
  const int64_t rows = compensated ? 4 : 2;
  std::vector<float> arena(static_cast<size_t>(shared.stride * rows), 0.0f);
  std::vector<float> expected = arena;
  const ema::Update update = {arena.data(),
                              shared.stride,
                              2,
                              alphas,
                              compensated,
                              shared.segments.data(),
                              static_cast<int>(shared.segments.size())};
  const auto& variants = variants::All();
  for (int i = 0; i < updates; ++i) {
    // The shipped copy and those with the smallest chunk: many pieces, so that helpers join in.
    const size_t choice = static_cast<size_t>(i) % 3;
    variants[choice == 0 ? 0 : choice == 1 ? 1 : variants.size() - 4].update(update);
  }
  for (int k = 0; k < 2; ++k) {
    for (const ema::Segment& segment : shared.segments) {
      float* const high = expected.data() + k * shared.stride + segment.offset;
      for (int64_t j = 0; j < segment.size; ++j) {
        for (int i = 0; i < updates; ++i) {
          if (compensated) {
            oracle::StepCompensated(high + j, high + 2 * shared.stride + j, segment.weight[j],
                                    alphas[k]);
          } else {
            high[j] = oracle::Step(high[j], segment.weight[j], alphas[k]);
          }
        }
      }
    }
  }
  int64_t different = 0;
  for (size_t i = 0; i < arena.size(); ++i)
    different += oracle::Same(arena[i], expected[i]) ? 0 : 1;
  return different;
}

}  // namespace

int main(int argc, char** argv) {
  const int updates = argc > 1 ? std::atoi(argv[1]) : 10000;
  const Shared shared;
  std::atomic<bool> ended{false};
  std::atomic<int64_t> different{0};
  std::thread changer([&] {
    for (int i = 0; !ended.load(); ++i) {
      for (const variants::Variant& variant : variants::All()) variant.set_threads(1 + i % 8);
      std::this_thread::yield();
    }
  });
  std::vector<std::thread> callers;
  for (int c = 0; c < kCallers; ++c) {
    callers.emplace_back([&, c] { different += Caller(shared, updates, c % 2 == 1); });
  }
  for (std::thread& caller : callers) caller.join();
  ended = true;
  changer.join();
  const int64_t wrong = different.load();
  std::printf("%d threads x %d updates: %lld floats differ\n", kCallers, updates,
              static_cast<long long>(wrong));
  return wrong == 0 ? 0 : 1;
}
