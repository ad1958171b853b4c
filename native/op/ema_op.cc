// Definition and registration of the operations, once per loaded image.
// Computes nothing.
#include "op/ema_op.h"

#include <cstdint>
#include <cstdio>
#include <mutex>

#include "cuda/ema_cuda.h"
#include "op/ema_op_compute.h"
#include "op/tf_api.h"
#include "op/tf_stream.h"

namespace ema {
namespace {

// TensorFlow aborts the process when a name is registered twice. Two copies of this addon (two
// versions in one application) are two images, and the address of a static tells them apart.
std::string Suffix() {
  static const char anchor = 0;
  char text[2 * sizeof(void*) + 1];
  std::snprintf(text, sizeof(text), "%llx",
                static_cast<unsigned long long>(reinterpret_cast<uintptr_t>(&anchor)));
  return text;
}

void UnknownShape(TF_ShapeInferenceContext* context, TF_Status* status) noexcept {
  Tf().ShapeInferenceContextSetUnknownShape(context, status);
}

struct Definition {
  std::string name;
  std::vector<const char*> attributes, inputs, outputs;
  std::vector<const char*> host_inputs;  // stay in host memory on every device
  const OpFunctions& functions;
};

Status Define(const Definition& definition) {
  TF_OpDefinitionBuilder* const builder = Tf().NewOpDefinitionBuilder(definition.name.c_str());
  for (const char* spec : definition.attributes) Tf().OpDefinitionBuilderAddAttr(builder, spec);
  for (const char* spec : definition.inputs) Tf().OpDefinitionBuilderAddInput(builder, spec);
  for (const char* spec : definition.outputs) Tf().OpDefinitionBuilderAddOutput(builder, spec);
  // Stateful: never folded, never deduplicated, never run twice.
  Tf().OpDefinitionBuilderSetIsStateful(builder, true);
  Tf().OpDefinitionBuilderSetShapeInferenceFunction(builder, UnknownShape);
  const TfStatus status = NewTfStatus();
  Tf().RegisterOpDefinition(builder, status.get());  // takes the builder
  return FromTf(status.get());
}

Status AddKernel(const Definition& definition, const char* device, ComputeFunction compute) {
  TF_KernelBuilder* const builder =
      Tf().NewKernelBuilder(definition.name.c_str(), device, definition.functions.create, compute,
                            definition.functions.destroy);
  for (const char* input : definition.host_inputs) Tf().KernelBuilder_HostMemory(builder, input);
  const TfStatus status = NewTfStatus();
  const std::string label = definition.name + device;
  Tf().RegisterKernelBuilder(label.c_str(), builder, status.get());  // takes the builder
  return FromTf(status.get());
}

std::vector<Definition> Definitions(const OpNames& names) {
  return {
      {names.create,
       {"N: int >= 1", "rows: int >= 1", "zero_rows: int >= 0"},
       {"weights: N * float"},
       {"arena: float"},
       {},
       CreateFunctions()},
      {names.update,
       {"N: int >= 1", "compensated: bool = false"},
       {"arena: float", "alpha: int32", "weights: N * float"},
       {},
       {"alpha"},
       UpdateFunctions()},
      {names.read,
       {"N: int >= 1", "compensated: bool = false"},
       {"arena: float", "coefficients: int32", "alpha: int32", "weights: N * float"},
       {"values: N * float"},
       {"coefficients", "alpha"},
       ReadFunctions()},
      {names.write,
       {"N: int >= 1"},
       {"arena: float", "row: int32", "values: N * float"},
       {},
       {"row"},
       WriteFunctions()},
      {names.stats,
       {"N: int >= 1", "compensated: bool"},
       {"arena: float", "alpha: int32", "ahead: int32", "from: int32", "weights: N * float"},
       {"statistics: float"},
       {"alpha", "ahead", "from"},
       StatsFunctions()},
  };
}

Status RegisterAll(Registration* registration) {
  const std::string suffix = Suffix();
  registration->ops = {"TfjsEmaCreate" + suffix, "TfjsEmaUpdate" + suffix, "TfjsEmaRead" + suffix,
                       "TfjsEmaWrite" + suffix, "TfjsEmaStats" + suffix};
  const Status cuda = CudaFindDriver();
  FindStreamSymbols();
  registration->devices = {"CPU"};
  if (cuda.ok()) registration->devices.push_back("GPU");
  registration->gpu_reason = cuda.message();
  for (const Definition& definition : Definitions(registration->ops)) {
    Status status = Define(definition);
    if (status.ok()) status = AddKernel(definition, "CPU", definition.functions.compute_cpu);
    if (status.ok() && cuda.ok()) {
      status = AddKernel(definition, "GPU", definition.functions.compute_gpu);
    }
    if (!status.ok()) return status;
  }
  return Status();
}

}  // namespace

Status RegisterOps(Registration* registration) {
  static std::mutex mutex;
  static bool tried = false;  // past the point where a second try would register a name twice
  static Status outcome;
  static Registration kept;
  const std::lock_guard<std::mutex> lock(mutex);
  if (!tried) {
    if (Status status = FindTensorFlow(); !status.ok()) return status;
    // Until it has ended: what has no memory throws.
    outcome = Status::Failure("an earlier registration failed half-way: start the process anew");
    tried = true;
    kept.tensorflow = Tf().Version();
    kept.tensorflow_path = TensorFlowPath();
    outcome = RegisterAll(&kept);
  }
  *registration = kept;
  return outcome;
}

}  // namespace ema
