// The driver API of the fake: devices, contexts, streams and events.
// Memory is in driver_memory.cc, launches in driver_module.cc, errors in driver_error.cc.
#include "driver.h"

#include <array>
#include <atomic>
#include <cstdlib>

#include "calls.h"
#include "fake_cuda.h"
#include "memory.h"

namespace fake {
namespace {

std::atomic<int> devices{0};
std::atomic<bool> provide_context{false};
thread_local Context* current = nullptr;

int DeviceCount() {
  if (devices > 0) return devices;
  const char* const text = std::getenv("FAKE_GPUS");
  const int count = text == nullptr ? 1 : std::atoi(text);
  return count < 1 || count > kMaxDevices ? 1 : count;
}

Handles<Stream>& Streams() {
  static auto* const streams = new Handles<Stream>;  // outlives the driver's callers
  return *streams;
}

Handles<Event>& Events() {
  static auto* const events = new Handles<Event>;
  return *events;
}

enum class Which { kAll, kBlocking };

// Waits for the work of a context's streams.
void Drain(Context* context, Which which) {
  std::set<Stream*> streams;
  {
    const std::lock_guard<std::mutex> lock(context->mutex);
    streams = context->streams;
  }
  for (Stream* const stream : streams) {
    if (which == Which::kAll || stream->blocking) stream->Drain();
  }
  context->default_stream.Drain();
}

}  // namespace

Context* PrimaryContext(int device) {
  static auto* const contexts = new std::array<std::unique_ptr<Context>, kMaxDevices>;
  static std::mutex mutex;
  if (device < 0 || device >= DeviceCount()) return nullptr;
  const std::lock_guard<std::mutex> lock(mutex);
  auto& context = (*contexts)[static_cast<size_t>(device)];
  if (context == nullptr) context = std::make_unique<Context>(device);
  return context.get();
}

Context* CurrentContext() {
  return current == nullptr && provide_context ? PrimaryContext(0) : current;
}

Stream* StreamOf(void* handle) {
  if (handle == nullptr) {
    Context* const context = CurrentContext();
    return context == nullptr ? nullptr : &context->default_stream;
  }
  return Streams().Has(handle) ? static_cast<Stream*>(handle) : nullptr;
}

int Enqueue(void* handle, std::function<void()> work) {
  Stream* const stream = StreamOf(handle);
  if (stream == nullptr) return handle == nullptr ? kInvalidContext : kInvalidHandle;
  Context* const context = stream->context;
  // The legacy default stream is in order with every blocking stream of its context, both ways.
  if (handle == nullptr) {
    Drain(context, Which::kBlocking);
  } else if (stream->blocking) {
    context->default_stream.Drain();
  }
  stream->Enqueue(std::move(work));
  return kSuccess;
}

}  // namespace fake

using fake::Context;
using fake::CurrentContext;
using fake::Enter;
using fake::Event;
using fake::Mark;
using fake::Stream;

