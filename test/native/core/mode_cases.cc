// The caller's floating-point mode: the result does not depend on it, and it is what it was
// afterwards. On x86-64 only: the modes of other processors are set by other means.
#include <cfenv>
#include <string>

#include "cases.h"
#include "check.h"
#include "cpu/ema_cpu.h"
#include "cpu/float_mode.h"
#include "model.h"
#include "oracle.h"
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace cases {
namespace {

#if defined(__x86_64__)
constexpr unsigned kFlush = 0x8000;       // results
constexpr unsigned kZeroInputs = 0x0040;  // subnormal inputs count as 0
constexpr unsigned kUp = 0x4000;
constexpr unsigned kDown = 0x2000;
constexpr unsigned kTowardsZero = 0x6000;
constexpr unsigned kFlags = 0x003f;  // what has happened so far; no mode

void CheckMode(const variants::Variant& variant, int threads, unsigned mode) {
  model::Model model({{5, 100, 1025}, {0.1f, 1e-7f, 0x1p-149f}, false, 1, 0, 21});
  const unsigned before = _mm_getcsr();
  _mm_setcsr(0x1F80 | mode);
  model.Reset();
  variant.set_threads(threads);
  variant.update(model.update());
  const unsigned after = _mm_getcsr();
  _mm_setcsr(before);
  variant.set_threads(0);
  const std::string what =
      "mode " + std::to_string(mode) + ", " + variants::Describe(variant, threads);
  check::That((after & ~kFlags) == (0x1F80 | mode), what + ": the caller's mode is put back");
  check::That(oracle::FirstDifference(model.expected().data(), model.arena().data(),
                                      model.arena().size()) < 0,
              what + ": the same bits");
}

void CheckStatistics() {
  const float weight = 0x1p-149f;
  float arena[16] = {3 * 0x1p-149f};
  const float alpha = 0.5f;
  const float ahead = 0.0f;
  const ema::Segment segment = {&weight, 0, 1};
  ema::Statistics figures = {};
  const unsigned before = _mm_getcsr();
  _mm_setcsr(0x1F80 | kFlush | kZeroInputs);
  ema::CpuStatistics({{arena, 16, 1, &alpha, false, &segment, 1}, &ahead, 0}, &figures);
  _mm_setcsr(before);
  check::That(figures.weight_norm == 0x1p-149f && figures.max_distance == 0x1p-148f &&
                  figures.dead_zone == 0,
              "statistics count subnormals as what they are");
}
#endif

}  // namespace

void Modes() {
  check::Group("subnormals flushed, other roundings: the same bits, and the mode put back");
#if defined(__x86_64__)
  for (const unsigned mode : {0u, kFlush, kZeroInputs, kFlush | kZeroInputs, kUp, kDown,
                              kTowardsZero, kFlush | kZeroInputs | kUp}) {
    for (const variants::Variant& variant : variants::All()) {
      for (const int threads : variants::kThreads) CheckMode(variant, threads, mode);
    }
  }
  CheckStatistics();
#else
  check::That(true, "not on this processor");
#endif
}

}  // namespace cases
