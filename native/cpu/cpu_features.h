// Which instructions this processor and operating system offer, asked of the processor itself.
// Chooses nothing. __builtin_cpu_supports will not do: it reads a table that the compiler's runtime
// fills, and the one in the published binaries (Zig's) leaves it empty: every answer would be no.
#pragma once

#if defined(__x86_64__)
#include <cpuid.h>

namespace ema {

inline bool HasAvx2AndFma() {
  unsigned int eax, ebx, ecx, edx;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0) return false;
  if ((ecx & bit_FMA) == 0 || (ecx & bit_OSXSAVE) == 0) return false;
  // XCR0 bits 1 and 2: the operating system saves the SSE and AVX registers.
  unsigned int low, high;
  asm("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  if ((low & 6) != 6) return false;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0) return false;
  return (ebx & bit_AVX2) != 0;
}

}  // namespace ema
#endif
