// The CPU kernel for every machine of the architecture: NEON on arm64, the C library's fma on
// x86-64 without AVX2. Holds no logic of its own.
#include "cpu/ema_cpu_kernel.h"

namespace ema {

#if defined(__aarch64__)
const CpuKernels kBaselineKernels = MakeKernels("neon");
#else
const CpuKernels kBaselineKernels = MakeKernels("baseline");
#endif

}  // namespace ema
