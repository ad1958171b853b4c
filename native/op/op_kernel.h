// One kernel as TensorFlow makes and drops it: the attributes of its op.
// Computes nothing.
#pragma once

#include <cstdint>
#include <memory>

#include "op/tf_api.h"
#include "status.h"

namespace ema {

// The attributes of one kernel, read once when TensorFlow creates it.
struct KernelState {
  int32_t rows = 0;
  int32_t zero_rows = 0;
  bool compensated = false;
};

// Reads the attributes that the op has; `Attributes` names them.
enum class Attributes { kNone, kRows, kCompensated };

template <Attributes kAttributes>
Status ReadAttributes(TF_OpKernelConstruction* construction, KernelState* state) {
  const TfStatus status = NewTfStatus();
  if constexpr (kAttributes == Attributes::kRows) {
    Tf().OpKernelConstruction_GetAttrInt32(construction, "rows", &state->rows, status.get());
    if (Status read = FromTf(status.get()); !read.ok()) return read;
    Tf().OpKernelConstruction_GetAttrInt32(construction, "zero_rows", &state->zero_rows,
                                           status.get());
  }
  if constexpr (kAttributes == Attributes::kCompensated) {
    unsigned char value = 0;
    Tf().OpKernelConstruction_GetAttrBool(construction, "compensated", &value, status.get());
    state->compensated = value != 0;
  }
  return FromTf(status.get());
}

template <Attributes kAttributes>
void* Create(TF_OpKernelConstruction* construction) noexcept {
  try {
    auto state = std::make_unique<KernelState>();
    const Status read = ReadAttributes<kAttributes>(construction, state.get());
    if (read.ok()) return state.release();  // TensorFlow holds it until Destroy
    const TfStatus status = NewTfStatus();
    Tf().SetStatus(status.get(), TfCode::kInvalidArgument, read.message().c_str());
    Tf().OpKernelConstruction_Failure(construction, status.get());
  } catch (...) {
    const TfStatus status = NewTfStatus();
    Tf().SetStatus(status.get(), TfCode::kInternal, "tfjs-ema: no memory for a kernel");
    Tf().OpKernelConstruction_Failure(construction, status.get());
  }
  return nullptr;
}

inline void Destroy(void* state) noexcept {
  const std::unique_ptr<KernelState> taken_back(static_cast<KernelState*>(state));
}

}  // namespace ema
