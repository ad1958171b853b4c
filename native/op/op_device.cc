// What op_device.h needs of the system: large pages on the host; on the GPU, which stream was
// found. No kernel launches here.
#include "op/op_device.h"

#include <sys/mman.h>

#include <cstdint>

namespace ema {

// With next-page prefetch 5 % off an update of ResNet-50 after a training step, up to 16 % with the
// weights' pages in other places (NOTE(next-page): bench/README.md). TensorFlow takes the arena
// from malloc, which takes large memory fresh from the system, so nobody has touched it yet. Only
// whole large pages are asked for: no neighbour changes.
void AskForLargePages(float* memory, int64_t size) {
#if defined(MADV_HUGEPAGE)
  constexpr uintptr_t kLargePage = uintptr_t{2} << 20;
  const auto start = reinterpret_cast<uintptr_t>(memory);
  const uintptr_t first = (start + kLargePage - 1) / kLargePage * kLargePage;
  const uintptr_t last =
      (start + static_cast<uintptr_t>(size) * sizeof(float)) / kLargePage * kLargePage;
  if (first >= last) return;
  // Fails where the kernel has no large pages: then small ones do.
  static_cast<void>(madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE));
#else
  static_cast<void>(memory);
  static_cast<void>(size);
#endif
}

Status Cuda::Begin() {
  if (Status status = StreamOf(context_, &choice_); !status.ok()) return status;
  return choice_.must_synchronise ? CudaSynchroniseContext() : Status();
}

Status Cuda::Run(const Update& update) {
  Status status = CudaUpdate(update, choice_.stream);
  if (status.ok()) update_count.gpu.fetch_add(1, std::memory_order_relaxed);
  return status;
}

Status Cuda::End() {
  return choice_.must_synchronise ? CudaSynchroniseStream(choice_.stream) : Status();
}

}  // namespace ema
