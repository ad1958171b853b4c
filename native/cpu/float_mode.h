// The floating-point mode of one thread, set for a scope.
// TensorFlow runs kernels with subnormals flushed to zero, threads of other pools without: the
// result must not depend on who runs it.
#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace ema {

// Round to nearest, gradual underflow, exceptions masked: what the GPU kernel does too. Restores
// the mode it found.
class GradualUnderflow {
 public:
  GradualUnderflow() : before_(Read()) { Write(Wanted(before_)); }
  ~GradualUnderflow() { Write(before_); }
  GradualUnderflow(const GradualUnderflow&) = delete;
  GradualUnderflow& operator=(const GradualUnderflow&) = delete;

 private:
#if defined(__x86_64__)
  using Register = unsigned int;
  static Register Read() { return _mm_getcsr(); }
  static void Write(Register value) { _mm_setcsr(value); }
  static Register Wanted(Register) { return 0x1F80; }  // the processor's default MXCSR
#elif defined(__aarch64__)
  using Register = uint64_t;
  static Register Read() {
    Register value;
    asm volatile("mrs %0, fpcr" : "=r"(value));
    return value;
  }
  static void Write(Register value) { asm volatile("msr fpcr, %0" : : "r"(value)); }
  static Register Wanted(Register) { return 0; }  // FZ, rounding mode and traps all off
#else
  using Register = int;
  static Register Read() { return 0; }
  static void Write(Register) {}
  static Register Wanted(Register value) { return value; }
#endif

  const Register before_;
};

}  // namespace ema
