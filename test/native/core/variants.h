// The core with other chunk sizes and with each kernel, and threads from the first float on.
// Holds no checks; the copies come from CMakeLists.txt.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "chunk.h"

namespace variants {

struct Variant {
  const char* kernel;
  int64_t chunk;  // floats
  void (*update)(const ema::Update&);
  void (*read)(const ema::Readings&);
  void (*combine)(const ema::Combination&);
  void (*set_threads)(int);
  const char* (*kernel_name)();
};

// Each kernel that this processor has with each chunk size; the shipped core first.
const std::vector<Variant>& All();

// The smallest and the shipped chunk of each kernel: for many small cases.
const std::vector<Variant>& Few();

constexpr int kThreads[] = {1, 2, 3, 4, 8};

std::string Describe(const Variant& variant, int threads);

}  // namespace variants
