// Reading TensorFlow's CUDA stream out of a running kernel's context; ema_cuda_module.h checks
// whose it is. Nothing else of TensorFlow's C++ is touched, and no CUDA call is made.
#include "op/tf_stream.h"

#include "cuda/cuda_api.h"
#include "op/tf_api.h"

// A pluggable device gives its stream through the C API (TF_GetStream), the built-in CUDA device
// only through C++:
//   const Eigen::GpuDevice& tensorflow::OpKernelContext::eigen_device<Eigen::GpuDevice>() const
// which libtensorflow_framework exports (every third-party GPU op links it), and
// TF_OpKernelContext* is an OpKernelContext*. Behind it, in Eigen's TensorDeviceGpu.h:
//   GpuDevice is not polymorphic; its first member is `const StreamInterface* stream_`.
//   StreamInterface: ~StreamInterface() takes slots 0 and 1 of the vtable (complete and deleting
//   destructor, Itanium ABI); slot 2 is `virtual const gpuStream_t& stream() const`: from the
//   object to the address of a stream.
// Read in TensorFlow 2.21's headers. A change would show at attach, where the launcher asks the
// driver whose stream it is and the facade looks for a first update in a fresh read.
namespace ema {
namespace {

constexpr const char* kEigenDevice =
    "_ZNK10tensorflow15OpKernelContext12eigen_deviceIN5Eigen9GpuDeviceEEERKT_v";
constexpr int kStreamSlot = 2;

struct EigenStreamInterface;
using StreamMember = CUstream const* (*)(const EigenStreamInterface*);

struct EigenStreamInterface {
  const StreamMember* vtable;
};

struct EigenGpuDevice {
  const EigenStreamInterface* stream;
};

// References and pointers are the same to the ABI.
const EigenGpuDevice* (*eigen_device)(const TF_OpKernelContext*) = nullptr;
void* (*get_stream)(TF_OpKernelContext*, TF_Status*) = nullptr;

template <typename Function>
void Find(const char* name, Function* function) {
  *reinterpret_cast<void**>(function) = TensorFlowSymbol(name);
}

}  // namespace

void FindStreamSymbols() {
  Find("TF_GetStream", &get_stream);
  Find(kEigenDevice, &eigen_device);
}

Status StreamOf(TF_OpKernelContext* context, StreamChoice* choice) {
  *choice = StreamChoice();
  // First, because eigen_device would follow a null pointer on a pluggable device; at each call,
  // because a plugin that is loaded later leaves the process with devices of both kinds.
  if (get_stream != nullptr) {
    const TfStatus status = NewTfStatus();
    choice->stream = get_stream(context, status.get());
    if (FromTf(status.get()).ok()) return Status();
  }
  if (eigen_device == nullptr) {
    choice->stream = nullptr;
    choice->must_synchronise = true;
    return Status();
  }
  const EigenGpuDevice* const device = eigen_device(context);
  if (device == nullptr || device->stream == nullptr) {
    return Status::Failure("TensorFlow gave a GPU kernel no GPU device");
  }
  const CUstream* const stream = device->stream->vtable[kStreamSlot](device->stream);
  choice->stream = *stream;
  return Status();
}

}  // namespace ema
