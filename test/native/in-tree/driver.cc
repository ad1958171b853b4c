// What TensorFlow's built-in CUDA device asks of a driver besides what the fake one has: enough to
// create GPU:0, to copy, and to run our op. TensorFlow takes an absent function for one that fails,
// so that nothing else needs to be here.
#include "driver.h"

#include <string>

#include "calls.h"

using fake::Context;
using fake::Enter;
using fake::Stream;

extern "C" {

int cuStreamCreate(Stream** handle, unsigned flags);
int cuMemAllocHost_v2(void** p, size_t size);
int cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t size, Stream* stream);

int cuDeviceGetAttribute(int* value, int attribute, int) {
  constexpr int kWarpSize = 10;
  constexpr int kComputeCapabilityMajor = 75;
  constexpr int kComputeCapabilityMinor = 76;
  *value = 1024;  // a limit that nothing here comes near
  if (attribute == kWarpSize) *value = 32;
  if (attribute == kComputeCapabilityMajor) *value = 9;
  if (attribute == kComputeCapabilityMinor) *value = 0;
  return Enter(__func__);
}

int cuDeviceTotalMem_v2(size_t* bytes, int) {
  *bytes = size_t{4} << 30;
  return Enter(__func__);
}

int cuDeviceGetPCIBusId(char* text, int length, int device) {
  const std::string id = "0000:0" + std::to_string(device + 1) + ":00.0";
  text[id.copy(text, static_cast<size_t>(length) - 1)] = '\0';
  return Enter(__func__);
}

int cuDeviceCanAccessPeer(int* can, int, int) {
  *can = 0;
  return Enter(__func__);
}

int cuDevicePrimaryCtxGetState(int, unsigned* flags, int* is_active) {
  *flags = 0;
  *is_active = 1;
  return Enter(__func__);
}

int cuDevicePrimaryCtxSetFlags_v2(int, unsigned) { return Enter(__func__); }

int cuStreamCreateWithPriority(Stream** handle, unsigned flags, int) {
  return cuStreamCreate(handle, flags);
}

int cuStreamIsCapturing(Stream*, int* is_capturing) {
  *is_capturing = 0;
  return Enter(__func__);
}

int cuMemHostAlloc(void** p, size_t size, unsigned) { return cuMemAllocHost_v2(p, size); }

// NOLINTNEXTLINE: the parameters are the driver's
int cuMemcpyPeerAsync(uint64_t to, Context*, uint64_t from, Context*, size_t size, Stream* stream) {
  return cuMemcpyDtoDAsync_v2(to, from, size, stream);
}

}  // extern "C"
