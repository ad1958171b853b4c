// A TensorFlow pluggable device of type "GPU" on the fake driver: registration and devices.
// The rest is in executor.cc. Loaded by loader.cc before tfjs-node makes its context.
#include "executor.h"
#include "fake_api.h"
#include "loader.h"

namespace {

using fake_gpu::SetFrom;

void SetOk(TF_Status* status) { fake_gpu::SetStatus(status, TF_OK, ""); }

uint64_t Nanoseconds(SP_Timer) { return 0; }  // timers measure nothing

void CountDevices(const SP_Platform*, int* count, TF_Status* status) {
  SetFrom(status, "cuDeviceGetCount", cuDeviceGetCount(count));
}

void CreateDevice(const SP_Platform*, SE_CreateDeviceParams* parameters, TF_Status* status) {
  SP_Device* const device = parameters->device;
  device->struct_size = SP_DEVICE_STRUCT_SIZE;
  device->ordinal = parameters->ordinal;
  device->hardware_name = "Fake GPU";
  device->device_vendor = "none";
  device->pci_bus_id = "0000:00:00.0";
  const int result = cuDevicePrimaryCtxRetain(&device->device_handle, parameters->ordinal);
  SetFrom(status, "cuDevicePrimaryCtxRetain", result);
}

int32_t NumaNode(const SP_Device*) { return 0; }
int64_t Bandwidth(const SP_Device*) { return -1; }
double Gflops(const SP_Device*) { return -1; }

void CreateDeviceFunctions(const SP_Platform*, SE_CreateDeviceFnsParams* parameters,
                           TF_Status* status) {
  *parameters->device_fns = {SP_DEVICE_FNS_STRUCT_SIZE, nullptr, NumaNode, Bandwidth, Gflops};
  SetOk(status);
}

void CreateExecutor(const SP_Platform*, SE_CreateStreamExecutorParams* parameters,
                    TF_Status* status) {
  fake_gpu::FillExecutor(parameters->stream_executor);
  SetOk(status);
}

void CreateTimerFunctions(const SP_Platform*, SP_TimerFns* functions, TF_Status* status) {
  functions->struct_size = SP_TIMER_FNS_STRUCT_SIZE;
  functions->nanoseconds = Nanoseconds;
  SetOk(status);
}

}  // namespace

extern "C" __attribute__((visibility("default"))) void SE_InitPlugin(
    SE_PlatformRegistrationParams* parameters, TF_Status* status) {
  SP_Platform* const platform = parameters->platform;
  platform->struct_size = SP_PLATFORM_STRUCT_SIZE;
  platform->name = "FAKE";
  platform->type = "GPU";
  platform->use_bfc_allocator = 1;
  platform->force_memory_growth = 1;
  SP_PlatformFns* const functions = parameters->platform_fns;
  functions->struct_size = SP_PLATFORM_FNS_STRUCT_SIZE;
  functions->get_device_count = CountDevices;
  functions->create_device = CreateDevice;
  functions->destroy_device = [](const SP_Platform*, SP_Device*) {};
  functions->create_device_fns = CreateDeviceFunctions;
  functions->destroy_device_fns = [](const SP_Platform*, SP_DeviceFns*) {};
  functions->create_stream_executor = CreateExecutor;
  functions->destroy_stream_executor = [](const SP_Platform*, SP_StreamExecutor*) {};
  functions->create_timer_fns = CreateTimerFunctions;
  functions->destroy_timer_fns = [](const SP_Platform*, SP_TimerFns*) {};
  parameters->destroy_platform = [](SP_Platform*) {};
  parameters->destroy_platform_fns = [](SP_PlatformFns*) {};
  fake_cuda_provide_context();
  SetFrom(status, "cuInit", cuInit(0));
}

// A device without kernels of its own: what has no kernel for "GPU" runs on the CPU.
extern "C" __attribute__((visibility("default"))) void TF_InitKernel() {}
