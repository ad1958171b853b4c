// Finding TensorFlow among the libraries of this process, and its functions by name.
// Loads nothing: only what tfjs-node has already loaded is looked at.
#include "op/tf_api.h"

#include <vector>

#include "platform/platform.h"

namespace ema {
namespace {

TfApi api;
std::string library_path;
Library library = nullptr;

struct Entry {
  const char* name;
  void* slot;
};

std::vector<Entry> Entries() {
  return {
      {"TF_Version", &api.Version},
      {"TF_NewStatus", &api.NewStatus},
      {"TF_DeleteStatus", &api.DeleteStatus},
      {"TF_SetStatus", &api.SetStatus},
      {"TF_GetCode", &api.GetCode},
      {"TF_Message", &api.Message},
      {"TF_TensorData", &api.TensorData},
      {"TF_NumDims", &api.NumDims},
      {"TF_Dim", &api.Dim},
      {"TF_DeleteTensor", &api.DeleteTensor},
      {"TF_NewOpDefinitionBuilder", &api.NewOpDefinitionBuilder},
      {"TF_OpDefinitionBuilderAddAttr", &api.OpDefinitionBuilderAddAttr},
      {"TF_OpDefinitionBuilderAddInput", &api.OpDefinitionBuilderAddInput},
      {"TF_OpDefinitionBuilderAddOutput", &api.OpDefinitionBuilderAddOutput},
      {"TF_OpDefinitionBuilderSetIsStateful", &api.OpDefinitionBuilderSetIsStateful},
      {"TF_OpDefinitionBuilderSetShapeInferenceFunction",
       &api.OpDefinitionBuilderSetShapeInferenceFunction},
      {"TF_ShapeInferenceContextSetUnknownShape", &api.ShapeInferenceContextSetUnknownShape},
      {"TF_RegisterOpDefinition", &api.RegisterOpDefinition},
      {"TF_NewKernelBuilder", &api.NewKernelBuilder},
      {"TF_KernelBuilder_HostMemory", &api.KernelBuilder_HostMemory},
      {"TF_RegisterKernelBuilder", &api.RegisterKernelBuilder},
      {"TF_OpKernelConstruction_GetAttrInt32", &api.OpKernelConstruction_GetAttrInt32},
      {"TF_OpKernelConstruction_GetAttrBool", &api.OpKernelConstruction_GetAttrBool},
      {"TF_OpKernelConstruction_Failure", &api.OpKernelConstruction_Failure},
      {"TF_NumInputs", &api.NumInputs},
      {"TF_GetInput", &api.GetInput},
      {"TF_AllocateOutput", &api.AllocateOutput},
      {"TF_OpKernelContext_Failure", &api.OpKernelContext_Failure},
  };
}

// Both: libtensorflow_framework alone has the second, and its dependants reach it through their own
// handle.
bool HasKernelApi(Library candidate) {
  return SymbolOf(candidate, "TF_Version") != nullptr &&
         SymbolOf(candidate, "TF_NewKernelBuilder") != nullptr;
}

}  // namespace

const TfApi& Tf() { return api; }

const std::string& TensorFlowPath() { return library_path; }

void* TensorFlowSymbol(const char* name) {
  return library == nullptr ? nullptr : SymbolOf(library, name);
}

Status FindTensorFlow() {
  const std::vector<std::string> paths = LoadedLibraries("tensorflow");
  for (const std::string& path : paths) {
    Library candidate = OpenLoaded(path);
    if (candidate == nullptr || !HasKernelApi(candidate)) continue;
    library = candidate;
    library_path = path;
    break;
  }
  if (library == nullptr) {
    return Status::Failure(
        paths.empty() ? "no TensorFlow library is loaded in this process: import "
                        "@tensorflow/tfjs-node before the first average is attached"
                      : "none of the loaded TensorFlow libraries exports the C kernel API "
                        "(TF_NewKernelBuilder); TensorFlow 2.7 or newer is needed, found " +
                            paths.front());
  }
  std::string missing;
  for (const Entry& entry : Entries()) {
    void* symbol = SymbolOf(library, entry.name);
    if (symbol == nullptr) missing += (missing.empty() ? "" : ", ") + std::string(entry.name);
    *static_cast<void**>(entry.slot) = symbol;
  }
  if (missing.empty()) return Status();
  return Status::Failure(library_path + " lacks " + missing +
                         "; TensorFlow 2.7 or newer is needed");
}

Status FromTf(const TF_Status* status) {
  if (Tf().GetCode(status) == TfCode::kOk) return Status();
  return Status::Failure(Tf().Message(status));
}

}  // namespace ema
