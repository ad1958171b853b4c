// The CPU kernel for x86-64 with AVX2 and FMA; compiled with -mavx2 -mfma, called only where the
// processor has both. Holds no logic of its own.
#include "cpu/ema_cpu_kernel.h"

namespace ema {

const CpuKernels kAvx2Kernels = MakeKernels("avx2");

}  // namespace ema
