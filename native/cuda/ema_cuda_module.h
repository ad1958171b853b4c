// The kernels of the current CUDA context, compiled from the embedded PTX once per context.
// Knows no tensors and launches nothing but what it is told; keeps no device memory.
#pragma once

#include "chunk.h"
#include "cuda/cuda_api.h"
#include "cuda/ema_cuda.h"
#include "status.h"

namespace ema {

struct CudaKernel {
  const char* name = nullptr;
  CUfunction function = nullptr;
};

// The entry points of ema_kernel.cu; [averages - 1].
struct CudaKernels {
  CudaKernel update[kMaxFused];
  CudaKernel compensated[kMaxFused];
  CudaKernel copy;
  CudaKernel read;
  CudaKernel combine;
  CudaKernel statistics;
  CUdevice device = 0;
};

// Where an operation's launches go.
struct CudaTarget {
  const CudaKernels* kernels = nullptr;  // lives as long as the process
  CUstream stream = nullptr;
};

// Takes the current context and checks that `memory` and `stream` belong to it: work is refused on
// a device that is not CUDA's, or not the one TensorFlow made current. Thread-safe.
Status AttachCuda(const void* memory, CudaStream stream, CudaTarget* target);

struct CudaGrid {
  unsigned x;
  unsigned y;
  unsigned threads;
};

// Enqueues one launch; `table` is the kernel's one parameter, copied by the driver before this
// returns.
Status LaunchCuda(const CudaTarget& target, const CudaKernel& kernel, CudaGrid grid, void* table);

}  // namespace ema
