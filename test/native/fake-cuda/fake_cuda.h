// Control of the fake CUDA driver: what a test may ask it to do and what it may read off it.
// Not part of the driver API; exported by the fake libcuda.so.1 beside it.
#pragma once

#include <cstdint>

extern "C" {

// Devices that the driver shows; before cuInit. Also FAKE_GPUS in the environment. 1 to 8,
// default 1.
void fake_cuda_set_devices(int count);

// The `nth` call of `function` from now on (1 is the next) returns `code`. Code 700 (illegal
// address) stays: every later call fails with it until fake_cuda_reset. Also
// FAKE_CUDA_FAIL="function:nth:code,..." in the environment.
void fake_cuda_fail(const char* function, int nth, int code);

// Each piece of work waits this long before it runs, on a thread of its stream. 0 runs it inside
// the call that enqueues it, unless earlier work is waiting. Also FAKE_CUDA_DELAY_US in the
// environment.
void fake_cuda_set_delay_us(int microseconds);

// Launches run only blocks with these x indices; for tensors too large to walk through. A count of
// 0 runs all.
void fake_cuda_only_blocks(const unsigned* indices, int count);

// Calls of a driver function since the last reset, failed ones included.
int64_t fake_cuda_calls(const char* function);

// Calls that make the host wait for the device: cuCtxSynchronize, cuStreamSynchronize,
// cuEventSynchronize, synchronous copies.
int64_t fake_cuda_synchronisations();

// Accesses of kernels and copies outside allocated device memory, and the first one in words (""
// when there is none).
int64_t fake_cuda_violations();
const char* fake_cuda_first_violation();

// What kernels have asked of global memory since the driver was loaded, and the 32-byte sectors
// that each request of a warp touched. Only in the driver that interprets the PTX.
int64_t fake_cuda_bytes_requested();
int64_t fake_cuda_sectors_touched();

// Bytes of device memory that are allocated now.
int64_t fake_cuda_allocated_bytes();

// Forgets counts, injected failures, violations, the delay and the choice of blocks. Memory,
// streams and modules stay.
void fake_cuda_reset();

// A thread that never set a context finds that of device 0 current, as inside a kernel of
// TensorFlow's built-in CUDA device.
void fake_cuda_provide_context();

}  // extern "C"
