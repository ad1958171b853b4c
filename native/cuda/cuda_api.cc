// Finding the CUDA driver among the libraries of this process, and its functions by name.
// Loads nothing: without a driver that TensorFlow has opened there is no GPU to work for.
#include "cuda/cuda_api.h"

#include <string>
#include <vector>

#include "platform/platform.h"

namespace ema {
namespace {

CudaApi api;

struct Entry {
  const char* name;
  void* slot;
};

std::vector<Entry> Entries() {
  return {
      {"cuGetErrorName", &api.cuGetErrorName},
      {"cuGetErrorString", &api.cuGetErrorString},
      {"cuCtxGetCurrent", &api.cuCtxGetCurrent},
      {"cuCtxGetDevice", &api.cuCtxGetDevice},
      {"cuCtxSynchronize", &api.cuCtxSynchronize},
      {"cuStreamSynchronize", &api.cuStreamSynchronize},
      {"cuStreamGetCtx", &api.cuStreamGetCtx},
      {"cuPointerGetAttribute", &api.cuPointerGetAttribute},
      {"cuModuleLoadDataEx", &api.cuModuleLoadDataEx},
      {"cuModuleUnload", &api.cuModuleUnload},
      {"cuModuleGetFunction", &api.cuModuleGetFunction},
      {"cuLaunchKernel", &api.cuLaunchKernel},
      {"cuMemsetD32Async", &api.cuMemsetD32Async},
  };
}

}  // namespace

const CudaApi& Driver() { return api; }

Status FindCuda() {
  const std::string name = kCudaDriver;
  Library library = OpenLoaded(name);
  if (library == nullptr) {
    return Status::Failure("TensorFlow has not loaded the CUDA driver (" + name + ")");
  }
  std::string missing;
  for (const Entry& entry : Entries()) {
    void* const symbol = SymbolOf(library, entry.name);
    if (symbol == nullptr) missing += (missing.empty() ? "" : ", ") + std::string(entry.name);
    *static_cast<void**>(entry.slot) = symbol;
  }
  if (missing.empty()) return Status();
  return Status::Failure(name + " lacks " + missing + "; a driver for CUDA 9.2 or newer is needed");
}

Status FromCuda(const char* call, CUresult result) {
  if (result == kCudaSuccess) return Status();
  const char* name = nullptr;
  const char* text = nullptr;
  // A driver older than the error knows neither; the number then stands for both.
  if (api.cuGetErrorName(result, &name) != kCudaSuccess) name = nullptr;
  if (api.cuGetErrorString(result, &text) != kCudaSuccess) text = nullptr;
  std::string message = std::string(call) + " failed: ";
  message += name == nullptr ? "CUDA error " + std::to_string(result) : name;
  if (text != nullptr) message += " (" + std::string(text) + ")";
  return Status::Failure(message);
}

}  // namespace ema
