// The CUDA driver API as a typed table of functions found in the driver that TensorFlow loaded.
// No decisions and no CUDA header: one binary serves machines with and without a GPU.
#pragma once

#include <cstddef>
#include <cstdint>

#include "status.h"

namespace ema {

// Types and values of cuda.h; part of its stable C ABI.
using CUresult = int;
using CUcontext = struct CUctx_st*;
using CUmodule = struct CUmod_st*;
using CUfunction = struct CUfunc_st*;
using CUstream = struct CUstream_st*;
using CUdevice = int;
using CUdeviceptr = unsigned long long;  // NOLINT: the ABI's own type

constexpr CUresult kCudaSuccess = 0;

enum class CUjit_option : int { kErrorLogBuffer = 5, kErrorLogBufferSizeBytes = 6 };
enum class CUpointer_attribute : int { kDeviceOrdinal = 9 };

struct CudaApi {
  CUresult (*cuGetErrorName)(CUresult, const char**);
  CUresult (*cuGetErrorString)(CUresult, const char**);
  CUresult (*cuCtxGetCurrent)(CUcontext*);
  CUresult (*cuCtxGetDevice)(CUdevice*);
  CUresult (*cuCtxSynchronize)();
  CUresult (*cuStreamSynchronize)(CUstream);
  CUresult (*cuStreamGetCtx)(CUstream, CUcontext*);
  CUresult (*cuPointerGetAttribute)(void* value, CUpointer_attribute, CUdeviceptr);
  CUresult (*cuModuleLoadDataEx)(CUmodule*, const void* image, unsigned options, CUjit_option*,
                                 void** values);
  CUresult (*cuModuleUnload)(CUmodule);
  CUresult (*cuModuleGetFunction)(CUfunction*, CUmodule, const char* name);
  CUresult (*cuLaunchKernel)(CUfunction, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                             unsigned block_x, unsigned block_y, unsigned block_z,
                             unsigned shared_bytes, CUstream, void** parameters, void** extra);
  CUresult (*cuMemsetD32Async)(CUdeviceptr, unsigned value, size_t count, CUstream);
};

// The table, once FindCuda has succeeded.
const CudaApi& Driver();

// Looks for a loaded CUDA driver and fills the table. Fails with the names of what is missing. Not
// thread-safe: call it once.
Status FindCuda();

// Success, or "`call` failed: CUDA_ERROR_... (what the driver says)".
Status FromCuda(const char* call, CUresult result);

inline CUdeviceptr DeviceAddress(const void* p) { return reinterpret_cast<uintptr_t>(p); }

}  // namespace ema
