// Test of the CUDA launcher and kernels without TensorFlow: runs every group of cases.h.
// Holds no checks of its own but those of a driver that lacks functions.
//
//   cuda_core_test DRIVER [--small] [--stop]
//     a fake's libcuda.so.1, or "libcuda.so.1" for a real GPU; --stop: at the first failure
//   cuda_core_test --incomplete DRIVER   a driver that lacks functions: the message must name them
#include <dlfcn.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "cases.h"
#include "check.h"
#include "cuda/ema_cuda.h"
#include "device.h"

namespace {

int CheckIncomplete(const char* driver) {
  check::Group("a driver that lacks functions");
  check::That(dlopen(driver, RTLD_NOW | RTLD_LOCAL) != nullptr, "the incomplete driver loads");
  const ema::Status status = ema::CudaFindDriver();
  check::Contains(status.message(), "libcuda.so.1 lacks ", "names the library");
  check::Contains(status.message(), "cuLaunchKernel", "names the function");
  check::Contains(status.message(), "CUDA 9.2", "names the fix");
  return check::Summary();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string first = argc > 1 ? argv[1] : "";
  if (first == "--incomplete" && argc > 2) return CheckIncomplete(argv[2]);
  if (first.empty()) {
    std::fprintf(stderr, "usage: cuda_core_test [--incomplete] DRIVER [--small] [--stop]\n");
    return 2;
  }
  const std::vector<std::string> flags(argv + 2, argv + argc);
  const auto has = [&](const char* flag) {
    return std::find(flags.begin(), flags.end(), flag) != flags.end();
  };
  const bool small = has("--small");
  if (has("--stop")) check::StopAtFailure();
  // compute-sanitizer brings the driver along before main.
  if (dlopen("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD) == nullptr) cases::NoDriver();
  cases::Streams();
  check::Group("finding the driver");
  device::Open(first);
  const ema::Status found = ema::CudaFindDriver();
  check::That(found.ok(), "finds the driver: " + found.message());
  std::printf("%s, %d device(s), driver API %d\n", device::Name(0).c_str(), device::Count(),
              device::DriverVersion());
  device::MakeCurrent(0);
  cases::ModuleCache();
  cases::Updates(small);
  cases::Launches();
  cases::Copies();
  cases::Readings();
  cases::StatisticsFigures();
  cases::RandomModels(small ? 20 : 400);
  cases::Traffic();
  if (device::IsFake()) cases::Faults();
  return check::Summary();
}
