// tf_stream.cc against a stand-in for TensorFlow: real C++ objects of Eigen's shape, laid out by
// the compiler. Brings the parts of tf_api that tf_stream uses; no TensorFlow is loaded here.
#include <cstring>
#include <string>

#include "cases.h"
#include "check.h"
#include "op/tf_api.h"
#include "op/tf_stream.h"

// As in TensorDeviceGpu.h, reduced to what decides the layout: the order of virtual functions, the
// first member.
namespace Eigen {

class StreamInterface {
 public:
  virtual ~StreamInterface() {}
  virtual void* const& stream() const = 0;
  virtual const int& deviceProperties() const = 0;
  virtual void* allocate(size_t bytes) const = 0;
};

struct GpuDevice {
  const StreamInterface* stream_;
  int max_blocks_;
};

}  // namespace Eigen

namespace {

class StreamDevice : public Eigen::StreamInterface {
 public:
  explicit StreamDevice(void* stream) : stream_(stream) {}
  void* const& stream() const override { return stream_; }
  const int& deviceProperties() const override { return properties_; }
  void* allocate(size_t) const override { return nullptr; }

 private:
  const int properties_ = 0;
  void* const stream_;
};

struct StandIn {
  bool has_get_stream = false;
  bool is_pluggable = false;
  bool has_eigen_device = false;
  const Eigen::GpuDevice* device = nullptr;
  int plugin_stream = 0;
  bool failed = false;  // the one status that is alive
};
StandIn stand_in;
ema::TfApi api;

void* GetStream(TF_OpKernelContext*, TF_Status*) {
  stand_in.failed = !stand_in.is_pluggable;
  return stand_in.is_pluggable ? &stand_in.plugin_stream : nullptr;
}

const Eigen::GpuDevice& EigenDevice(const TF_OpKernelContext*) { return *stand_in.device; }

// Any address will do: only the functions below look at it.
TF_Status* NewStatus() {
  stand_in.failed = false;
  return reinterpret_cast<TF_Status*>(&stand_in);
}

ema::StreamChoice Choose(bool expect_success, const std::string& what) {
  api.NewStatus = NewStatus;
  api.DeleteStatus = [](TF_Status*) {};
  ema::FindStreamSymbols();
  ema::StreamChoice choice;
  const ema::Status status = ema::StreamOf(nullptr, &choice);
  check::That(status.ok() == expect_success, what + ": " + status.message());
  return choice;
}

}  // namespace

namespace ema {

const TfApi& Tf() { return api; }

void* TensorFlowSymbol(const char* name) {
  constexpr const char* kEigenDevice =
      "_ZNK10tensorflow15OpKernelContext12eigen_deviceIN5Eigen9GpuDeviceEEERKT_v";
  if (std::strcmp(name, "TF_GetStream") == 0 && stand_in.has_get_stream) {
    return reinterpret_cast<void*>(&GetStream);
  }
  if (std::strcmp(name, kEigenDevice) == 0 && stand_in.has_eigen_device) {
    return reinterpret_cast<void*>(&EigenDevice);
  }
  return nullptr;
}

Status FromTf(const TF_Status*) {
  return stand_in.failed ? Status::Failure("not a pluggable device") : Status();
}

}  // namespace ema

namespace cases {

void Streams() {
  check::Group("TensorFlow's stream: pluggable device, built-in device, none");
  stand_in = {true, true};
  ema::StreamChoice choice = Choose(true, "pluggable");
  check::That(choice.stream == &stand_in.plugin_stream && !choice.must_synchronise,
              "a pluggable device's stream comes from the C API");
  int cuda_stream = 0;
  const StreamDevice stream_device(&cuda_stream);
  const Eigen::GpuDevice device{&stream_device, 1};
  stand_in = {true, false, true, &device};
  choice = Choose(true, "built-in");
  check::That(choice.stream == &cuda_stream && !choice.must_synchronise,
              "the built-in device's stream comes through Eigen");
  stand_in = {false, false, true, &device};
  choice = Choose(true, "no TF_GetStream");
  check::That(choice.stream == &cuda_stream, "also without TF_GetStream");
  stand_in = {true, false};
  choice = Choose(true, "unknown");
  check::That(choice.stream == nullptr && choice.must_synchronise,
              "an unknown stream means synchronising");
  const Eigen::GpuDevice empty{nullptr, 1};
  stand_in = {true, false, true, &empty};
  Choose(false, "a device without a stream is refused");
}

}  // namespace cases
