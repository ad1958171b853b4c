// Finding TensorFlow among the libraries of this process, and its functions by name.
// Loads nothing: only what tfjs-node has already loaded is looked at.
#include "op/tf_api.h"

#include <dlfcn.h>
#include <link.h>

#include <vector>

namespace ema {
namespace {

TfApi api;
std::string library_path;
void* library = nullptr;

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

// dl_iterate_phdr callback: collects the paths of loaded objects that look like TensorFlow.
int CollectTensorFlow(dl_phdr_info* info, size_t, void* paths) {
  const std::string path = info->dlpi_name == nullptr ? "" : info->dlpi_name;
  const std::string file = path.substr(path.find_last_of('/') + 1);
  if (file.find("tensorflow") != std::string::npos) {
    static_cast<std::vector<std::string>*>(paths)->push_back(path);
  }
  return 0;
}

// Opens an object that is already loaded; null when it does not export the C kernel API.
void* OpenIfKernelApi(const std::string& path) {
  void* handle = dlopen(path.c_str(), RTLD_NOLOAD | RTLD_LAZY | RTLD_LOCAL);
  if (handle == nullptr) return nullptr;
  // Both: libtensorflow_framework alone has the second, and its dependants reach it through their
  // own handle.
  if (dlsym(handle, "TF_Version") != nullptr && dlsym(handle, "TF_NewKernelBuilder") != nullptr) {
    return handle;  // kept open for the life of the process, as TensorFlow keeps our kernels
  }
  dlclose(handle);
  return nullptr;
}

}  // namespace

const TfApi& Tf() { return api; }

const std::string& TensorFlowPath() { return library_path; }

void* TensorFlowSymbol(const char* name) {
  return library == nullptr ? nullptr : dlsym(library, name);
}

Status FindTensorFlow() {
  std::vector<std::string> paths;
  dl_iterate_phdr(CollectTensorFlow, &paths);
  for (const std::string& path : paths) {
    library = OpenIfKernelApi(path);
    if (library == nullptr) continue;
    library_path = path;
    break;
  }
  if (library == nullptr) {
    return Status::Failure(
        paths.empty() ? "no TensorFlow library is loaded in this process: import "
                        "@tensorflow/tfjs-node before the first average is attached"
                      : "none of the loaded TensorFlow libraries exports the C kernel API "
                        "(TF_NewKernelBuilder); TensorFlow 2.9 or newer is needed, found " +
                            paths.front());
  }
  std::string missing;
  for (const Entry& entry : Entries()) {
    void* symbol = dlsym(library, entry.name);
    if (symbol == nullptr) missing += (missing.empty() ? "" : ", ") + std::string(entry.name);
    *static_cast<void**>(entry.slot) = symbol;
  }
  if (missing.empty()) return Status();
  return Status::Failure(library_path + " lacks " + missing +
                         "; TensorFlow 2.9 or newer is needed");
}

Status FromTf(const TF_Status* status) {
  if (Tf().GetCode(status) == TfCode::kOk) return Status();
  return Status::Failure(Tf().Message(status));
}

}  // namespace ema
