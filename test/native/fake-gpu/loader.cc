// The Node addon around the fake device: gives it to TensorFlow, and hands the fake driver's
// controls to a test. See index.d.ts. Holds no device.
#include "loader.h"

#include <dlfcn.h>
#define NAPI_VERSION 8
#include <node_api.h>

#include <string>

#include "fake_cuda.h"

namespace fake_gpu {
namespace {

struct TensorFlow {
  TF_Status* (*NewStatus)();
  void (*DeleteStatus)(TF_Status*);
  void (*SetStatus)(TF_Status*, TF_Code, const char*);
  TF_Code (*GetCode)(const TF_Status*);
  const char* (*Message)(const TF_Status*);
  void* (*LoadDevice)(const char* path, TF_Status*);
};
TensorFlow tf;

template <typename Function>
void Find(void* library, const char* name, Function* function, std::string* missing) {
  *reinterpret_cast<void**>(function) = dlsym(library, name);
  if (*function == nullptr) *missing += std::string(" ") + name;
}

// "" or what went wrong.
std::string Load(const std::string& library_path) {
  void* const library = dlopen(library_path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return dlerror();
  std::string missing;
  Find(library, "TF_NewStatus", &tf.NewStatus, &missing);
  Find(library, "TF_DeleteStatus", &tf.DeleteStatus, &missing);
  Find(library, "TF_SetStatus", &tf.SetStatus, &missing);
  Find(library, "TF_GetCode", &tf.GetCode, &missing);
  Find(library, "TF_Message", &tf.Message, &missing);
  Find(library, "TF_LoadPluggableDeviceLibrary", &tf.LoadDevice, &missing);
  if (!missing.empty()) return library_path + " lacks" + missing;
  Dl_info self{};
  if (dladdr(reinterpret_cast<void*>(&SetStatus), &self) == 0) return "cannot find my own file";
  TF_Status* const status = tf.NewStatus();
  tf.LoadDevice(self.dli_fname, status);  // stays loaded for the life of the process
  const std::string message = tf.GetCode(status) == TF_OK ? "" : tf.Message(status);
  tf.DeleteStatus(status);
  return message;
}

std::string Text(napi_env env, napi_value value) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) return "";
  std::string text(length, '\0');
  napi_get_value_string_utf8(env, value, text.data(), length + 1, &length);
  return text;
}

int Number(napi_env env, napi_value value) {
  int32_t number = 0;
  napi_get_value_int32(env, value, &number);
  return number;
}

napi_value ToNumber(napi_env env, int64_t number) {
  napi_value value = nullptr;
  napi_create_int64(env, number, &value);
  return value;
}

napi_value ToText(napi_env env, const std::string& text) {
  napi_value value = nullptr;
  napi_create_string_utf8(env, text.data(), text.size(), &value);
  return value;
}

constexpr size_t kMaxArguments = 3;

// A function of the module: its arguments come in `a`, missing ones are undefined.
template <napi_value (*kBody)(napi_env env, const napi_value* a)>
napi_value Export(napi_env env, napi_callback_info info) {
  napi_value arguments[kMaxArguments] = {};
  size_t count = kMaxArguments;
  if (napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr) != napi_ok) return nullptr;
  return kBody(env, arguments);
}

napi_value LoadBody(napi_env env, const napi_value* a) {
  const std::string problem = Load(Text(env, a[0]));
  if (!problem.empty()) napi_throw_error(env, nullptr, problem.c_str());
  return nullptr;
}
napi_value CallsBody(napi_env env, const napi_value* a) {
  return ToNumber(env, fake_cuda_calls(Text(env, a[0]).c_str()));
}
napi_value FailBody(napi_env env, const napi_value* a) {
  fake_cuda_fail(Text(env, a[0]).c_str(), Number(env, a[1]), Number(env, a[2]));
  return nullptr;
}
napi_value DelayBody(napi_env env, const napi_value* a) {
  fake_cuda_set_delay_us(Number(env, a[0]));
  return nullptr;
}
napi_value SynchronisationsBody(napi_env env, const napi_value*) {
  return ToNumber(env, fake_cuda_synchronisations());
}
napi_value ViolationsBody(napi_env env, const napi_value*) {
  return ToText(env, fake_cuda_violations() == 0 ? "" : fake_cuda_first_violation());
}
napi_value AllocatedBody(napi_env env, const napi_value*) {
  return ToNumber(env, fake_cuda_allocated_bytes());
}
napi_value ResetBody(napi_env, const napi_value*) {
  fake_cuda_reset();
  return nullptr;
}

}  // namespace

void SetStatus(TF_Status* status, TF_Code code, const char* message) {
  tf.SetStatus(status, code, message);
}

void CallWithStatus(SE_StatusCallbackFn function, void* argument) {
  TF_Status* const status = tf.NewStatus();
  function(argument, status);
  tf.DeleteStatus(status);
}

napi_value Init(napi_env env, napi_value exports) {
  const napi_property_descriptor properties[] = {
      {"load", nullptr, Export<LoadBody>, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"calls", nullptr, Export<CallsBody>, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"fail", nullptr, Export<FailBody>, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"setDelay", nullptr, Export<DelayBody>, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"synchronisations", nullptr, Export<SynchronisationsBody>, nullptr, nullptr, nullptr,
       napi_enumerable, nullptr},
      {"violation", nullptr, Export<ViolationsBody>, nullptr, nullptr, nullptr, napi_enumerable,
       nullptr},
      {"allocatedBytes", nullptr, Export<AllocatedBody>, nullptr, nullptr, nullptr, napi_enumerable,
       nullptr},
      {"reset", nullptr, Export<ResetBody>, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
  };
  napi_define_properties(env, exports, std::size(properties), properties);
  return exports;
}

}  // namespace fake_gpu

NAPI_MODULE(fake_gpu, fake_gpu::Init)
