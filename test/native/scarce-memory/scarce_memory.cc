// Memory that runs out, for a process that loads this library first (LD_PRELOAD): the n-th
// allocation of the addon fails, n being the environment variable SCARCE_MEMORY, which the program
// sets when it wants one and which is gone once it has happened. Allocations of others are left
// alone. An exception that leaves a function which the loader calls ends the process, as it may
// where the C library cannot be unwound.
#include <dlfcn.h>
#include <link.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

namespace {

constexpr const char* kVariable = "SCARCE_MEMORY";

bool IsAddons(void* caller) {
  Dl_info info;
  return dladdr(caller, &info) != 0 && std::strstr(info.dli_fname, "tfjs_ema") != nullptr;
}

bool MustFail(void* caller) {
  const char* const left = std::getenv(kVariable);
  if (left == nullptr || !IsAddons(caller)) return false;
  const int count = std::atoi(left);
  if (count <= 1) {
    unsetenv(kVariable);
    return true;
  }
  char text[16];
  std::snprintf(text, sizeof(text), "%d", count - 1);
  setenv(kVariable, text, 1);
  return false;
}

void* Allocate(size_t size, void* caller) {
  void* const memory = MustFail(caller) ? nullptr : std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

// The calls of the addon come straight here, so that the return address tells whose they are.
void* operator new(size_t size) { return Allocate(size, __builtin_return_address(0)); }
void* operator new[](size_t size) { return Allocate(size, __builtin_return_address(0)); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }

extern "C" int dl_iterate_phdr(int (*callback)(dl_phdr_info*, size_t, void*), void* data) {
  static const auto real =
      reinterpret_cast<decltype(&dl_iterate_phdr)>(dlsym(RTLD_NEXT, "dl_iterate_phdr"));
  return [&]() noexcept { return real(callback, data); }();
}
