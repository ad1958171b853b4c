// Running one operation on device memory, on a stream that the caller names. Allocates nothing.
// Never waits for the device except where a comment says so.
#pragma once

#include "chunk.h"
#include "status.h"

namespace ema {

// A CUstream of the current context. Null is the legacy default stream.
using CudaStream = void*;

// Finds the CUDA driver that TensorFlow has loaded and its functions. Called once, at registration;
// failure means no GPU kernels.
Status CudaFindDriver();

// Enqueues the update; returns before it has run.
Status CudaUpdate(const Update& update, CudaStream stream);

// The same with large tiles where a launch has at least `busy_tiles` of them; for the benchmark
// that chooses the number.
Status CudaUpdateTuned(const Update& update, CudaStream stream, int64_t busy_tiles);

// Enqueues the copies (device to device).
Status CudaCopy(const Copy* copies, int count, CudaStream stream);

// Enqueues the readings.
Status CudaRead(const Readings& readings, CudaStream stream);

// Enqueues the combination.
Status CudaCombine(const Combination& combination, CudaStream stream);

// Enqueues zeroing `size` floats at `target`.
Status CudaZero(float* target, int64_t size, CudaStream stream);

// Enqueues the reductions; `out` is device memory, [segment_count * averages], and needs no initial
// value.
Status CudaStatistics(const Look& look, Statistics* out, CudaStream stream);

// Waits for all work of the current context. Only for the fallback in which TensorFlow's stream is
// unknown.
Status CudaSynchroniseContext();

// Waits for the stream's work. Only for the same fallback.
Status CudaSynchroniseStream(CudaStream stream);

}  // namespace ema
