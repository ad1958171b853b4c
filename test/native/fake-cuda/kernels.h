// The kernels of a PTX text, ready to run: kernels.cc has them compiled for the host from the same
// source, test/native/ptx interprets the text. Knows nothing of streams.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace fake {

struct Grid {
  unsigned blocks_x;
  unsigned blocks_y;
  unsigned threads;
};

struct Kernel {
  size_t parameter_bytes;  // of its one parameter
  unsigned max_threads;
  // Runs these x indices in this order, each with every y, at once.
  std::function<void(const Grid&, const std::vector<unsigned>& blocks, const void* parameter)> run;
};

// By name. Throws what a driver of CUDA 9 would refuse the text for.
std::map<std::string, Kernel> LoadKernels(const std::string& ptx);

// Restricts launches to these x indices; empty for all.
void OnlyBlocks(std::vector<unsigned> indices);

}  // namespace fake
