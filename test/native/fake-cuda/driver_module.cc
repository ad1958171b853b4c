// The driver API of the fake: loading PTX and launching kernels.
// What the text's kernels are and do is behind kernels.h.
#include <algorithm>
#include <cstring>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "calls.h"
#include "cpu/float_mode.h"
#include "driver.h"
#include "fake_cuda.h"
#include "kernels.h"

namespace fake {

struct Module;

struct Function {
  Module* module;
  const Kernel kernel;
};

struct Module {
  Context* context;
  std::map<std::string, std::unique_ptr<Function>> functions;
};

namespace {

Handles<Module>& Modules() {
  static auto* const modules = new Handles<Module>;
  return *modules;
}

std::mutex selection_mutex;
std::vector<unsigned> selection;

// Last block first: nothing may depend on the order.
std::vector<unsigned> BlocksToRun(unsigned count) {
  const std::lock_guard<std::mutex> lock(selection_mutex);
  std::vector<unsigned> blocks;
  if (selection.empty()) {
    for (unsigned i = count; i-- > 0;) blocks.push_back(i);
  } else {
    std::copy_if(selection.begin(), selection.end(), std::back_inserter(blocks),
                 [count](unsigned i) { return i < count; });
  }
  return blocks;
}

// Writes to the caller's error log, when it gave one.
void WriteLog(const std::string& text, unsigned options, const int* names, void** values) {
  constexpr int kErrorLogBuffer = 5;
  constexpr size_t kRoom = 500;  // the product gives 511 bytes
  for (unsigned i = 0; i < options; ++i) {
    if (names[i] != kErrorLogBuffer) continue;
    char* const log = static_cast<char*>(values[i]);
    log[text.copy(log, kRoom)] = '\0';
  }
}

Function* FunctionOf(const void* handle) {
  // A function is valid as long as its module; the product never unloads one that it uses.
  return static_cast<Function*>(const_cast<void*>(handle));
}

int CheckLaunch(const Function& function, const Grid& grid, unsigned z, unsigned shared) {
  constexpr unsigned kMaxX = 2147483647;
  constexpr unsigned kMaxY = 65535;
  if (!Modules().Has(function.module)) return kInvalidHandle;
  if (function.module->context != CurrentContext()) return kInvalidContext;
  if (function.kernel.parameter_bytes > 4096) return kInvalidPtx;
  const bool inside = grid.blocks_x > 0 && grid.blocks_x <= kMaxX && grid.blocks_y > 0 &&
                      grid.blocks_y <= kMaxY && z == 1 && shared == 0 && grid.threads > 0;
  if (!inside) return kInvalidValue;
  return grid.threads <= function.kernel.max_threads ? kSuccess : kInvalidValue;
}

}  // namespace

void OnlyBlocks(std::vector<unsigned> indices) {
  const std::lock_guard<std::mutex> lock(selection_mutex);
  selection = std::move(indices);
}

}  // namespace fake

using fake::Enter;

extern "C" {

void fake_cuda_only_blocks(const unsigned* indices, int count) {
  fake::OnlyBlocks({indices, indices + count});
}

int cuModuleLoadDataEx(fake::Module** handle, const void* image, unsigned options, int* names,
                       void** values) {
  if (const int error = Enter(__func__)) {
    if (error == fake::kInvalidPtx) {
      fake::WriteLog("ptxas fatal: injected", options, names, values);
    }
    return error;
  }
  if (fake::CurrentContext() == nullptr) return fake::kInvalidContext;
  auto module = std::make_unique<fake::Module>();
  module->context = fake::CurrentContext();
  try {
    for (auto& [name, kernel] : fake::LoadKernels(static_cast<const char*>(image))) {
      module->functions[name] =
          std::make_unique<fake::Function>(fake::Function{module.get(), std::move(kernel)});
    }
  } catch (const std::exception& error) {
    fake::WriteLog(std::string("ptxas fatal: ") + error.what(), options, names, values);
    return fake::kInvalidPtx;
  }
  *handle = fake::Modules().Add(std::move(module));
  return fake::kSuccess;
}

int cuModuleUnload(fake::Module* handle) {
  if (const int error = Enter(__func__)) return error;
  return fake::Modules().Remove(handle) == nullptr ? fake::kInvalidHandle : fake::kSuccess;
}

int cuModuleGetFunction(fake::Function** function, fake::Module* module, const char* name) {
  if (const int error = Enter(__func__)) return error;
  if (!fake::Modules().Has(module)) return fake::kInvalidHandle;
  const auto found = module->functions.find(name);
  if (found == module->functions.end()) return fake::kNotFound;
  *function = found->second.get();
  return fake::kSuccess;
}

// NOLINTNEXTLINE: the parameters are the driver's
int cuLaunchKernel(void* handle, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                   unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared_bytes,
                   fake::Stream* stream, void** parameters, void** extra) {
  if (const int error = Enter(__func__)) return error;
  const fake::Function* const function = fake::FunctionOf(handle);
  const fake::Grid grid = {grid_x, grid_y, block_x};
  if (block_y != 1 || block_z != 1 || extra != nullptr) return fake::kInvalidValue;
  if (const int error = fake::CheckLaunch(*function, grid, grid_z, shared_bytes)) return error;
  const fake::Stream* const target = fake::StreamOf(stream);
  if (target == nullptr) return fake::kInvalidHandle;
  if (target->context != function->module->context) return fake::kInvalidHandle;
  // Copied now: the caller's table may be gone when the launch runs.
  const auto* const bytes = static_cast<const char*>(parameters[0]);
  const size_t size = function->kernel.parameter_bytes;
  const auto table = std::make_shared<std::vector<char>>(bytes, bytes + size);
  return fake::Enqueue(stream, [=] {
    // Kernels keep subnormal numbers (no ftz), TensorFlow's threads flush them.
    const ema::GradualUnderflow mode;
    function->kernel.run(grid, fake::BlocksToRun(grid.blocks_x), table->data());
  });
}

}  // extern "C"
