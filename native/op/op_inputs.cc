// Checks of a kernel's inputs: count, sizes, overlap, ranges.
// Reads device pointers as numbers only; writes nothing.
#include "op/op_inputs.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>

namespace ema {
namespace {

bool Overlap(const float* a, int64_t a_size, const float* b, int64_t b_size) {
  const auto a_start = reinterpret_cast<uintptr_t>(a);
  const auto b_start = reinterpret_cast<uintptr_t>(b);
  const auto a_end = a_start + static_cast<uintptr_t>(a_size) * sizeof(float);
  const auto b_end = b_start + static_cast<uintptr_t>(b_size) * sizeof(float);
  return a_size > 0 && b_size > 0 && a_start < b_end && b_start < a_end;
}

int64_t ElementsOf(const TF_Tensor* tensor) {
  int64_t size = 1;
  for (int d = 0; d < Tf().NumDims(tensor); ++d) size *= Tf().Dim(tensor, d);
  return size;
}

}  // namespace

Status OpInputs::Load(TF_OpKernelContext* context) {
  const int count = Tf().NumInputs(context);
  inputs_.reserve(static_cast<size_t>(count));
  const TfStatus status = NewTfStatus();
  for (int i = 0; i < count; ++i) {
    TF_Tensor* tensor = nullptr;
    Tf().GetInput(context, i, &tensor, status.get());
    if (Tf().GetCode(status.get()) != TfCode::kOk) return FromTf(status.get());
    const TfTensor held(tensor);
    inputs_.push_back({Tf().TensorData(tensor), ElementsOf(tensor)});
  }
  return Status();
}

Status InputOf(TF_OpKernelContext* context, int index, TfTensor* tensor) {
  const TfStatus status = NewTfStatus();
  TF_Tensor* taken = nullptr;
  Tf().GetInput(context, index, &taken, status.get());
  tensor->reset(taken);
  return FromTf(status.get());
}

WeightList WeightsFrom(const OpInputs& inputs, int first) {
  WeightList list;
  list.segments.reserve(static_cast<size_t>(inputs.count() - first));
  for (int i = first; i < inputs.count(); ++i) {
    const int64_t size = inputs.size(i);
    list.segments.push_back({inputs.data<const float>(i), list.row_stride, size});
    list.row_stride += AlignedSize(size);
  }
  list.row_stride = RowStride(list.row_stride);
  return list;
}

Status ArenaFrom(const OpInputs& inputs, const WeightList& weights, ArenaView* arena) {
  const int64_t size = inputs.size(0);
  const int64_t stride = weights.row_stride;
  if (stride == 0 ? size != 0 : size == 0 || size % stride != 0) {
    return Status::Failure("the weights do not fit the arena: a row of them takes " +
                           std::to_string(stride) + " floats, the arena has " +
                           std::to_string(size) +
                           "; the model's weights changed after the average was attached");
  }
  arena->data = inputs.data<float>(0);
  arena->rows = stride == 0 ? 0 : size / stride;
  for (size_t i = 0; i < weights.segments.size(); ++i) {
    const Segment& segment = weights.segments[i];
    if (Overlap(arena->data, size, segment.weight, segment.size)) {
      return Status::Failure("weight " + std::to_string(i) +
                             " shares memory with the arena of shadows");
    }
  }
  return Status();
}

Status RowFrom(const OpInputs& inputs, int index, int64_t rows, int64_t* row) {
  if (inputs.size(index) != 1) return Status::Failure("row must be one int32 number");
  *row = *inputs.data<const int32_t>(index);
  const bool empty_model = rows == 0;
  if (*row >= 0 && (empty_model || *row < rows)) return Status();
  return Status::Failure("row must be in 0 to " + std::to_string(rows - 1) + ", received " +
                         std::to_string(*row));
}

Status CoefficientsFrom(const OpInputs& inputs, int index, int64_t rows,
                        std::vector<double>* coefficients) {
  if (rows == 0) return Status();
  const int64_t size = inputs.size(index);
  if (size != 2 * rows) {
    return Status::Failure("coefficients must be " + std::to_string(rows) +
                           " float64 numbers, received " + std::to_string(size) +
                           " halves of them");
  }
  coefficients->resize(static_cast<size_t>(rows));
  std::memcpy(coefficients->data(), inputs.data<const int32_t>(index),
              static_cast<size_t>(rows) * sizeof(double));
  bool is_any = false;
  for (const double coefficient : *coefficients) {
    if (!std::isfinite(coefficient)) {
      return Status::Failure("coefficients must be finite, received " +
                             std::to_string(coefficient));
    }
    is_any = is_any || coefficient != 0;
  }
  return is_any ? Status() : Status::Failure("a coefficient must be other than 0");
}

Status AlphasFrom(const OpInputs& inputs, const AlphaInput& wanted, std::vector<float>* alphas) {
  const int64_t count = inputs.size(wanted.index);
  const int64_t averages = wanted.averages;
  const int64_t all = averages * wanted.weights;
  if (count < 1 || (count != averages && count != all)) {
    return Status::Failure("alpha must have " + std::to_string(averages) + " numbers, or " +
                           std::to_string(all) + ", received " + std::to_string(count));
  }
  alphas->resize(static_cast<size_t>(count));
  std::memcpy(alphas->data(), inputs.data<const int32_t>(wanted.index),
              static_cast<size_t>(count) * sizeof(float));
  for (const float alpha : *alphas) {
    if (!(alpha >= 0.0f && alpha <= 1.0f)) {  // also refuses NaN
      return Status::Failure("alpha must be in [0, 1], received " + std::to_string(alpha));
    }
  }
  return Status();
}

}  // namespace ema
