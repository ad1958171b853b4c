// How operations reach the device: how many launches, on which stream, in order, without waiting;
// one module a context. Counting needs the fake; on a real GPU only order and refusals are checked.
#include <string>
#include <thread>
#include <vector>

#include "cases.h"
#include "check.h"
#include "cuda/ema_cuda.h"
#include "device.h"
#include "model.h"

namespace cases {
namespace {

using device::Fake;
using model::Model;

void CheckLaunches(const model::Options& options, int64_t launches, const std::string& what) {
  const Model model(options);
  const device::Stream stream;
  const auto waits = Fake().synchronisations();
  const auto before = Fake().calls("cuLaunchKernel");
  const auto allocated = Fake().allocated_bytes();
  check::That(ema::CudaUpdate(model.update(), stream.get()).ok(), what);
  check::Equal(Fake().calls("cuLaunchKernel") - before, launches, what + ": launches");
  check::Equal(Fake().synchronisations() - waits, int64_t{0}, what + ": host synchronisations");
  check::Equal(Fake().allocated_bytes() - allocated, int64_t{0}, what + ": bytes allocated");
}

void Counts() {
  check::Group("launches of an update; no host synchronisation, copy or allocation");
  const auto sizes = [](int count) { return std::vector<int64_t>(static_cast<size_t>(count), 20); };
  const auto copies = [] {
    return Fake().calls("cuMemcpyHtoDAsync_v2") + Fake().calls("cuMemcpyDtoHAsync_v2") +
           Fake().calls("cuMemcpyDtoDAsync_v2") + Fake().calls("cuMemsetD32Async");
  };
  const int64_t copied = copies();
  for (const int tensors : {1, 2, 23, 110, 111, 161, 335}) {
    CheckLaunches({sizes(tensors), 5}, 1, std::to_string(tensors) + " tensors");
  }
  CheckLaunches({sizes(336), 1}, 2, "336 tensors");
  CheckLaunches({sizes(600), 8}, 2, "600 tensors");
  CheckLaunches({sizes(2000), 1}, 6, "2,000 tensors");
  CheckLaunches({std::vector<int64_t>(10000, 0), 1}, 0, "10,000 empty tensors");
  CheckLaunches({sizes(10), 9}, 2, "9 averages");
  CheckLaunches({sizes(10), 17, true}, 3, "17 averages");
  check::Equal(copies() - copied, int64_t{0}, "copies made by updates");
}

// Weights written, updated and read on one stream whose work is slow: right only if the launch is
// in that stream and waits for nothing.
void Order() {
  check::Group("an update is in order on its stream, and returns before it has run");
  Model model({{5000, 3, 700}, 2});
  const device::Stream stream;
  device::Floats copy(model.rows() * model.row_stride());
  if (device::IsFake()) Fake().set_delay_us(20000);
  for (size_t i = 0; i < model.weights.size(); ++i) {
    for (float& w : model.weights[i]) w = 2.0f;
    stream.Write(const_cast<float*>(model.segments[i].weight), model.weights[i]);
  }
  device::Event done;
  check::That(ema::CudaUpdate(model.update(), stream.get()).ok(), "update");
  done.Record(stream);
  if (device::IsFake()) check::That(!done.Reached(), "returns before the update has run");
  stream.Copy(copy.get(), model.arena().get(), copy.size());
  stream.Synchronise();
  check::That(done.Reached(), "has run after the stream was waited for");
  check::Equal(model::Different(copy.ReadAll(), model.Expected(1)), int64_t{0},
               "floats that differ");
  if (device::IsFake()) Fake().set_delay_us(0);
}

void CheckRefused(const ema::Status& status, const std::string& part, const std::string& what) {
  check::That(!status.ok(), what + " is refused");
  check::Contains(status.message(), part, what);
}

void Refusals() {
  check::Group("work that cannot be right is refused");
  Model model({{100}, 1});
  const device::Stream stream;
  std::vector<float> host(64);
  ema::Update update = model.update();
  update.arena = host.data();
  if (device::IsFake()) {  // a real driver may map host memory
    CheckRefused(ema::CudaUpdate(update, stream.get()), "not CUDA's", "host memory");
    CheckRefused(ema::CudaZero(host.data(), 1, stream.get()), "not CUDA's", "zeroing the host");
  }
  update = model.update();
  ema::Segment segment = model.segments[0];
  update.segments = &segment;
  segment.offset = 4;
  CheckRefused(ema::CudaUpdate(update, stream.get()), "misaligned", "a misplaced weight");
  segment = model.segments[0];
  segment.weight = reinterpret_cast<const float*>(reinterpret_cast<uintptr_t>(segment.weight) + 2);
  CheckRefused(ema::CudaUpdate(update, stream.get()), "misaligned", "a weight between floats");
  std::thread([&] {
    device::MakeNoneCurrent();
    CheckRefused(ema::CudaUpdate(model.update(), nullptr), "no CUDA context", "no context");
  }).join();
  if (device::Count() < 2) return;
  std::thread([&] {
    device::MakeCurrent(1);
    CheckRefused(ema::CudaUpdate(model.update(), nullptr), "lies on CUDA device 0",
                 "another device's arena");
    CheckRefused(ema::CudaUpdate(model.update(), stream.get()), "another CUDA context",
                 "another device's stream");
  }).join();
}

}  // namespace

void NoDriver() {
  check::Group("without a driver");
  const ema::Status status = ema::CudaFindDriver();
  check::Contains(status.message(), "has not loaded the CUDA driver", "no driver");
}

void ModuleCache() {
  check::Group("one module a context, whichever thread comes first");
  const int devices = std::min(device::Count(), 2);
  const auto loads = [] { return device::IsFake() ? Fake().calls("cuModuleLoadDataEx") : 0; };
  const int64_t before = loads();
  for (int ordinal = 0; ordinal < devices; ++ordinal) {
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([ordinal] {
        device::MakeCurrent(ordinal);
        const device::Stream stream;
        device::Floats memory(16);
        memory.Write(std::vector<float>(16, 1.0f));
        const ema::Copy copy = {memory.get(), memory.get() + 8, 4};
        for (int i = 0; i < 10; ++i) {
          check::That(ema::CudaCopy(&copy, 1, stream.get()).ok(), "copy");
        }
        stream.Synchronise();
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  if (device::IsFake()) {
    check::Equal(loads() - before, int64_t{devices}, "modules loaded");
    Fake().reset();
  }
}

void Launches() {
  if (device::IsFake()) Counts();
  Order();
  Refusals();
  if (device::IsFake()) Fake().reset();
}

}  // namespace cases
