// What each operation does when TensorFlow calls it: load inputs, check everything, then write.
// The arithmetic is in ema_cpu and ema_cuda.
#include "op/ema_op_compute.h"

#include <algorithm>
#include <string>

#include "cpu/ema_cpu.h"
#include "op/op_call.h"
#include "op/op_device.h"
#include "op/op_inputs.h"
#include "op/op_kernel.h"
#include "op/tf_api.h"

namespace ema {
namespace {

Status AllocateOutput(TF_OpKernelContext* context, int index, const std::vector<int64_t>& dims,
                      TfTensor* tensor) {
  int64_t size = 1;
  for (const int64_t dim : dims) size *= dim;
  const TfStatus status = NewTfStatus();
  tensor->reset(Tf().AllocateOutput(context, index, TfType::kFloat, dims.data(),
                                    static_cast<int>(dims.size()),
                                    static_cast<size_t>(size) * sizeof(float), status.get()));
  return FromTf(status.get());
}

float* FloatsOf(const TfTensor& tensor) {
  return static_cast<float*>(Tf().TensorData(tensor.get()));
}

std::vector<int64_t> ShapeOf(const TF_Tensor* tensor) {
  std::vector<int64_t> dims(static_cast<size_t>(Tf().NumDims(tensor)));
  for (size_t d = 0; d < dims.size(); ++d) dims[d] = Tf().Dim(tensor, static_cast<int>(d));
  return dims;
}

// Everything was checked: what fails from here on may have written.
template <typename Device>
Status Begin(OpCall* call, Device* device) {
  call->MayWriteFromHere();
  return device->Begin();
}

template <typename Device>
Status CreateArena(const KernelState& state, OpCall* call) {
  OpInputs inputs;
  if (Status status = inputs.Load(call->context()); !status.ok()) return status;
  const WeightList weights = WeightsFrom(inputs, 0);
  const int64_t rows = int64_t{state.rows} + state.zero_rows;
  TfTensor arena;
  if (Status status = AllocateOutput(call->context(), 0, {rows * weights.row_stride}, &arena);
      !status.ok()) {
    return status;
  }
  float* const data = FloatsOf(arena);
  std::vector<Copy> copies;
  copies.reserve(weights.segments.size() * static_cast<size_t>(state.rows));
  for (int64_t row = 0; row < state.rows; ++row) {
    for (const Segment& segment : weights.segments) {
      copies.push_back(
          {segment.weight, data + row * weights.row_stride + segment.offset, segment.size});
    }
  }
  Device device(call->context());
  if (Status status = Begin(call, &device); !status.ok()) return status;
  device.WillFill(data, rows * weights.row_stride);
  if (Status status = device.Zero(data, rows * weights.row_stride); !status.ok()) return status;
  if (Status status = device.CopyAll(copies); !status.ok()) return status;
  return device.End();
}

// Weights whose averages move by the same alphas: one pass of the kernel.
struct Group {
  const float* alphas;
  std::vector<Segment> segments;
};

// One group unless each weight has its own alphas (per-layer decays, of which a model has a few).
std::vector<Group> GroupByAlphas(const WeightList& weights, const std::vector<float>& alphas,
                                 size_t averages) {
  if (alphas.size() == averages) return {{alphas.data(), weights.segments}};
  std::vector<Group> groups;
  for (size_t i = 0; i < weights.segments.size(); ++i) {
    const float* const own = alphas.data() + i * averages;
    auto group = std::find_if(groups.begin(), groups.end(), [&](const Group& g) {
      return std::equal(own, own + averages, g.alphas);
    });
    if (group == groups.end()) group = groups.insert(groups.end(), {own, {}});
    group->segments.push_back(weights.segments[i]);
  }
  return groups;
}

Update MakeUpdate(const ArenaView& arena, const WeightList& weights, int averages, bool compensated,
                  const float* alphas, const std::vector<Segment>& segments) {
  return {arena.data,
          weights.row_stride,
          averages,
          alphas,
          compensated,
          segments.data(),
          static_cast<int>(segments.size())};
}

// Input checks that update and statistics share.
struct UpdateInputs {
  OpInputs inputs;
  WeightList weights;
  ArenaView arena;
  std::vector<float> alphas;
  int averages = 0;

