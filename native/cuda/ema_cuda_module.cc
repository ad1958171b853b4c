// Loading the embedded PTX into the current context, and launching from it.
// No work lists here: ema_cuda.cc makes them.
#include "cuda/ema_cuda_module.h"

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "ema_kernel_ptx.h"

namespace ema {
namespace {

constexpr const char* kUpdateNames[kMaxFused] = {"ema_update_1", "ema_update_2", "ema_update_3",
                                                 "ema_update_4", "ema_update_5", "ema_update_6",
                                                 "ema_update_7", "ema_update_8"};
constexpr const char* kCompensatedNames[kMaxFused] = {
    "ema_compensated_1", "ema_compensated_2", "ema_compensated_3", "ema_compensated_4",
    "ema_compensated_5", "ema_compensated_6", "ema_compensated_7", "ema_compensated_8"};

Status FindKernel(CUmodule module, const char* name, CudaKernel* kernel) {
  kernel->name = name;
  const CUresult result = Driver().cuModuleGetFunction(&kernel->function, module, name);
  return FromCuda((std::string("cuModuleGetFunction(") + name + ")").c_str(), result);
}

Status FindKernels(CUmodule module, CudaKernels* kernels) {
  for (int k = 0; k < kMaxFused; ++k) {
    Status status = FindKernel(module, kUpdateNames[k], &kernels->update[k]);
    if (!status.ok()) return status;
    status = FindKernel(module, kCompensatedNames[k], &kernels->compensated[k]);
    if (!status.ok()) return status;
  }
  if (Status status = FindKernel(module, "ema_copy", &kernels->copy); !status.ok()) return status;
  if (Status status = FindKernel(module, "ema_read", &kernels->read); !status.ok()) return status;
  if (Status status = FindKernel(module, "ema_combine", &kernels->combine); !status.ok())
    return status;
  return FindKernel(module, "ema_statistics", &kernels->statistics);
}

// The driver compiles the PTX for its device here, for about a second the first time on a machine;
// then its own cache has it.
Status LoadModule(CUmodule* module) {
  std::array<char, 512> log{};
  CUjit_option options[] = {CUjit_option::kErrorLogBuffer, CUjit_option::kErrorLogBufferSizeBytes};
  void* values[] = {log.data(), reinterpret_cast<void*>(uintptr_t{log.size() - 1})};
  const CUresult result = Driver().cuModuleLoadDataEx(module, kKernelPtx, 2, options, values);
  Status status = FromCuda("cuModuleLoadDataEx", result);
  if (status.ok() || log[0] == '\0') return status;
  return Status::Failure(status.message() + ": " + log.data());
}

Status LoadKernels(CudaKernels* kernels) {
  const CUresult result = Driver().cuCtxGetDevice(&kernels->device);
  if (Status status = FromCuda("cuCtxGetDevice", result); !status.ok()) return status;
  CUmodule module = nullptr;
  if (Status status = LoadModule(&module); !status.ok()) return status;
  Status status = FindKernels(module, kernels);
  if (status.ok())
    return status;  // the module stays: TensorFlow's contexts live as long as the process
  if (const Status unload = FromCuda("cuModuleUnload", Driver().cuModuleUnload(module));
      !unload.ok()) {
    return Status::Failure(status.message() + "; then " + unload.message());
  }
  return status;
}

// The kernels of `context`, which is current; a failed load is tried again by the next call.
Status KernelsOf(CUcontext context, const CudaKernels** kernels) {
  static std::mutex mutex;
  static std::map<CUcontext, std::unique_ptr<const CudaKernels>> loaded;
  const std::lock_guard<std::mutex> lock(mutex);
  auto& entry = loaded[context];
  if (entry == nullptr) {
    auto fresh = std::make_unique<CudaKernels>();
    if (Status status = LoadKernels(fresh.get()); !status.ok()) return status;
    entry = std::move(fresh);
  }
  *kernels = entry.get();
  return Status();
}

Status CheckMemory(const void* memory, CUdevice device) {
  int owner = -1;
  const CUresult result = Driver().cuPointerGetAttribute(
      &owner, CUpointer_attribute::kDeviceOrdinal, DeviceAddress(memory));
  if (const Status status = FromCuda("cuPointerGetAttribute", result); !status.ok()) {
    return Status::Failure(status.message() + ": the tensor's memory is not CUDA's");
  }
  if (owner == device) return Status();
  return Status::Failure("the tensor lies on CUDA device " + std::to_string(owner) +
                         ", but the operation runs on device " + std::to_string(device));
}

Status CheckStream(CUstream stream, CUcontext context) {
  if (stream == nullptr) return Status();  // the default stream belongs to every context
  CUcontext owner = nullptr;
  const CUresult result = Driver().cuStreamGetCtx(stream, &owner);
  if (Status status = FromCuda("cuStreamGetCtx", result); !status.ok()) return status;
  if (owner == context) return Status();
  return Status::Failure(
      "TensorFlow's stream belongs to another CUDA context than the current one");
}

}  // namespace

Status AttachCuda(const void* memory, CudaStream stream, CudaTarget* target) {
  CUcontext context = nullptr;
  const CUresult result = Driver().cuCtxGetCurrent(&context);
  if (Status status = FromCuda("cuCtxGetCurrent", result); !status.ok()) return status;
  if (context == nullptr) {
    return Status::Failure("no CUDA context is current on the thread that runs the operation");
  }
  target->stream = static_cast<CUstream>(stream);
  if (Status status = CheckStream(target->stream, context); !status.ok()) return status;
  if (Status status = KernelsOf(context, &target->kernels); !status.ok()) return status;
  return CheckMemory(memory, target->kernels->device);
}

Status LaunchCuda(const CudaTarget& target, const CudaKernel& kernel, CudaGrid grid, void* table) {
  void* parameters[] = {table};
  const CUresult result = Driver().cuLaunchKernel(kernel.function, grid.x, grid.y, 1, grid.threads,
                                                  1, 1, 0, target.stream, parameters, nullptr);
  if (result == kCudaSuccess) return Status();
  return FromCuda((std::string("cuLaunchKernel(") + kernel.name + ")").c_str(), result);
}

}  // namespace ema
