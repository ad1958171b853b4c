// The fake driver's functions as the pluggable device calls them; linked, not looked up.
// Handles have TensorFlow's own opaque types: they are one pointer each, and nobody looks inside.
#pragma once

#include <cstddef>
#include <cstdint>

#include "fake_cuda.h"

struct SP_Stream_st;
struct SP_Event_st;

extern "C" {

int cuGetErrorName(int code, const char** name);
int cuInit(unsigned flags);
int cuDeviceGetCount(int* count);
int cuDevicePrimaryCtxRetain(void** context, int device);
int cuCtxGetCurrent(void** context);
int cuCtxSetCurrent(void* context);
int cuCtxSynchronize();
int cuMemAlloc_v2(uint64_t* address, size_t size);
int cuMemFree_v2(uint64_t address);
int cuMemGetInfo_v2(size_t* free, size_t* total);
int cuMemAllocHost_v2(void** p, size_t size);
int cuMemFreeHost(void* p);
int cuStreamCreate(SP_Stream_st** stream, unsigned flags);
int cuStreamDestroy_v2(SP_Stream_st* stream);
int cuStreamSynchronize(SP_Stream_st* stream);
int cuStreamWaitEvent(SP_Stream_st* stream, SP_Event_st* event, unsigned flags);
int cuEventCreate(SP_Event_st** event, unsigned flags);
int cuEventDestroy_v2(SP_Event_st* event);
int cuEventRecord(SP_Event_st* event, SP_Stream_st* stream);
int cuEventQuery(SP_Event_st* event);
int cuEventSynchronize(SP_Event_st* event);
int cuLaunchHostFunc(SP_Stream_st* stream, void (*function)(void*), void* argument);
int cuMemcpyDtoHAsync_v2(void* to, uint64_t from, size_t size, SP_Stream_st* stream);
int cuMemcpyHtoDAsync_v2(uint64_t to, const void* from, size_t size, SP_Stream_st* stream);
int cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t size, SP_Stream_st* stream);
int cuMemcpyDtoH_v2(void* to, uint64_t from, size_t size);
int cuMemcpyHtoD_v2(uint64_t to, const void* from, size_t size);
int cuMemcpyDtoD_v2(uint64_t to, uint64_t from, size_t size);
int cuMemsetD8Async(uint64_t to, unsigned char value, size_t count, SP_Stream_st* stream);
int cuMemsetD32Async(uint64_t to, unsigned value, size_t count, SP_Stream_st* stream);

}  // extern "C"
