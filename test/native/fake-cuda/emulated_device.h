// The names of native/cuda/ema_device.h for a host compiler: ema_kernel.cu itself runs on the host.
// Read before any native header. Every access goes through the fake's memory, which checks it.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>

#include "memory.h"

#define EMA_EMULATED_DEVICE 1
#define __global__
#define __device__
#define __forceinline__ inline
#define __shared__ static thread_local
#define __launch_bounds__(...)

namespace ema {

template <typename T>
using KernelParameter = const T&;

struct alignas(16) Vector4 {
  float lane[4];
};

// Where the emulated thread is; set by kernels.cc.
struct Position {
  uint32_t thread = 0;
  uint32_t block_x = 0;
  uint32_t block_y = 0;
};
Position& Here();

// Lets the other threads of the block come as far.
void BlockBarrier();

inline uint32_t ThreadIndex() { return Here().thread; }
inline uint32_t BlockIndex() { return Here().block_x; }
inline uint32_t BlockIndexY() { return Here().block_y; }

inline bool IsVectorAligned(const float* p) {
  return reinterpret_cast<uint64_t>(p) % sizeof(Vector4) == 0;
}

template <typename T>
T Load(const float* p) {
  T value;
  const uint64_t address = reinterpret_cast<uint64_t>(p);
  const void* const bytes =
      address % sizeof(T) == 0 ? fake::TranslateAccess(address, sizeof(T), "load") : nullptr;
  if (bytes == nullptr) {
    if (address % sizeof(T) != 0) fake::TranslateAccess(0, sizeof(T), "misaligned load");
    std::memset(&value, 0xFF, sizeof(T));
    return value;
  }
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

template <typename T>
void Store(float* p, T value) {
  const uint64_t address = reinterpret_cast<uint64_t>(p);
  if (address % sizeof(T) != 0) {
    fake::TranslateAccess(0, sizeof(T), "misaligned store");
    return;
  }
  void* const bytes = fake::TranslateAccess(address, sizeof(T), "store");
  if (bytes != nullptr) std::memcpy(bytes, &value, sizeof(T));
}

inline Vector4 LoadVector(const float* p) { return Load<Vector4>(p); }
inline Vector4 LoadVectorOnce(const float* p) { return Load<Vector4>(p); }
inline float LoadFloat(const float* p) { return Load<float>(p); }
inline void StoreVector(float* p, Vector4 v) { Store(p, v); }
inline void StoreVectorOnce(float* p, Vector4 v) { Store(p, v); }
inline void StoreFloat(float* p, float v) { Store(p, v); }

}  // namespace ema
