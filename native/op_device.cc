// The GPU side of op_device.h that depends on which stream was found.
// No kernel launches here.
#include "op_device.h"

namespace ema {

Status Cuda::Begin() {
  if (Status status = StreamOf(context_, &choice_); !status.ok()) return status;
  return choice_.must_synchronise ? CudaSynchroniseContext() : Status();
}

Status Cuda::End() {
  return choice_.must_synchronise ? CudaSynchroniseStream(choice_.stream) : Status();
}

}  // namespace ema
