// One call of a kernel: running it so that nothing escapes into TensorFlow, and telling the caller
// how it failed. Knows no operation.
#pragma once

#include <cstdio>
#include <exception>

#include "op/tf_api.h"
#include "status.h"

namespace ema {

class OpCall {
 public:
  explicit OpCall(TF_OpKernelContext* context) : context_(context) {}

  TF_OpKernelContext* context() const { return context_; }

  // To be called before the first write, and before the first call of a device, whose errors may be
  // those of earlier work. A failure until then is a refusal: every tensor is as it was.
  void MayWriteFromHere() { may_have_written_ = true; }

  template <typename Body>
  void Run(Body body) noexcept {
    try {
      const Status status = body();
      if (!status.ok()) Fail(TfCode::kInvalidArgument, status.message().c_str());
    } catch (const std::exception& error) {
      Fail(TfCode::kInternal, error.what());
    } catch (...) {
      Fail(TfCode::kInternal, "unknown exception in a kernel");
    }
  }

 private:
  // Without allocating: what failed may have been the want of memory.
  void Fail(TfCode code, const char* reason) noexcept {
    char message[480];  // tfjs-node cuts at 500, with its own words before ours
    // NOTE(refusal): src/engine/native.ts looks for the words "refused, nothing was written".
    std::snprintf(message, sizeof(message), "tfjs-ema: %s%s",
                  may_have_written_ ? "" : "refused, nothing was written: ", reason);
    const TfStatus status = NewTfStatus();
    Tf().SetStatus(status.get(), code, message);
    Tf().OpKernelContext_Failure(context_, status.get());
  }

  TF_OpKernelContext* const context_;
  bool may_have_written_ = false;
};

}  // namespace ema
