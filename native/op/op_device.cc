// What op_device.h needs on the GPU: which stream was found. No kernel launches here.
#include "op/op_device.h"

namespace ema {

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
