// The few functions of TensorFlow that the fake device calls, found at run time: nothing here links
// against TensorFlow. Filled by loader.cc before TensorFlow sees the device.
#pragma once

#include "tensorflow/c/experimental/stream_executor/stream_executor.h"
#include "tensorflow/c/tf_status.h"

namespace fake_gpu {

void SetStatus(TF_Status* status, TF_Code code, const char* message);

// Calls `function(argument, status)` with a status of its own.
void CallWithStatus(SE_StatusCallbackFn function, void* argument);

}  // namespace fake_gpu
