// Every driver call of the launcher failing once: the message names call and error, and the next
// attempt works. Fake driver only.
#include <functional>
#include <string>
#include <vector>

#include "cases.h"
#include "check.h"
#include "cuda/ema_cuda.h"
#include "device.h"
#include "model.h"

namespace cases {
namespace {

using device::Fake;
using ema::Status;
using Operation = std::function<Status()>;

constexpr int kOutOfMemory = 2;
constexpr int kInvalidPtx = 218;
constexpr int kInvalidHandle = 400;
constexpr int kIllegalAddress = 700;
constexpr int kLaunchOutOfResources = 701;
constexpr int kUnknownToTheDriver = 12345;

struct Fault {
  const char* function;
  int nth;
  int code;
  std::string message;  // a part of it
};

void Inject(const Operation& operation, const Fault& fault, const std::string& what) {
  Fake().fail(fault.function, fault.nth, fault.code);
  const Status status = operation();
  check::That(!status.ok(), what + ": " + fault.function + " fails");
  check::Contains(status.message(), fault.function, what);
  check::Contains(status.message(), fault.message, what);
  check::That(status.message().size() < 450, what + ": fits into tfjs's 500 characters");
}

void InjectAll(const Operation& operation, const std::vector<Fault>& faults,
               const std::string& what) {
  for (const Fault& fault : faults) {
    Inject(operation, fault, what);
    const Status again = operation();
    check::That(again.ok(),
                what + " works after the failure of " + fault.function + ": " + again.message());
  }
}

// On a device that has no module yet; none is left behind by a failed load.
void ModuleLoad() {
  check::Group("faults while the module is loaded");
  device::MakeCurrent(2);
  {
    const device::Stream stream;
    device::Floats memory(16);
    const ema::Copy copy = {memory.get(), memory.get() + 8, 4};
    const Operation operation = [&] { return ema::CudaCopy(&copy, 1, stream.get()); };
    Inject(operation, {"cuCtxGetDevice", 1, kInvalidHandle, "CUDA_ERROR_INVALID_HANDLE"}, "load");
    Inject(operation, {"cuModuleLoadDataEx", 1, kOutOfMemory, "CUDA_ERROR_OUT_OF_MEMORY"}, "load");
    Inject(operation, {"cuModuleLoadDataEx", 1, kInvalidPtx, "ptxas fatal: injected"}, "load");
    constexpr int kEntryPoints = 19;
    for (int nth = 1; nth <= kEntryPoints; ++nth) {
      const auto unloads = Fake().calls("cuModuleUnload");
      Inject(operation, {"cuModuleGetFunction", nth, kInvalidHandle, "(ema_"}, "load");
      check::Equal(Fake().calls("cuModuleUnload") - unloads, int64_t{1}, "modules unloaded");
    }
    Fake().fail("cuModuleUnload", 1, kInvalidHandle);
    Inject(operation, {"cuModuleGetFunction", 3, kInvalidHandle, "then cuModuleUnload failed"},
           "load");
    const auto loads = Fake().calls("cuModuleLoadDataEx");
    check::That(operation().ok(), "loads in the end");
    check::That(operation().ok(), "and stays");
    check::Equal(Fake().calls("cuModuleLoadDataEx") - loads, int64_t{1}, "modules loaded");
  }
  device::MakeCurrent(0);
}

std::vector<Fault> AttachFaults() {
  return {
      {"cuCtxGetCurrent", 1, kInvalidHandle, "CUDA_ERROR_INVALID_HANDLE (invalid resource handle)"},
      {"cuStreamGetCtx", 1, kInvalidHandle, "CUDA_ERROR_INVALID_HANDLE"},
      {"cuPointerGetAttribute", 1, kInvalidHandle, "not CUDA's"},
  };
}

std::vector<Fault> With(std::vector<Fault> faults, const std::vector<Fault>& more) {
  faults.insert(faults.end(), more.begin(), more.end());
  return faults;
}

void Operations() {
  check::Group("faults of updates, copies, reads, zeroing, statistics and waiting");
  const model::Model model({std::vector<int64_t>(700, 4), 9});
  const device::Stream stream;
  device::Floats out(700 * 9 * 8);
  std::vector<ema::Copy> copies;
  for (int i = 0; i < 300; ++i) copies.push_back({out.get(), out.get() + 8, 4});
  auto* const figures = reinterpret_cast<ema::Statistics*>(out.get());
  // 3 tables of 335 weights at most, each for 8 + 1 averages.
  std::vector<Fault> launches;
  for (int nth = 1; nth <= 6; ++nth) {
    launches.push_back({"cuLaunchKernel", nth, kLaunchOutOfResources,
                        nth % 2 == 1 ? "(ema_update_8) failed: CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES"
                                     : "(ema_update_1) failed"});
  }
  InjectAll([&] { return ema::CudaUpdate(model.update(), stream.get()); },
            With(AttachFaults(), launches), "update");
  InjectAll([&] { return ema::CudaCopy(copies.data(), 300, stream.get()); },
            With(AttachFaults(), {{"cuLaunchKernel", 1, kLaunchOutOfResources, "(ema_copy)"},
                                  {"cuLaunchKernel", 3, kUnknownToTheDriver, "CUDA error 12345"}}),
            "copy");
  std::vector<ema::Reading> readings;
  for (const ema::Copy& copy : copies)
    readings.push_back({copy.source, nullptr, copy.target, 4, 0});
  InjectAll(
      [&] {
        return ema::CudaRead({readings.data(), 300, 0}, stream.get());
      },
      With(AttachFaults(), {{"cuLaunchKernel", 1, kLaunchOutOfResources, "(ema_read)"},
                            {"cuLaunchKernel", 4, kUnknownToTheDriver, "CUDA error 12345"}}),
      "read");
  std::vector<ema::Place> places;
  for (const ema::Copy& copy : copies) places.push_back({copy.source, nullptr, copy.target, 4});
  const ema::Term term = {0, 0.5, 0, 0, 0};
  InjectAll(
      [&] {
        return ema::CudaCombine({&term, 1, places.data(), 300, 0}, stream.get());
      },
      With(AttachFaults(), {{"cuLaunchKernel", 1, kLaunchOutOfResources, "(ema_combine)"},
                            {"cuLaunchKernel", 4, kUnknownToTheDriver, "CUDA error 12345"}}),
      "combine");
  InjectAll([&] { return ema::CudaZero(out.get(), 100, stream.get()); },
            With(AttachFaults(), {{"cuMemsetD32Async", 1, kInvalidHandle, "CUDA_ERROR_"}}), "zero");
  const model::Model small({{3, 4, 5}, 9});
  const ema::Look look = {small.update(), small.alphas.data(), 0};
  InjectAll([&] { return ema::CudaStatistics(look, figures, stream.get()); },
            With(AttachFaults(), {{"cuLaunchKernel", 1, kOutOfMemory, "(ema_statistics)"},
                                  {"cuLaunchKernel", 2, kOutOfMemory, "(ema_statistics)"}}),
            "statistics");
  InjectAll([] { return ema::CudaSynchroniseContext(); },
            {{"cuCtxSynchronize", 1, kOutOfMemory, "CUDA_ERROR_OUT_OF_MEMORY"}}, "wait");
  InjectAll([&] { return ema::CudaSynchroniseStream(stream.get()); },
            {{"cuStreamSynchronize", 1, kInvalidHandle, "CUDA_ERROR_INVALID_HANDLE"}}, "wait");
}

// An illegal address stays: every later call says so, none pretends to have worked.
void Lost() {
  check::Group("a lost device stays lost");
  const model::Model model({{100}, 1});
  const device::Stream stream;
  const Operation operation = [&] { return ema::CudaUpdate(model.update(), stream.get()); };
  Inject(operation, {"cuLaunchKernel", 1, kIllegalAddress, "CUDA_ERROR_ILLEGAL_ADDRESS"}, "lost");
  check::That(!operation().ok(), "the next update fails too");
  Fake().reset();
  check::That(operation().ok(), "works on a device that is not lost");
}

}  // namespace

void Faults() {
  ModuleLoad();
  Operations();
  Lost();
  Fake().reset();
}

}  // namespace cases
