// The kernels of each operation as the functions that TensorFlow calls.
// Nothing is registered here.
#pragma once

struct TF_OpKernelConstruction;
struct TF_OpKernelContext;

namespace ema {

using CreateFunction = void* (*)(TF_OpKernelConstruction*);
using ComputeFunction = void (*)(void*, TF_OpKernelContext*);
using DestroyFunction = void (*)(void*);

// TensorFlow calls create once per kernel, compute on any of its threads, destroy when it drops the
// kernel. All are noexcept.
struct OpFunctions {
  CreateFunction create;
  ComputeFunction compute_cpu;
  ComputeFunction compute_gpu;
  DestroyFunction destroy;
};

const OpFunctions& CreateFunctions();
const OpFunctions& UpdateFunctions();
const OpFunctions& ReadFunctions();
const OpFunctions& WriteFunctions();
const OpFunctions& StatsFunctions();

}  // namespace ema
