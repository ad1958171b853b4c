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

// What is read: for each weight the sum of these terms, of which there is one list for all weights,
// or one for each where they have alphas of their own.
using Terms = std::vector<Term>;

Status TermsFrom(const AverageInputs& in, const std::vector<double>& coefficients,
                 const float* alphas, Terms* terms) {
  const bool compensated = in.averages < in.arena.rows;
  for (int k = 0; k < in.averages; ++k) {
    const float alpha = alphas[k];
    const double high = coefficients[static_cast<size_t>(k)];
    const double low = compensated ? coefficients[static_cast<size_t>(in.averages + k)] : 0;
    if (high != 0) {
      const bool has_low = compensated && alpha != 1.0f && (alpha != 0 || low != 0);
      terms->push_back({k * in.weights.row_stride, high, has_low ? low : 0, alpha, has_low});
    } else if (low != 0) {
      if (alpha != 0) return Status::Failure("low parts are read as they are: alpha must be 0");
      terms->push_back({(in.averages + k) * in.weights.row_stride, low, 0, 0, 0});
    }
  }
  if (terms->size() <= kMostTerms) return Status();
  return Status::Failure("at most " + std::to_string(kMostTerms) +
                         " averages can be combined, received coefficients of " +
                         std::to_string(terms->size()));
}

Status AllTermsFrom(const AverageInputs& in, std::vector<Terms>* all) {
  std::vector<double> coefficients;
  std::vector<float> alphas;
  if (Status status = CoefficientsFrom(in.inputs, 1, in.arena.rows, &coefficients); !status.ok())
    return status;
  if (in.averages == 0) return Status();
  if (Status status = AlphasFrom(in.inputs, {2, in.averages, in.count()}, &alphas); !status.ok())
    return status;
  const auto averages = static_cast<size_t>(in.averages);
  all->resize(alphas.size() / averages);
  for (size_t i = 0; i < all->size(); ++i) {
    Status status = TermsFrom(in, coefficients, alphas.data() + i * averages, &(*all)[i]);
    if (!status.ok()) return status;
  }
  return Status();
}

bool IsOneRow(const Terms& terms) {
  return terms.size() == 1 && terms.front().high == 1 && terms.front().low == 0;
}

// One row has a pass of its own, which copies what does not move, NaN's bits included.
template <typename Device>
Status Read(const std::vector<Terms>& all, const std::vector<Place>& places, int64_t low_parts,
            Device* device) {
  const auto terms_of = [&](size_t i) -> const Terms& { return all[all.size() == 1 ? 0 : i]; };
  if (std::all_of(all.begin(), all.end(), IsOneRow)) {
    std::vector<Reading> readings;
    readings.reserve(places.size());
    for (size_t i = 0; i < places.size(); ++i) {
      const auto& [shadow, weight, target, size] = places[i];
      const Term& term = terms_of(i).front();
      readings.push_back({shadow + term.row, weight, target, size, term.alpha});
    }
    return device->ReadAll({readings.data(), static_cast<int>(readings.size()), low_parts});
  }
  if (all.size() == 1) {
    return device->Combine({all.front().data(), static_cast<int>(all.front().size()), places.data(),
                            static_cast<int>(places.size()), low_parts});
  }
  for (size_t i = 0; i < places.size(); ++i) {
    const Terms& terms = terms_of(i);
    Status status =
        device->Combine({terms.data(), static_cast<int>(terms.size()), &places[i], 1, low_parts});
    if (!status.ok()) return status;
  }
  return Status();
}

template <typename Device>
Status ReadRows(const KernelState& state, OpCall* call) {
  AverageInputs in;
  std::vector<Terms> terms;
  if (Status status = in.Load(state, call->context(), 3); !status.ok()) return status;
  if (Status status = AllTermsFrom(in, &terms); !status.ok()) return status;
  std::vector<TfTensor> outputs(in.weights.segments.size());
  std::vector<Place> places(outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    const int index = static_cast<int>(i);
    TfTensor weight;
    if (Status status = InputOf(call->context(), 3 + index, &weight); !status.ok()) return status;
    Status status = AllocateOutput(call->context(), index, ShapeOf(weight.get()), &outputs[i]);
    if (!status.ok()) return status;
    const Segment& segment = in.weights.segments[i];
    places[i] = {in.arena.data + segment.offset, segment.weight, FloatsOf(outputs[i]),
                 segment.size};
  }
  if (in.averages == 0) return Status();
  Device device(call->context());
  if (Status status = Begin(call, &device); !status.ok()) return status;
  const int64_t low_parts = state.compensated ? in.averages * in.weights.row_stride : 0;
  Status status = Read(terms, places, low_parts, &device);
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
  static constexpr OpFunctions functions{Create<Attributes::kCompensated>, Call<ReadRows<Host>>,
                                         Call<ReadRows<Cuda>>, Destroy};
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