  Status Load(const KernelState& state, TF_OpKernelContext* context) {
    if (Status status = inputs.Load(context); !status.ok()) return status;
    weights = WeightsFrom(inputs, 2);
    if (Status status = ArenaFrom(inputs, weights, &arena); !status.ok()) return status;
    if (arena.rows == 0) return Status();  // every weight is empty
    if (state.compensated && arena.rows % 2 != 0) {
      return Status::Failure("a compensated arena must have an even number of rows, it has " +
                             std::to_string(arena.rows));
    }
    averages = static_cast<int>(state.compensated ? arena.rows / 2 : arena.rows);
    return AlphasFrom(inputs, averages, static_cast<int>(weights.segments.size()), &alphas);
  }
};

template <typename Device>
Status UpdateArena(const KernelState& state, OpCall* call) {
  UpdateInputs in;
  if (Status status = in.Load(state, call->context()); !status.ok()) return status;
  if (in.averages == 0) return Status();
  const std::vector<Group> groups =
      GroupByAlphas(in.weights, in.alphas, static_cast<size_t>(in.averages));
  Device device(call->context());
  if (Status status = Begin(call, &device); !status.ok()) return status;
  for (const Group& group : groups) {
    const Update update = MakeUpdate(in.arena, in.weights, in.averages, state.compensated,
                                     group.alphas, group.segments);
    if (Status status = device.Run(update); !status.ok()) return status;
  }
  return device.End();
}

template <typename Device>
Status ReadRow(const KernelState&, OpCall* call) {
  OpInputs inputs;
  if (Status status = inputs.Load(call->context()); !status.ok()) return status;
  const WeightList weights = WeightsFrom(inputs, 2);
  ArenaView arena;
  int64_t row = 0;
  if (Status status = ArenaFrom(inputs, weights, &arena); !status.ok()) return status;
  if (Status status = RowFrom(inputs, arena, &row); !status.ok()) return status;
  std::vector<TfTensor> outputs(weights.segments.size());
  std::vector<Copy> copies(outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    const int index = static_cast<int>(i);
    TfTensor like;
    if (Status status = InputOf(call->context(), 2 + index, &like); !status.ok()) return status;
    Status status = AllocateOutput(call->context(), index, ShapeOf(like.get()), &outputs[i]);
    if (!status.ok()) return status;
    const Segment& segment = weights.segments[i];
    copies[i] = {arena.data + row * weights.row_stride + segment.offset, FloatsOf(outputs[i]),
                 segment.size};
  }
  Device device(call->context());
  if (Status status = Begin(call, &device); !status.ok()) return status;
  if (Status status = device.CopyAll(copies); !status.ok()) return status;
  return device.End();
}

template <typename Device>
Status WriteRow(const KernelState&, OpCall* call) {
  OpInputs inputs;
  if (Status status = inputs.Load(call->context()); !status.ok()) return status;
  const WeightList values = WeightsFrom(inputs, 2);
  ArenaView arena;
  int64_t row = 0;
  if (Status status = ArenaFrom(inputs, values, &arena); !status.ok()) return status;
  if (Status status = RowFrom(inputs, arena, &row); !status.ok()) return status;
  std::vector<Copy> copies;
  copies.reserve(values.segments.size());
  for (const Segment& segment : values.segments) {
    copies.push_back(
        {segment.weight, arena.data + row * values.row_stride + segment.offset, segment.size});
  }
  Device device(call->context());
  if (Status status = Begin(call, &device); !status.ok()) return status;
  if (Status status = device.CopyAll(copies); !status.ok()) return status;
  return device.End();
}

template <typename Device>
Status ComputeStatistics(const KernelState& state, OpCall* call) {
  UpdateInputs in;
  if (Status status = in.Load(state, call->context()); !status.ok()) return status;
  if (in.averages == 0) return Status::Failure("statistics of a model without elements");
  if (in.alphas.size() != static_cast<size_t>(in.averages)) {
    return Status::Failure("statistics take one alpha per average");
  }
  constexpr int64_t kFigures = sizeof(Statistics) / sizeof(float);
  const auto weight_count = static_cast<int64_t>(in.weights.segments.size());
  TfTensor out;
  Status allocated =
      AllocateOutput(call->context(), 0, {weight_count, in.averages, kFigures}, &out);
  if (!allocated.ok()) return allocated;
  Device device(call->context());
  if (Status status = Begin(call, &device); !status.ok()) return status;
  const Update update = MakeUpdate(in.arena, in.weights, in.averages, state.compensated,
                                   in.alphas.data(), in.weights.segments);
  Statistics* const figures = reinterpret_cast<Statistics*>(FloatsOf(out));
  if (Status status = device.Measure(update, figures); !status.ok()) return status;
  return device.End();
}

using Compute = Status (*)(const KernelState&, OpCall*);

template <Compute kCompute>
void Call(void* state, TF_OpKernelContext* context) noexcept {
  OpCall call(context);
  call.Run([&] { return kCompute(*static_cast<const KernelState*>(state), &call); });
}

}  // namespace

const OpFunctions& CreateFunctions() {
  static constexpr OpFunctions functions{Create<Attributes::kRows>, Call<CreateArena<Host>>,
                                         Call<CreateArena<Cuda>>, Destroy};
  return functions;
}

const OpFunctions& UpdateFunctions() {
  static constexpr OpFunctions functions{Create<Attributes::kCompensated>, Call<UpdateArena<Host>>,
                                         Call<UpdateArena<Cuda>>, Destroy};
  return functions;
}

const OpFunctions& ReadFunctions() {
  static constexpr OpFunctions functions{Create<Attributes::kNone>, Call<ReadRow<Host>>,
                                         Call<ReadRow<Cuda>>, Destroy};
  return functions;
}

const OpFunctions& WriteFunctions() {
  static constexpr OpFunctions functions{Create<Attributes::kNone>, Call<WriteRow<Host>>,
                                         Call<WriteRow<Cuda>>, Destroy};
  return functions;
}

const OpFunctions& StatsFunctions() {
  static constexpr OpFunctions functions{Create<Attributes::kCompensated>,
                                         Call<ComputeStatistics<Host>>,
                                         Call<ComputeStatistics<Cuda>>, Destroy};
  return functions;
}

}  // namespace ema
