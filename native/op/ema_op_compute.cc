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

// Input checks that update, read and statistics share.
struct AverageInputs {
  OpInputs inputs;
  WeightList weights;
  ArenaView arena;
  int averages = 0;  // 0 where every weight is empty

  // Inputs `first` to the last are weights.
  Status Load(const KernelState& state, TF_OpKernelContext* context, int first) {
    if (Status status = inputs.Load(context); !status.ok()) return status;
    weights = WeightsFrom(inputs, first);
    if (Status status = ArenaFrom(inputs, weights, &arena); !status.ok()) return status;
    if (state.compensated && arena.rows % 2 != 0) {
      return Status::Failure("a compensated arena must have an even number of rows, it has " +
                             std::to_string(arena.rows));
    }
    averages = static_cast<int>(state.compensated ? arena.rows / 2 : arena.rows);
    return Status();
  }

  int count() const { return static_cast<int>(weights.segments.size()); }
};

template <typename Device>
Status UpdateArena(const KernelState& state, OpCall* call) {
  AverageInputs in;
  std::vector<float> alphas;
  if (Status status = in.Load(state, call->context(), 2); !status.ok()) return status;
  if (in.averages == 0) return Status();
  if (Status status = AlphasFrom(in.inputs, {1, in.averages, in.count()}, &alphas); !status.ok()) {
    return status;
  }
  const std::vector<Group> groups =
      GroupByAlphas(in.weights, alphas, static_cast<size_t>(in.averages));
  Device device(call->context());
  if (Status status = Begin(call, &device); !status.ok()) return status;
  for (const Group& group : groups) {
    const Update update = MakeUpdate(in.arena, in.weights, in.averages, state.compensated,
                                     group.alphas, group.segments);
    if (Status status = device.Run(update); !status.ok()) return status;
  }
  return device.End();
}

// The row to read, and an alpha for each weight: how far ahead.
Status ReadingFrom(const KernelState& state, const AverageInputs& in, int64_t* row,
                   std::vector<float>* alphas) {
  if (Status status = RowFrom(in.inputs, 1, in.arena.rows, row); !status.ok()) return status;
  if (Status status = AlphasFrom(in.inputs, {2, 1, in.count()}, alphas); !status.ok())
    return status;
  if (alphas->size() == 1) alphas->resize(in.weights.segments.size(), alphas->front());
  const bool is_low_part = state.compensated && *row >= in.averages;
  const bool moves = std::any_of(alphas->begin(), alphas->end(), [](float a) { return a != 0; });
  if (!is_low_part || !moves || in.averages == 0) return Status();
  return Status::Failure("low parts are read as they are: alpha must be 0");
}

template <typename Device>
Status ReadRow(const KernelState& state, OpCall* call) {
  AverageInputs in;
  int64_t row = 0;
  std::vector<float> alphas;
  if (Status status = in.Load(state, call->context(), 3); !status.ok()) return status;
  if (Status status = ReadingFrom(state, in, &row, &alphas); !status.ok()) return status;
  std::vector<TfTensor> outputs(in.weights.segments.size());
  std::vector<Reading> readings(outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    const int index = static_cast<int>(i);
    TfTensor weight;
    if (Status status = InputOf(call->context(), 3 + index, &weight); !status.ok()) return status;
    Status status = AllocateOutput(call->context(), index, ShapeOf(weight.get()), &outputs[i]);
    if (!status.ok()) return status;
    const Segment& segment = in.weights.segments[i];
    readings[i] = {in.arena.data + row * in.weights.row_stride + segment.offset, segment.weight,
                   FloatsOf(outputs[i]), segment.size, alphas[i]};
  }
  Device device(call->context());
  if (Status status = Begin(call, &device); !status.ok()) return status;
  const int64_t low_parts = state.compensated ? in.averages * in.weights.row_stride : 0;
  Status status = device.ReadAll({readings.data(), in.count(), low_parts});
  if (!status.ok()) return status;
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
  if (Status status = RowFrom(inputs, 1, arena.rows, &row); !status.ok()) return status;
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
  AverageInputs in;
  if (Status status = in.Load(state, call->context(), 4); !status.ok()) return status;
  if (in.averages == 0) return Status::Failure("statistics of a model without elements");
  std::vector<float> alphas;
  std::vector<float> ahead;
  int64_t from = 0;
  // One alpha per average: figures of weights with others are asked for one after the other.
  if (Status status = AlphasFrom(in.inputs, {1, in.averages, 1}, &alphas); !status.ok())
    return status;
  if (Status status = AlphasFrom(in.inputs, {2, in.averages, 1}, &ahead); !status.ok())
    return status;
  if (Status status = RowFrom(in.inputs, 3, in.averages, &from); !status.ok()) return status;
  constexpr int64_t kFigures = sizeof(Statistics) / sizeof(float);
  TfTensor out;
  Status allocated = AllocateOutput(call->context(), 0, {in.count(), in.averages, kFigures}, &out);
  if (!allocated.ok()) return allocated;
  Device device(call->context());
  if (Status status = Begin(call, &device); !status.ok()) return status;
  const Update next = MakeUpdate(in.arena, in.weights, in.averages, state.compensated,
                                 alphas.data(), in.weights.segments);
  Statistics* const figures = reinterpret_cast<Statistics*>(FloatsOf(out));
  Status status = device.Measure({next, ahead.data(), static_cast<int>(from)}, figures);
  if (!status.ok()) return status;
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
  static constexpr OpFunctions functions{Create<Attributes::kCompensated>, Call<ReadRow<Host>>,
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
