// The fake GPU's functions for one device, and how its errors become TensorFlow's.
// Shared by the two halves of the pluggable device.
#pragma once

#include "tensorflow/c/experimental/stream_executor/stream_executor.h"

namespace fake_gpu {

void FillExecutor(SP_StreamExecutor* to);

// TF_OK, or the failed call and the driver's name for the error.
void SetFrom(TF_Status* status, const char* call, int result);

}  // namespace fake_gpu
