// Running one operation on host memory: kernel choice by instruction set, threads for large models.
// Never calls TensorFlow or Node. Pointers belong to the caller and are used during the call only.
#pragma once

#include "chunk.h"

namespace ema {

// Moves every shadow in place. Runs with gradual underflow (no FTZ/DAZ) whatever the caller's
// floating-point mode, and restores it.
void CpuUpdate(const Update& update);

// Copies each entry; entries do not overlap.
void CpuCopy(const Copy* copies, int count);

// Fills the targets, which overlap nothing else; in the same floating-point mode as CpuUpdate.
void CpuRead(const Readings& readings);

// Fills the targets; in the same floating-point mode as CpuUpdate.
void CpuCombine(const Combination& combination);

// Fills out[segment * averages + k].
void CpuStatistics(const Look& look, Statistics* out);

// "baseline", "avx2" or "neon".
const char* CpuKernelName();

// Most threads that one update or read may use.
int CpuThreads();
// 0 restores the default.
void SetCpuThreads(int threads);

}  // namespace ema
