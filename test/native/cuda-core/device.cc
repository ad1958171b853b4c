// The driver functions of device.h, looked up by name.
// No kernels.
#include "device.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>

namespace device {
namespace {

using ema::CUcontext;
using ema::CUdeviceptr;
using ema::CUresult;
using ema::CUstream;

struct Api {
  CUresult (*cuInit)(unsigned);
  CUresult (*cuDriverGetVersion)(int*);
  CUresult (*cuDeviceGetCount)(int*);
  CUresult (*cuDeviceGet)(int*, int);
  CUresult (*cuDeviceGetName)(char*, int, int);
  CUresult (*cuDevicePrimaryCtxRetain)(CUcontext*, int);
  CUresult (*cuCtxSetCurrent)(CUcontext);
  CUresult (*cuCtxSynchronize)();
  CUresult (*cuMemAlloc)(CUdeviceptr*, size_t);
  CUresult (*cuMemFree)(CUdeviceptr);
  CUresult (*cuMemGetInfo)(size_t*, size_t*);
  CUresult (*cuMemcpyHtoD)(CUdeviceptr, const void*, size_t);
  CUresult (*cuMemcpyDtoH)(void*, CUdeviceptr, size_t);
  CUresult (*cuMemcpyHtoDAsync)(CUdeviceptr, const void*, size_t, CUstream);
  CUresult (*cuMemcpyDtoDAsync)(CUdeviceptr, CUdeviceptr, size_t, CUstream);
  CUresult (*cuStreamCreate)(CUstream*, unsigned);
  CUresult (*cuStreamDestroy)(CUstream);
  CUresult (*cuStreamSynchronize)(CUstream);
  CUresult (*cuEventCreate)(void**, unsigned);
  CUresult (*cuEventDestroy)(void*);
  CUresult (*cuEventRecord)(void*, CUstream);
  CUresult (*cuEventQuery)(void*);
  CUresult (*cuEventElapsedTime)(float*, void*, void*);
};

Api api;
FakeControls controls;

[[noreturn]] void End(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  if (IsFake()) std::fprintf(stderr, "%s\n", Fake().first_violation());
  std::exit(2);
}

void Check(CUresult result, const char* call) {
  if (result != 0) End(std::string(call) + " failed: CUDA error " + std::to_string(result));
}

template <typename Function>
void Find(void* library, const char* name, Function* function) {
  *reinterpret_cast<void**>(function) = dlsym(library, name);
}

template <typename Function>
void Require(void* library, const char* name, Function* function) {
  Find(library, name, function);
  if (*function == nullptr) End(std::string("the CUDA driver lacks ") + name);
}

void FindDriver(void* library) {
  Require(library, "cuInit", &api.cuInit);
  Require(library, "cuDriverGetVersion", &api.cuDriverGetVersion);
  Require(library, "cuDeviceGetCount", &api.cuDeviceGetCount);
  Require(library, "cuDeviceGet", &api.cuDeviceGet);
  Require(library, "cuDeviceGetName", &api.cuDeviceGetName);
  Require(library, "cuDevicePrimaryCtxRetain", &api.cuDevicePrimaryCtxRetain);
  Require(library, "cuCtxSetCurrent", &api.cuCtxSetCurrent);
  Require(library, "cuCtxSynchronize", &api.cuCtxSynchronize);
  Require(library, "cuMemAlloc_v2", &api.cuMemAlloc);
  Require(library, "cuMemFree_v2", &api.cuMemFree);
  Require(library, "cuMemGetInfo_v2", &api.cuMemGetInfo);
  Require(library, "cuMemcpyHtoD_v2", &api.cuMemcpyHtoD);
  Require(library, "cuMemcpyDtoH_v2", &api.cuMemcpyDtoH);
  Require(library, "cuMemcpyHtoDAsync_v2", &api.cuMemcpyHtoDAsync);
  Require(library, "cuMemcpyDtoDAsync_v2", &api.cuMemcpyDtoDAsync);
  Require(library, "cuStreamCreate", &api.cuStreamCreate);
  Require(library, "cuStreamDestroy_v2", &api.cuStreamDestroy);
  Require(library, "cuStreamSynchronize", &api.cuStreamSynchronize);
  Require(library, "cuEventCreate", &api.cuEventCreate);
  Require(library, "cuEventDestroy_v2", &api.cuEventDestroy);
  Require(library, "cuEventRecord", &api.cuEventRecord);
  Require(library, "cuEventQuery", &api.cuEventQuery);
  Require(library, "cuEventElapsedTime", &api.cuEventElapsedTime);
}

void FindControls(void* library) {
  Find(library, "fake_cuda_fail", &controls.fail);
  Find(library, "fake_cuda_set_delay_us", &controls.set_delay_us);
  Find(library, "fake_cuda_only_blocks", &controls.only_blocks);
  Find(library, "fake_cuda_calls", &controls.calls);
  Find(library, "fake_cuda_synchronisations", &controls.synchronisations);
  Find(library, "fake_cuda_violations", &controls.violations);
  Find(library, "fake_cuda_first_violation", &controls.first_violation);
  Find(library, "fake_cuda_allocated_bytes", &controls.allocated_bytes);
  Find(library, "fake_cuda_reset", &controls.reset);
  Find(library, "fake_cuda_bytes_requested", &controls.bytes_requested);
  Find(library, "fake_cuda_sectors_touched", &controls.sectors_touched);
}

size_t Bytes(int64_t count) { return static_cast<size_t>(count) * sizeof(float); }

}  // namespace

void Open(const std::string& driver) {
  void* const library = dlopen(driver.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) End(dlerror());
  FindDriver(library);
  FindControls(library);
  Check(api.cuInit(0), "cuInit");
}

void MakeCurrent(int ordinal) {
  int handle = 0;
  CUcontext context = nullptr;
  Check(api.cuDeviceGet(&handle, ordinal), "cuDeviceGet");
  Check(api.cuDevicePrimaryCtxRetain(&context, handle), "cuDevicePrimaryCtxRetain");
  Check(api.cuCtxSetCurrent(context), "cuCtxSetCurrent");
}

void MakeNoneCurrent() { Check(api.cuCtxSetCurrent(nullptr), "cuCtxSetCurrent"); }

int Count() {
  int count = 0;
  Check(api.cuDeviceGetCount(&count), "cuDeviceGetCount");
  return count;
}

std::string Name(int ordinal) {
  char name[128] = "";
  Check(api.cuDeviceGetName(name, sizeof(name), ordinal), "cuDeviceGetName");
  return name;
}

int DriverVersion() {
  int version = 0;
  Check(api.cuDriverGetVersion(&version), "cuDriverGetVersion");
  return version;
}

size_t FreeBytes() {
  size_t available = 0;
  size_t total = 0;
  Check(api.cuMemGetInfo(&available, &total), "cuMemGetInfo");
  return available;
}

Floats::Floats(int64_t count) : size_(count) {
  Check(api.cuMemAlloc(&address_, Bytes(count > 0 ? count : 1)), "cuMemAlloc");
}

Floats::~Floats() { api.cuMemFree(address_); }

void Floats::Write(const std::vector<float>& values, int64_t at) {
  if (values.empty()) return;
  const auto count = static_cast<int64_t>(values.size());
  Check(api.cuMemcpyHtoD(address_ + Bytes(at), values.data(), Bytes(count)), "cuMemcpyHtoD");
  // Streams here do not wait for the default stream, on which the last part of the copy may still
  // run.
  Check(api.cuCtxSynchronize(), "cuCtxSynchronize");
}

std::vector<float> Floats::Read(int64_t count, int64_t at) const {
  std::vector<float> values(static_cast<size_t>(count));
  if (count == 0) return values;
  Check(api.cuCtxSynchronize(), "cuCtxSynchronize");
  Check(api.cuMemcpyDtoH(values.data(), address_ + Bytes(at), Bytes(count)), "cuMemcpyDtoH");
  return values;
}

Stream::Stream() {
  constexpr unsigned kNonBlocking = 1;  // as TensorFlow's
  Check(api.cuStreamCreate(&stream_, kNonBlocking), "cuStreamCreate");
}

Stream::~Stream() { api.cuStreamDestroy(stream_); }

void Stream::Synchronise() const { Check(api.cuStreamSynchronize(stream_), "cuStreamSynchronize"); }

void Stream::Write(float* to, const std::vector<float>& values) const {
  const auto count = static_cast<int64_t>(values.size());
  Check(api.cuMemcpyHtoDAsync(ema::DeviceAddress(to), values.data(), Bytes(count), stream_),
        "cuMemcpyHtoDAsync");
}

void Stream::Copy(float* to, const float* from, int64_t count) const {
  Check(api.cuMemcpyDtoDAsync(ema::DeviceAddress(to), ema::DeviceAddress(from), Bytes(count),
                              stream_),
        "cuMemcpyDtoDAsync");
}

Event::Event() { Check(api.cuEventCreate(&event_, 0), "cuEventCreate"); }
Event::~Event() { api.cuEventDestroy(event_); }

void Event::Record(const Stream& stream) {
  Check(api.cuEventRecord(event_, static_cast<CUstream>(stream.get())), "cuEventRecord");
}

bool Event::Reached() const {
  constexpr CUresult kNotReady = 600;
  const CUresult result = api.cuEventQuery(event_);
  if (result != kNotReady) Check(result, "cuEventQuery");
  return result != kNotReady;
}

float Event::Milliseconds(const Event& begin, const Event& end) {
  float milliseconds = 0;
  Check(api.cuEventElapsedTime(&milliseconds, begin.event_, end.event_), "cuEventElapsedTime");
  return milliseconds;
}

const FakeControls& Fake() { return controls; }
bool IsFake() { return controls.reset != nullptr; }

}  // namespace device
