// The fake GPU's stream executor: memory, streams, events and copies, one driver call each.
// Pointers and streams are the fake driver's: the pointers fault when the host touches them.
#include "executor.h"

#include <cstdint>
#include <memory>
#include <string>

#include "fake_api.h"
#include "loader.h"

namespace fake_gpu {

void SetFrom(TF_Status* status, const char* call, int result) {
  if (result == 0) return SetStatus(status, TF_OK, "");
  const char* name = "unknown error";
  cuGetErrorName(result, &name);
  SetStatus(status, TF_INTERNAL, (std::string("fake GPU: ") + call + ": " + name).c_str());
}

namespace {

void SetOk(TF_Status* status) { SetStatus(status, TF_OK, ""); }

// Makes the device's context current for a call and restores the thread's own: other devices'
// kernels run on the same threads.
class InContext {
 public:
  explicit InContext(const SP_Device* device) {
    cuCtxGetCurrent(&before_);
    cuCtxSetCurrent(device->device_handle);
  }
  ~InContext() { cuCtxSetCurrent(before_); }
  InContext(const InContext&) = delete;
  InContext& operator=(const InContext&) = delete;

 private:
  void* before_ = nullptr;
};

uint64_t Address(const SP_DeviceMemoryBase* memory) {
  return reinterpret_cast<uint64_t>(memory->opaque);
}

void Allocate(const SP_Device* device, uint64_t size, int64_t, SP_DeviceMemoryBase* memory) {
  const InContext context(device);
  uint64_t address = 0;
  const bool done = size > 0 && cuMemAlloc_v2(&address, size) == 0;
  memory->struct_size = SP_DEVICE_MEMORY_BASE_STRUCT_SIZE;
  memory->opaque = done ? reinterpret_cast<void*>(address) : nullptr;
  memory->size = done ? size : 0;
}

void Deallocate(const SP_Device*, SP_DeviceMemoryBase* memory) {
  if (memory->opaque != nullptr) cuMemFree_v2(Address(memory));
  memory->opaque = nullptr;
  memory->size = 0;
}

void* AllocateHost(const SP_Device*, uint64_t size) {
  void* p = nullptr;
  return cuMemAllocHost_v2(&p, size) == 0 ? p : nullptr;
}

void DeallocateHost(const SP_Device*, void* p) { cuMemFreeHost(p); }

TF_Bool AllocatorStats(const SP_Device*, SP_AllocatorStats* stats) {
  stats->struct_size = SP_ALLOCATORSTATS_STRUCT_SIZE;
  return 0;
}

TF_Bool MemoryUsage(const SP_Device* device, int64_t* free, int64_t* total) {
  const InContext context(device);
  size_t free_bytes = 0;
  size_t total_bytes = 0;
  if (cuMemGetInfo_v2(&free_bytes, &total_bytes) != 0) return 0;
  *free = static_cast<int64_t>(free_bytes);
  *total = static_cast<int64_t>(total_bytes);
  return 1;
}

void CreateStream(const SP_Device* device, SP_Stream* stream, TF_Status* status) {
  constexpr unsigned kNonBlocking = 1;
  const InContext context(device);
  SetFrom(status, "cuStreamCreate", cuStreamCreate(stream, kNonBlocking));
}

void DestroyStream(const SP_Device*, SP_Stream stream) { cuStreamDestroy_v2(stream); }

void CreateEvent(const SP_Device*, SP_Event* event, TF_Status* status) {
  SetFrom(status, "cuEventCreate", cuEventCreate(event, 0));
}

void DestroyEvent(const SP_Device*, SP_Event event) { cuEventDestroy_v2(event); }

void RecordEvent(const SP_Device*, SP_Stream stream, SP_Event event, TF_Status* status) {
  SetFrom(status, "cuEventRecord", cuEventRecord(event, stream));
}

void WaitForEvent(const SP_Device*, SP_Stream stream, SP_Event event, TF_Status* status) {
  SetFrom(status, "cuStreamWaitEvent", cuStreamWaitEvent(stream, event, 0));
}

SE_EventStatus EventStatus(const SP_Device*, SP_Event event) {
  constexpr int kNotReady = 600;
  const int result = cuEventQuery(event);
  if (result == kNotReady) return SE_EVENT_PENDING;
  return result == 0 ? SE_EVENT_COMPLETE : SE_EVENT_ERROR;
}

void CreateDependency(const SP_Device* device, SP_Stream dependent, SP_Stream other,
                      TF_Status* status) {
  SP_Event event = nullptr;
  CreateEvent(device, &event, status);
  if (event == nullptr) return;
  int result = cuEventRecord(event, other);
  if (result == 0) result = cuStreamWaitEvent(dependent, event, 0);
  cuEventDestroy_v2(event);
  SetFrom(status, "cuStreamWaitEvent", result);
}

void StreamStatus(const SP_Device*, SP_Stream, TF_Status* status) { SetOk(status); }

void BlockForEvent(const SP_Device*, SP_Event event, TF_Status* status) {
  SetFrom(status, "cuEventSynchronize", cuEventSynchronize(event));
}

void BlockUntilDone(const SP_Device*, SP_Stream stream, TF_Status* status) {
  SetFrom(status, "cuStreamSynchronize", cuStreamSynchronize(stream));
}

void SynchroniseAll(const SP_Device* device, TF_Status* status) {
  const InContext context(device);
  SetFrom(status, "cuCtxSynchronize", cuCtxSynchronize());
}

void Download(const SP_Device*, SP_Stream stream, void* to, const SP_DeviceMemoryBase* from,
              uint64_t size, TF_Status* status) {
  SetFrom(status, "cuMemcpyDtoHAsync", cuMemcpyDtoHAsync_v2(to, Address(from), size, stream));
}

void Upload(const SP_Device*, SP_Stream stream, SP_DeviceMemoryBase* to, const void* from,
            uint64_t size, TF_Status* status) {
  SetFrom(status, "cuMemcpyHtoDAsync", cuMemcpyHtoDAsync_v2(Address(to), from, size, stream));
}

void CopyOnDevice(const SP_Device*, SP_Stream stream, SP_DeviceMemoryBase* to,
                  const SP_DeviceMemoryBase* from, uint64_t size, TF_Status* status) {
  SetFrom(status, "cuMemcpyDtoDAsync",
          cuMemcpyDtoDAsync_v2(Address(to), Address(from), size, stream));
}

void DownloadNow(const SP_Device* device, void* to, const SP_DeviceMemoryBase* from, uint64_t size,
                 TF_Status* status) {
  const InContext context(device);
  SetFrom(status, "cuMemcpyDtoH", cuMemcpyDtoH_v2(to, Address(from), size));
}

void UploadNow(const SP_Device* device, SP_DeviceMemoryBase* to, const void* from, uint64_t size,
               TF_Status* status) {
  const InContext context(device);
  SetFrom(status, "cuMemcpyHtoD", cuMemcpyHtoD_v2(Address(to), from, size));
}

void CopyOnDeviceNow(const SP_Device* device, SP_DeviceMemoryBase* to,
                     const SP_DeviceMemoryBase* from, uint64_t size, TF_Status* status) {
  const InContext context(device);
  SetFrom(status, "cuMemcpyDtoD", cuMemcpyDtoD_v2(Address(to), Address(from), size));
}

void Fill(const SP_Device*, SP_Stream stream, SP_DeviceMemoryBase* to, uint8_t pattern,
          uint64_t size, TF_Status* status) {
  SetFrom(status, "cuMemsetD8Async", cuMemsetD8Async(Address(to), pattern, size, stream));
}

void Fill32(const SP_Device*, SP_Stream stream, SP_DeviceMemoryBase* to, uint32_t pattern,
            uint64_t size, TF_Status* status) {
  SetFrom(status, "cuMemsetD32Async", cuMemsetD32Async(Address(to), pattern, size / 4, stream));
}

void Zero(const SP_Device* device, SP_Stream stream, SP_DeviceMemoryBase* to, uint64_t size,
          TF_Status* status) {
  Fill(device, stream, to, 0, size, status);
}

// A callback with the status that TensorFlow wants to be given.
struct HostCall {
  SE_StatusCallbackFn function;
  void* argument;
};

TF_Bool RunOnHost(const SP_Device*, SP_Stream stream, SE_StatusCallbackFn function,
                  void* argument) {
  auto call = std::make_unique<HostCall>(HostCall{function, argument});
  const int result = cuLaunchHostFunc(
      stream,
      [](void* p) {
        const std::unique_ptr<HostCall> taken(static_cast<HostCall*>(p));
        CallWithStatus(taken->function, taken->argument);
      },
      call.get());
  if (result != 0) return 0;
  call.release();  // the stream gives it back to the callback
  return 1;
}

// Timers measure nothing.
void CreateTimer(const SP_Device*, SP_Timer* timer, TF_Status* status) {
  *timer = nullptr;
  SetOk(status);
}
void DestroyTimer(const SP_Device*, SP_Timer) {}
void TouchTimer(const SP_Device*, SP_Stream, SP_Timer, TF_Status* status) { SetOk(status); }

}  // namespace

void FillExecutor(SP_StreamExecutor* to) {
  to->struct_size = SP_STREAMEXECUTOR_STRUCT_SIZE;
  to->allocate = Allocate;
  to->deallocate = Deallocate;
  to->host_memory_allocate = AllocateHost;
  to->host_memory_deallocate = DeallocateHost;
  to->get_allocator_stats = AllocatorStats;
  to->device_memory_usage = MemoryUsage;
  to->create_stream = CreateStream;
  to->destroy_stream = DestroyStream;
  to->create_stream_dependency = CreateDependency;
  to->get_stream_status = StreamStatus;
  to->create_event = CreateEvent;
  to->destroy_event = DestroyEvent;
  to->get_event_status = EventStatus;
  to->record_event = RecordEvent;
  to->wait_for_event = WaitForEvent;
  to->create_timer = CreateTimer;
  to->destroy_timer = DestroyTimer;
  to->start_timer = TouchTimer;
  to->stop_timer = TouchTimer;
  to->memcpy_dtoh = Download;
  to->memcpy_htod = Upload;
  to->memcpy_dtod = CopyOnDevice;
  to->sync_memcpy_dtoh = DownloadNow;
  to->sync_memcpy_htod = UploadNow;
  to->sync_memcpy_dtod = CopyOnDeviceNow;
  to->block_host_for_event = BlockForEvent;
  to->block_host_until_done = BlockUntilDone;
  to->synchronize_all_activity = SynchroniseAll;
  to->mem_zero = Zero;
  to->memset = Fill;
  to->memset32 = Fill32;
  to->host_callback = RunOnHost;
}

}  // namespace fake_gpu
