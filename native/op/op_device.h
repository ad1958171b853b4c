// Host and GPU behind the same calls, so that each operation is written once.
// No checks: the operation has made them.
#pragma once

#include <cstring>
#include <vector>

#include "cpu/ema_cpu.h"
#include "cuda/ema_cuda.h"
#include "op/tf_stream.h"
#include "platform/platform.h"
#include "status.h"
#include "update_count.h"

namespace ema {

// Runs at once, on the calling thread and the pool's helpers.
class Host {
 public:
  explicit Host(TF_OpKernelContext*) {}

  Status Begin() { return Status(); }
  void WillFill(float* memory, int64_t size) {
    AskForLargePages(memory, static_cast<size_t>(size) * sizeof(float));
  }
  Status Run(const Update& update) {
    CpuUpdate(update);
    update_count.cpu.fetch_add(1, std::memory_order_relaxed);
    return Status();
  }
  Status CopyAll(const std::vector<Copy>& copies) {
    CpuCopy(copies.data(), static_cast<int>(copies.size()));
    return Status();
  }
  Status Zero(float* target, int64_t size) {
    if (size > 0) std::memset(target, 0, static_cast<size_t>(size) * sizeof(float));
    return Status();
  }
  Status ReadAll(const Readings& readings) {
    CpuRead(readings);
    return Status();
  }
  Status Combine(const Combination& combination) {
    CpuCombine(combination);
    return Status();
  }
  Status Measure(const Look& look, Statistics* out) {
    CpuStatistics(look, out);
    return Status();
  }
  Status End() { return Status(); }
};

// Enqueues on TensorFlow's stream, and so in order with the optimizer's kernels before it and the
// forward pass after it. Only when that stream cannot be found does Begin wait for the device and
// End for the default stream.
class Cuda {
 public:
  explicit Cuda(TF_OpKernelContext* context) : context_(context) {}

  Status Begin();
  void WillFill(float*, int64_t) {}
  Status Run(const Update& update);
  Status CopyAll(const std::vector<Copy>& copies) {
    return CudaCopy(copies.data(), static_cast<int>(copies.size()), choice_.stream);
  }
  Status Zero(float* target, int64_t size) { return CudaZero(target, size, choice_.stream); }
  Status ReadAll(const Readings& readings) { return CudaRead(readings, choice_.stream); }
  Status Combine(const Combination& combination) {
    return CudaCombine(combination, choice_.stream);
  }
  Status Measure(const Look& look, Statistics* out) {
    return CudaStatistics(look, out, choice_.stream);
  }
  Status End();

 private:
  TF_OpKernelContext* const context_;
  StreamChoice choice_;
};

}  // namespace ema
