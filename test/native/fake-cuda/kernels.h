// The kernels of native/cuda/ema_kernel.cu, compiled for the host, by name.
// Knows nothing of streams; runs what it is given at once.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace fake {

struct Kernel {
  const char* name;
  size_t parameter_bytes;  // of its one parameter
  bool has_barrier;
  void (*thread)(const void* parameter);  // the work of one thread
};

// Null when ema_kernel.cu has no such entry point.
const Kernel* FindKernel(const std::string& name);

struct Grid {
  unsigned blocks_x;
  unsigned blocks_y;
  unsigned threads;
};

// Runs every thread of every block, last block first: nothing may depend on the order.
void RunKernel(const Kernel& kernel, Grid grid, const void* parameter);

// Restricts runs to these x indices; empty for all.
void OnlyBlocks(std::vector<unsigned> indices);

}  // namespace fake
