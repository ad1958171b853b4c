// One build of native/cpu/ema_cpu.cc with its constants changed, as a library for chunk.cc.
// Made by bench/update/chunk.ts; no part of the package.
#include "cpu/ema_cpu.h"

extern "C" __attribute__((visibility("default"))) void RunUpdate(const ema::Update* update,
                                                                 int threads) {
  ema::SetCpuThreads(threads);
  ema::CpuUpdate(*update);
}
