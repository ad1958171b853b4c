// What a kernel needs from its compiler (clang without CUDA's headers, or nvcc): indices, accesses.
// No arithmetic. A host that emulates the device (test/native/fake-cuda) brings its own.
#pragma once

#include <cstdint>

#if defined(__CUDA__) || defined(__CUDACC__)

#if defined(__clang__) && !defined(__CUDACC__) && !defined(__global__)
#define __global__ __attribute__((global))
#define __device__ __attribute__((device))
#define __host__ __attribute__((host))
#define __shared__ __attribute__((shared))
#define __forceinline__ __inline__ __attribute__((always_inline))
#define __launch_bounds__(...) __attribute__((launch_bounds(__VA_ARGS__)))
#endif

namespace ema {

// Kernel parameters stay in the constant bank: by value for the device, and never copied by it.
template <typename T>
using KernelParameter = const T;

// Sixteen bytes, one memory access.
struct alignas(16) Vector4 {
  float lane[4];
};

#if defined(__clang__) && !defined(__CUDACC__)
__device__ __forceinline__ uint32_t ThreadIndex() { return __nvvm_read_ptx_sreg_tid_x(); }
__device__ __forceinline__ uint32_t BlockIndex() { return __nvvm_read_ptx_sreg_ctaid_x(); }
__device__ __forceinline__ uint32_t BlockIndexY() { return __nvvm_read_ptx_sreg_ctaid_y(); }
#else
__device__ __forceinline__ uint32_t ThreadIndex() { return threadIdx.x; }
__device__ __forceinline__ uint32_t BlockIndex() { return blockIdx.x; }
__device__ __forceinline__ uint32_t BlockIndexY() { return blockIdx.y; }
#endif

__device__ __forceinline__ void BlockBarrier() { __syncthreads(); }

__device__ __forceinline__ bool IsVectorAligned(const float* p) {
  return reinterpret_cast<uint64_t>(p) % sizeof(Vector4) == 0;
}

// Every pointer of a table is into global memory; the compiler cannot know, hence the instructions
// by name. `volatile` keeps the order of the source: all loads of a batch before its first store.
__device__ __forceinline__ Vector4 LoadVector(const float* p) {
  Vector4 v;
  asm volatile("ld.global.v4.f32 {%0, %1, %2, %3}, [%4];"
               : "=f"(v.lane[0]), "=f"(v.lane[1]), "=f"(v.lane[2]), "=f"(v.lane[3])
               : "l"(p));
  return v;
}

__device__ __forceinline__ float LoadFloat(const float* p) {
  float v;
  asm volatile("ld.global.f32 %0, [%1];" : "=f"(v) : "l"(p));
  return v;
}

// `.cs`: evict first. A shadow is not touched again until the next update, the weights are: they
// keep the cache.
__device__ __forceinline__ Vector4 LoadVectorOnce(const float* p) {
  Vector4 v;
  asm volatile("ld.global.cs.v4.f32 {%0, %1, %2, %3}, [%4];"
               : "=f"(v.lane[0]), "=f"(v.lane[1]), "=f"(v.lane[2]), "=f"(v.lane[3])
               : "l"(p));
  return v;
}

__device__ __forceinline__ void StoreVectorOnce(float* p, Vector4 v) {
  asm volatile("st.global.cs.v4.f32 [%0], {%1, %2, %3, %4};" ::"l"(p), "f"(v.lane[0]),
               "f"(v.lane[1]), "f"(v.lane[2]), "f"(v.lane[3])
               : "memory");
}

__device__ __forceinline__ void StoreVector(float* p, Vector4 v) {
  asm volatile("st.global.v4.f32 [%0], {%1, %2, %3, %4};" ::"l"(p), "f"(v.lane[0]), "f"(v.lane[1]),
               "f"(v.lane[2]), "f"(v.lane[3])
               : "memory");
}

__device__ __forceinline__ void StoreFloat(float* p, float v) {
  asm volatile("st.global.f32 [%0], %1;" ::"l"(p), "f"(v) : "memory");
}

}  // namespace ema

#elif !defined(EMA_EMULATED_DEVICE)
#error "ema_kernel.cu is compiled by tools/native/ptx.mjs, or on a host by test/native/fake-cuda"
#endif
