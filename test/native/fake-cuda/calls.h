// Counting the calls of driver functions, and making chosen ones fail.
// Knows nothing of what the functions do.
#pragma once

#include <cstdint>
#include <string>

namespace fake {

// Values of CUresult that the fake gives.
enum Result : int {
  kSuccess = 0,
  kInvalidValue = 1,
  kOutOfMemory = 2,
  kNotInitialized = 3,
  kInvalidDevice = 101,
  kInvalidContext = 201,
  kInvalidPtx = 218,
  kInvalidHandle = 400,
  kNotFound = 500,
  kNotReady = 600,
  kIllegalAddress = 700,
  kLaunchOutOfResources = 701,
};

// Enters a driver function: counts the call. Anything but kSuccess is to be returned at once.
int Enter(const char* function);

// Notes an access outside allocated memory; the device is then lost (kIllegalAddress), as a real
// one.
void Violate(const std::string& what);

// Starts after fake_cuda_reset.
int64_t Calls(const std::string& function);

}  // namespace fake