extern "C" {

void fake_cuda_set_devices(int count) { fake::devices = count; }
void fake_cuda_provide_context() { fake::provide_context = true; }

int cuInit(unsigned) { return Enter(__func__); }

int cuDriverGetVersion(int* version) {
  *version = 12000;
  return Enter(__func__);
}

int cuDeviceGetCount(int* count) {
  *count = fake::DeviceCount();
  return Enter(__func__);
}

int cuDeviceGet(int* device, int ordinal) {
  if (const int error = Enter(__func__)) return error;
  *device = ordinal;
  return fake::PrimaryContext(ordinal) == nullptr ? fake::kInvalidDevice : fake::kSuccess;
}

int cuDeviceGetName(char* name, int length, int) {
  if (const int error = Enter(__func__)) return error;
  const std::string text = "Fake GPU";
  name[text.copy(name, static_cast<size_t>(length) - 1)] = '\0';
  return fake::kSuccess;
}

int cuDevicePrimaryCtxRetain(Context** context, int device) {
  if (const int error = Enter(__func__)) return error;
  *context = fake::PrimaryContext(device);
  return *context == nullptr ? fake::kInvalidDevice : fake::kSuccess;
}

int cuCtxSetCurrent(Context* context) {
  if (const int error = Enter(__func__)) return error;
  fake::current = context;
  return fake::kSuccess;
}

int cuCtxGetCurrent(Context** context) {
  if (const int error = Enter(__func__)) return error;
  *context = CurrentContext();
  return fake::kSuccess;
}

int cuCtxGetDevice(int* device) {
  if (const int error = Enter(__func__)) return error;
  if (CurrentContext() == nullptr) return fake::kInvalidContext;
  *device = CurrentContext()->device;
  return fake::kSuccess;
}

int cuCtxSynchronize() {
  if (const int error = Enter(__func__)) return error;
  if (CurrentContext() == nullptr) return fake::kInvalidContext;
  fake::Drain(CurrentContext(), fake::Which::kAll);
  return fake::kSuccess;
}

int cuStreamCreate(Stream** handle, unsigned flags) {
  constexpr unsigned kNonBlocking = 1;
  if (const int error = Enter(__func__)) return error;
  Context* const context = CurrentContext();
  if (context == nullptr) return fake::kInvalidContext;
  *handle = fake::Streams().Add(std::make_unique<Stream>(context, flags != kNonBlocking));
  const std::lock_guard<std::mutex> lock(context->mutex);
  context->streams.insert(*handle);
  return fake::kSuccess;
}

int cuStreamDestroy_v2(Stream* handle) {
  if (const int error = Enter(__func__)) return error;
  const auto stream = fake::Streams().Remove(handle);
  if (stream == nullptr) return fake::kInvalidHandle;
  const std::lock_guard<std::mutex> lock(stream->context->mutex);
  stream->context->streams.erase(handle);
  return fake::kSuccess;
}

int cuStreamGetCtx(Stream* handle, Context** context) {
  if (const int error = Enter(__func__)) return error;
  Stream* const stream = fake::StreamOf(handle);
  if (stream == nullptr) return fake::kInvalidHandle;
  *context = stream->context;
  return fake::kSuccess;
}

int cuStreamSynchronize(Stream* handle) {
  if (const int error = Enter(__func__)) return error;
  Stream* const stream = fake::StreamOf(handle);
  if (stream == nullptr) return fake::kInvalidHandle;
  stream->Drain();
  return fake::kSuccess;
}

int cuStreamWaitEvent(Stream* handle, Event* event, unsigned) {
  if (const int error = Enter(__func__)) return error;
  if (!fake::Events().Has(event)) return fake::kInvalidHandle;
  std::shared_ptr<Mark> mark;
  {
    const std::lock_guard<std::mutex> lock(event->mutex);
    mark = event->mark;
  }
  if (mark == nullptr || mark->reached()) return fake::kSuccess;
  return fake::Enqueue(handle, [mark] { mark->Wait(); });
}

int cuLaunchHostFunc(Stream* handle, void (*function)(void*), void* argument) {
  if (const int error = Enter(__func__)) return error;
  return fake::Enqueue(handle, [=] { function(argument); });
}

int cuEventCreate(Event** handle, unsigned) {
  if (const int error = Enter(__func__)) return error;
  *handle = fake::Events().Add(std::make_unique<Event>());
  return fake::kSuccess;
}

int cuEventDestroy_v2(Event* handle) {
  if (const int error = Enter(__func__)) return error;
  return fake::Events().Remove(handle) == nullptr ? fake::kInvalidHandle : fake::kSuccess;
}

int cuEventRecord(Event* event, Stream* stream) {
  if (const int error = Enter(__func__)) return error;
  if (!fake::Events().Has(event)) return fake::kInvalidHandle;
  const auto mark = std::make_shared<Mark>();
  {
    const std::lock_guard<std::mutex> lock(event->mutex);
    event->mark = mark;
  }
  return fake::Enqueue(stream, [mark] { mark->Reach(); });
}

int cuEventQuery(Event* event) {
  if (const int error = Enter(__func__)) return error;
  if (!fake::Events().Has(event)) return fake::kInvalidHandle;
  const std::lock_guard<std::mutex> lock(event->mutex);
  return event->mark == nullptr || event->mark->reached() ? fake::kSuccess : fake::kNotReady;
}

int cuEventSynchronize(Event* event) {
  if (const int error = Enter(__func__)) return error;
  if (!fake::Events().Has(event)) return fake::kInvalidHandle;
  std::shared_ptr<Mark> mark;
  {
    const std::lock_guard<std::mutex> lock(event->mutex);
    mark = event->mark;
  }
  if (mark != nullptr) mark->Wait();
  return fake::kSuccess;
}

// A fake has no clock worth reading.
int cuEventElapsedTime(float* milliseconds, Event*, Event*) {
  *milliseconds = 1.0f;
  return Enter(__func__);
}

}  // extern "C"
