// TensorFlow's CUDA stream of a running kernel.
// The project's one dependency on TensorFlow's C++ ABI; nothing else of it may be used elsewhere.
#pragma once

#include "cuda/ema_cuda.h"
#include "status.h"

struct TF_OpKernelContext;

namespace ema {

struct StreamChoice {
  CudaStream stream = nullptr;
  // True when the stream is unknown: the caller must synchronise the context before its work and
  // the stream after it.
  bool must_synchronise = false;
};

// Looks up what is needed, once, in the loaded TensorFlow; a missing symbol is not a failure
// (must_synchronise then says so).
void FindStreamSymbols();

// The stream on which TensorFlow runs this kernel.
Status StreamOf(TF_OpKernelContext* context, StreamChoice* choice);

}  // namespace ema
