// The machine's own limits, as functions for Node: one memcpy of the weights, the simplest loop
// that reads and writes in place, and the simplest loop of one average. Built by
// bench/update/floor.ts for benchmarks only; no part of the package.
#include <node_api.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

namespace {

// Smaller work stays on the calling thread: starting a thread would cost more than it brings.
constexpr int64_t kThreadedFloats = 2'000'000;

// The two buffers, touched so that every page is there.
struct Buffers {
  explicit Buffers(size_t floats) : source(floats, 1.0f), target(floats, 0.0f) {}
  std::vector<float> source;
  std::vector<float> target;
};

void Scale(float* data, int64_t size) {
  for (int64_t i = 0; i < size; ++i) data[i] *= 0.9999999f;
}

void Lerp(float* shadow, const float* weight, int64_t size) {
  for (int64_t i = 0; i < size; ++i) shadow[i] += 1e-3f * (weight[i] - shadow[i]);
}

// Calls part(start, size) for equal shares of `size`, each on its own thread.
template <typename Part>
void Share(int64_t size, int threads, Part part) {
  if (threads < 2 || size < kThreadedFloats) return part(0, size);
  std::vector<std::thread> helpers;
  const int64_t share = size / threads;
  for (int i = 1; i < threads; ++i)
    helpers.emplace_back(part, i * share, i + 1 == threads ? size - i * share : share);
  part(0, share);
  for (std::thread& helper : helpers) helper.join();
}

// Arguments of every function: (buffers, threads).
struct Call {
  Call(napi_env env, napi_callback_info info) {
    size_t count = 2;
    napi_value arguments[2];
    void* data = nullptr;
    valid = napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr) == napi_ok &&
            count == 2 && napi_get_value_external(env, arguments[0], &data) == napi_ok &&
            napi_get_value_int32(env, arguments[1], &threads) == napi_ok;
    if (!valid) napi_throw_type_error(env, nullptr, "floor: expected (buffers, threads)");
    buffers = static_cast<Buffers*>(data);
  }
  Buffers* buffers = nullptr;
  int32_t threads = 1;
  bool valid = false;
};

napi_value CopyAll(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  if (!call.valid) return nullptr;
  float* const target = call.buffers->target.data();
  const float* const source = call.buffers->source.data();
  Share(static_cast<int64_t>(call.buffers->source.size()), call.threads,
        [=](int64_t start, int64_t size) {
          std::memcpy(target + start, source + start, static_cast<size_t>(size) * sizeof(float));
        });
  return nullptr;
}

napi_value ScaleAll(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  if (!call.valid) return nullptr;
  float* const target = call.buffers->target.data();
  Share(static_cast<int64_t>(call.buffers->target.size()), call.threads,
        [=](int64_t start, int64_t size) { Scale(target + start, size); });
  return nullptr;
}

napi_value LerpAll(napi_env env, napi_callback_info info) {
  const Call call(env, info);
  if (!call.valid) return nullptr;
  float* const target = call.buffers->target.data();
  const float* const source = call.buffers->source.data();
  Share(static_cast<int64_t>(call.buffers->target.size()), call.threads,
        [=](int64_t start, int64_t size) { Lerp(target + start, source + start, size); });
  return nullptr;
}

// Frees buffers that JavaScript has let go.
void Free(napi_env, void* data, void*) {
  const std::unique_ptr<Buffers> taken_back(static_cast<Buffers*>(data));
}

napi_value Allocate(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  int64_t floats = 0;
  if (napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr) != napi_ok || count != 1 ||
      napi_get_value_int64(env, argument, &floats) != napi_ok || floats < 0) {
    napi_throw_type_error(env, nullptr, "floor: expected a number of floats");
    return nullptr;
  }
  try {
    auto buffers = std::make_unique<Buffers>(static_cast<size_t>(floats));
    napi_value out;
    if (napi_create_external(env, buffers.get(), Free, nullptr, &out) == napi_ok) {
      buffers.release();  // JavaScript holds it until Free
      return out;
    }
  } catch (const std::exception& error) {
    napi_throw_error(env, nullptr, error.what());
  }
  return nullptr;
}

}  // namespace

NAPI_MODULE_INIT() {
  const napi_property_descriptor functions[] = {
      {"allocate", nullptr, Allocate, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"copy", nullptr, CopyAll, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"scale", nullptr, ScaleAll, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"lerp", nullptr, LerpAll, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
  };
  return napi_define_properties(env, exports, 4, functions) == napi_ok ? exports : nullptr;
}
