// The driver API of the fake: loading PTX and launching kernels.
// Of the PTX only entry points and limits are read; what runs is the same source (kernels.cc).
#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <regex>
#include <string>
#include <vector>

#include "calls.h"
#include "driver.h"
#include "fake_cuda.h"
#include "kernels.h"

namespace fake {

struct Module;

struct Function {
  Module* module;
  const Kernel* kernel;
  size_t parameter_bytes;
  unsigned max_threads;
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

// Entry points by name: `.visible .entry NAME(\n.param .align 8 .b8
// NAME_param_0[BYTES]\n)\n.maxntid THREADS, 1, 1`. Empty when the text is no PTX that a driver of
// CUDA 9 reads.
std::map<std::string, std::unique_ptr<Function>> Parse(const std::string& ptx, Module* module) {
  std::map<std::string, std::unique_ptr<Function>> functions;
  if (ptx.rfind(".version 6.0\n.target sm_50\n.address_size 64\n", 0) != 0) return functions;
  static const std::regex entry(
      R"(\.visible \.entry (\w+)\(\n\.param \.align 8 \.b8 \w+\[(\d+)\]\n\)\n\.maxntid (\d+), 1, 1\n)");
  for (auto it = std::sregex_iterator(ptx.begin(), ptx.end(), entry); it != std::sregex_iterator();
       ++it) {
    const std::string name = (*it)[1];
    functions[name] =
        std::make_unique<Function>(Function{module, FindKernel(name), std::stoul((*it)[2]),
                                            static_cast<unsigned>(std::stoul((*it)[3]))});
  }
  return functions;
}

// Writes to the caller's error log, when it gave one.
void WriteLog(const char* text, unsigned options, const int* names, void** values) {
  constexpr int kErrorLogBuffer = 5;
  for (unsigned i = 0; i < options; ++i) {
    if (names[i] == kErrorLogBuffer) std::strcpy(static_cast<char*>(values[i]), text);
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
  if (function.parameter_bytes != function.kernel->parameter_bytes) return kInvalidPtx;
  if (function.parameter_bytes > 4096) return kInvalidPtx;
  const bool inside = grid.blocks_x > 0 && grid.blocks_x <= kMaxX && grid.blocks_y > 0 &&
                      grid.blocks_y <= kMaxY && z == 1 && shared == 0 && grid.threads > 0;
  if (!inside) return kInvalidValue;
  return grid.threads <= function.max_threads ? kSuccess : kInvalidValue;
}

}  // namespace
}  // namespace fake

using fake::Enter;

extern "C" {

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
  module->functions = fake::Parse(static_cast<const char*>(image), module.get());
  if (module->functions.empty()) {
    fake::WriteLog("ptxas fatal: no entry points", options, names, values);
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
  if (found == module->functions.end() || found->second->kernel == nullptr) return fake::kNotFound;
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
  const auto table = std::make_shared<std::vector<uint64_t>>(function->parameter_bytes / 8);
  std::memcpy(table->data(), bytes, function->parameter_bytes);
  const fake::Kernel* const kernel = function->kernel;
  return fake::Enqueue(stream, [=] { fake::RunKernel(*kernel, grid, table->data()); });
}

}  // extern "C"
