// Node-API entry: the functions of binding.d.ts, their argument checks, and the only exceptions of
// the native side. Neither TensorFlow nor CUDA appears here.
#include <napi.h>

#include <cstring>
#include <string>
#include <vector>

#include "chunk.h"
#include "cpu/ema_cpu.h"
#include "op/ema_op.h"
#include "platform/platform.h"
#include "update_count.h"

namespace {

Napi::Value Register(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  ema::Registration registration;
  const ema::Status status = ema::RegisterOps(&registration);
  if (!status.ok()) throw Napi::Error::New(env, status.message());
  const Napi::Object ops = Napi::Object::New(env);
  ops.Set("create", registration.ops.create);
  ops.Set("update", registration.ops.update);
  ops.Set("read", registration.ops.read);
  ops.Set("write", registration.ops.write);
  ops.Set("stats", registration.ops.stats);
  const Napi::Array devices = Napi::Array::New(env);
  for (size_t i = 0; i < registration.devices.size(); ++i) {
    devices.Set(static_cast<uint32_t>(i), registration.devices[i]);
  }
  Napi::Object out = Napi::Object::New(env);
  out.Set("ops", ops);
  out.Set("tensorflow", registration.tensorflow);
  out.Set("tensorflowPath", registration.tensorflow_path);
  out.Set("devices", devices);
  out.Set("gpuReason", registration.gpu_reason);
  return out;
}

Napi::Value BuildInfo(const Napi::CallbackInfo& info) {
  Napi::Object out = Napi::Object::New(info.Env());
  out.Set("version", TFJS_EMA_VERSION);
  out.Set("cpuKernel", ema::CpuKernelName());
  out.Set("threads", ema::CpuThreads());
  out.Set("compiler", __VERSION__);
  return out;
}

Napi::Value UpdateCounts(const Napi::CallbackInfo& info) {
  Napi::Object out = Napi::Object::New(info.Env());
  out.Set("CPU", static_cast<double>(ema::update_count.cpu.load()));
  out.Set("GPU", static_cast<double>(ema::update_count.gpu.load()));
  return out;
}

void SetThreads(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const double threads = info[0].IsNumber() ? info[0].As<Napi::Number>().DoubleValue() : -1;
  if (!(threads >= 0 && threads <= 64) || threads != static_cast<int>(threads)) {
    throw Napi::RangeError::New(env, "setThreads: expected a whole number from 0 to 64");
  }
  ema::SetCpuThreads(static_cast<int>(threads));
}

Napi::Float32Array Floats(const Napi::Env& env, const Napi::Value& value, const char* name) {
  const bool floats =
      value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_float32_array;
  if (!floats) {
    throw Napi::TypeError::New(env, std::string("lerp: ") + name + " must be a Float32Array");
  }
  return value.As<Napi::Float32Array>();
}

// The arguments of lerp, checked.
struct LerpArguments {
  Napi::Float32Array weight, alpha;
  std::vector<Napi::Float32Array> shadows;
  bool compensated = false;
};

LerpArguments CheckLerp(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  LerpArguments args;
  args.weight = Floats(env, info[0], "weight");
  args.alpha = Floats(env, info[2], "alpha");
  args.compensated = info[3].IsBoolean() && info[3].As<Napi::Boolean>().Value();
  if (!info[1].IsArray()) throw Napi::TypeError::New(env, "lerp: shadows must be an array");
  const Napi::Array list = info[1].As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); ++i) {
    args.shadows.push_back(Floats(env, list.Get(i), "each shadow"));
    if (args.shadows.back().ElementLength() != args.weight.ElementLength()) {
      throw Napi::RangeError::New(env, "lerp: each shadow must be as long as weight");
    }
  }
  const size_t wanted = args.alpha.ElementLength() * (args.compensated ? 2 : 1);
  if (args.shadows.empty() || args.shadows.size() != wanted) {
    throw Napi::RangeError::New(env, "lerp: expected one alpha for each average");
  }
  return args;
}

void Lerp(const Napi::CallbackInfo& info) {
  LerpArguments args = CheckLerp(info);
  const auto size = static_cast<int64_t>(args.weight.ElementLength());
  const int64_t stride = ema::AlignedSize(size);
  const size_t bytes = static_cast<size_t>(size) * sizeof(float);
  std::vector<float> arena(static_cast<size_t>(stride) * args.shadows.size());
  for (size_t k = 0; k < args.shadows.size() && size > 0; ++k) {
    std::memcpy(arena.data() + static_cast<size_t>(stride) * k, args.shadows[k].Data(), bytes);
  }
  const ema::Segment segment{args.weight.Data(), 0, size};
  ema::CpuUpdate({arena.data(), stride, static_cast<int>(args.alpha.ElementLength()),
                  args.alpha.Data(), args.compensated, &segment, 1});
  for (size_t k = 0; k < args.shadows.size() && size > 0; ++k) {
    std::memcpy(args.shadows[k].Data(), arena.data() + static_cast<size_t>(stride) * k, bytes);
  }
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  const ema::Status pinned = ema::PinThisImage();
  if (!pinned.ok()) throw Napi::Error::New(env, pinned.message());
  exports.Set("register", Napi::Function::New<Register>(env, "register"));
  exports.Set("buildInfo", Napi::Function::New<BuildInfo>(env, "buildInfo"));
  exports.Set("updateCounts", Napi::Function::New<UpdateCounts>(env, "updateCounts"));
  exports.Set("setThreads", Napi::Function::New<SetThreads>(env, "setThreads"));
  exports.Set("lerp", Napi::Function::New<Lerp>(env, "lerp"));
  return exports;
}

}  // namespace

NODE_API_MODULE(tfjs_ema, Init)
