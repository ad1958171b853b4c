// macOS: the addon's own operator new and delete, compiled as hidden (platform.cmake).
// Those of the C++ runtime inside of the published binary are visible ones, and dyld would share
// them with every library of the process. With these the linker leaves those out.
#include <cstdlib>
#include <new>

namespace {

void* Checked(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void* Allocate(std::size_t size) { return Checked(std::malloc(size == 0 ? 1 : size)); }

void* Allocate(std::size_t size, std::align_val_t alignment) {
  const auto wanted = static_cast<std::size_t>(alignment);
  void* memory = nullptr;
  const int error = posix_memalign(&memory, wanted < sizeof(void*) ? sizeof(void*) : wanted,
                                   size == 0 ? 1 : size);
  return Checked(error == 0 ? memory : nullptr);
}

}  // namespace

void* operator new(std::size_t size) { return Allocate(size); }
void* operator new[](std::size_t size) { return Allocate(size); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return Allocate(size, alignment);
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return Allocate(size, alignment);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
