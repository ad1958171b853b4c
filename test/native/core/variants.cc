// The list of copies of the core that CMakeLists.txt makes.
// Chooses nothing but what this processor can run.
#include "variants.h"

#include "cpu/cpu_features.h"
#include "cpu/ema_cpu.h"

#define DECLARE(variant)                                     \
  void CpuUpdate_##variant(const Update& update);            \
  void CpuRead_##variant(const Readings& readings);          \
  void CpuCombine_##variant(const Combination& combination); \
  void SetCpuThreads_##variant(int threads);                 \
  const char* CpuKernelName_##variant()
#define LISTED(kernel, chunk)                                                           \
  {                                                                                     \
#kernel, chunk, ema::CpuUpdate_##kernel##_##chunk, ema::CpuRead_##kernel##_##chunk, \
        ema::CpuCombine_##kernel##_##chunk, ema::SetCpuThreads_##kernel##_##chunk,      \
        ema::CpuKernelName_##kernel##_##chunk                                           \
  }

namespace ema {

DECLARE(avx2_16);
DECLARE(avx2_1024);
DECLARE(avx2_32768);
DECLARE(avx2_131072);
DECLARE(baseline_16);
DECLARE(baseline_1024);
DECLARE(baseline_32768);
DECLARE(baseline_131072);

}  // namespace ema

namespace variants {
namespace {

bool HasFastKernel() {
#if defined(__x86_64__)
  return ema::HasAvx2AndFma();
#else
  return false;  // one kernel on this architecture
#endif
}

std::vector<Variant> Listed() {
  std::vector<Variant> list = {{"shipped", 0, ema::CpuUpdate, ema::CpuRead, ema::CpuCombine,
                                ema::SetCpuThreads, ema::CpuKernelName}};
  const std::vector<Variant> baseline = {LISTED(baseline, 16), LISTED(baseline, 1024),
                                         LISTED(baseline, 32768), LISTED(baseline, 131072)};
  const std::vector<Variant> fast = {LISTED(avx2, 16), LISTED(avx2, 1024), LISTED(avx2, 32768),
                                     LISTED(avx2, 131072)};
  list.insert(list.end(), baseline.begin(), baseline.end());
  if (HasFastKernel()) list.insert(list.end(), fast.begin(), fast.end());
  return list;
}

}  // namespace

const std::vector<Variant>& All() {
  static const std::vector<Variant> all = Listed();
  return all;
}

const std::vector<Variant>& Few() {
  static const std::vector<Variant> few = [] {
    std::vector<Variant> list;
    for (const Variant& variant : All()) {
      if (variant.chunk == 16 || variant.chunk == 32768) list.push_back(variant);
    }
    return list;
  }();
  return few;
}

std::string Describe(const Variant& variant, int threads) {
  return std::string(variant.kernel) + ", chunk " + std::to_string(variant.chunk) + ", " +
         std::to_string(threads) + " threads";
}

}  // namespace variants
