// Readings ahead of an update that is not made: the bits that the update would leave, and an arena
// that stays. Updates themselves are tested elsewhere.
#include <memory>
#include <string>
#include <vector>

#include "cases.h"
#include "check.h"
#include "cpu/ema_cpu.h"
#include "model.h"
#include "oracle.h"
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace cases {
namespace {

using Targets = std::vector<std::unique_ptr<model::Block>>;

// A target for each weight, `offset` floats from a multiple of 64 bytes.
Targets TargetsFor(const ema::Update& update, int offset) {
  Targets targets;
  for (int i = 0; i < update.segment_count; ++i) {
    targets.push_back(std::make_unique<model::Block>(update.segments[i].size, offset, -7.0f));
  }
  return targets;
}

// Reads average k by its alpha.
void Read(const variants::Variant& variant, const ema::Update& update, int k,
          const Targets& targets) {
  std::vector<ema::Reading> list;
  for (int i = 0; i < update.segment_count; ++i) {
    const ema::Segment& segment = update.segments[i];
    const float* const shadow = update.arena + k * update.row_stride + segment.offset;
    float* const target = targets[static_cast<size_t>(i)]->data();
    list.push_back({shadow, segment.weight, target, segment.size, update.alphas[k]});
  }
  const int64_t low_parts = update.compensated ? update.averages * update.row_stride : 0;
  variant.read({list.data(), update.segment_count, low_parts});
}

// What differs from the arena that an update leaves; empty when nothing does.
std::string Wrong(const model::Model& model, const ema::Update& update, int k,
                  const Targets& targets) {
  for (int i = 0; i < update.segment_count; ++i) {
    const ema::Segment& segment = update.segments[i];
    const model::Block& target = *targets[static_cast<size_t>(i)];
    const float* const expected = model.expected().data() + k * update.row_stride + segment.offset;
    const int64_t at = oracle::FirstDifference(expected, target.data(), segment.size);
    if (at >= 0 || !target.intact()) {
      return "average " + std::to_string(k) + ", weight " + std::to_string(i) + ", float " +
             std::to_string(at);
    }
  }
  return "";
}

void CheckAhead(const model::Options& options, int target_offset, const std::string& what) {
  model::Model model(options);
  model.Reset();
  const ema::Update update = model.update();
  const std::vector<float> before(model.arena().data(),
                                  model.arena().data() + model.arena().size());
  for (const variants::Variant& variant : variants::All()) {
    for (const int threads : {1, 3}) {
      variant.set_threads(threads);
      for (int k = 0; k < update.averages; ++k) {
        const Targets targets = TargetsFor(update, target_offset);
        Read(variant, update, k, targets);
        const std::string wrong = Wrong(model, update, k, targets);
        check::That(wrong.empty(),
                    what + ", " + variants::Describe(variant, threads) + ": " + wrong);
      }
      variant.set_threads(0);
    }
  }
  check::That(
      oracle::FirstDifference(before.data(), model.arena().data(), model.arena().size()) < 0,
      what + ": the arena stays");
}

// A plain reading looks at no weight.
void WithoutWeights() {
  const std::vector<float> shadow = {1, 2, 3};
  std::vector<float> target(3, 9.0f);
  const ema::Reading list[] = {{shadow.data(), nullptr, target.data(), 3, 0.0f},
                               {nullptr, nullptr, nullptr, 0, 0.5f}};
  ema::CpuRead({list, 2, 0});
  check::That(target == shadow, "alpha 0 reads the shadow alone");
  ema::CpuRead({nullptr, 0, 0});
}

#if defined(__x86_64__)
// TensorFlow's threads flush subnormals; a subnormal alpha is not 0 then, either.
void Mode() {
  model::Model model({{100, 7}, {0x1p-149f, 0.1f}, false, 1, 0, 23});
  model.Reset();
  const ema::Update update = model.update();
  const unsigned before = _mm_getcsr();
  for (int k = 0; k < 2; ++k) {
    const Targets targets = TargetsFor(update, 0);
    _mm_setcsr(0x1F80 | 0x8040);
    Read(variants::All().front(), update, k, targets);
    const unsigned after = _mm_getcsr();
    _mm_setcsr(before);
    check::That((after & ~0x3fu) == (0x1F80 | 0x8040), "the caller's mode is put back");
    check::That(Wrong(model, update, k, targets).empty(), "subnormals flushed: the same bits");
  }
}
#endif

}  // namespace

void Ahead() {
  check::Group("readings ahead: the bits that an update would leave, and none is made");
  const std::vector<float> nine = {0.1f, 1e-7f, 0.5f, 1.0f, 0.9f, 0.0f, 0x1p-149f, 0.01f, 1e-3f};
  const std::vector<float> two = {0.3f, 0.001f};
  const std::vector<int64_t> small = {0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 100, 1023, 2049};
  for (const bool compensated : {false, true}) {
    const std::string what = compensated ? "compensated" : "plain";
    for (const int offset : {0, 1, 8}) {
      CheckAhead({small, nine, compensated, 3, 0, 41}, offset, what + ", small weights");
      // From 65,536 floats on, what is written goes past the cache.
      CheckAhead({{65535, 65536, 65537, 131072 + 65549}, two, compensated, offset, 0, 42}, offset,
                 what + ", large weights");
    }
  }
  WithoutWeights();
#if defined(__x86_64__)
  Mode();
#endif
}

}  // namespace cases
