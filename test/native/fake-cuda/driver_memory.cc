// The driver API of the fake: memory, copies and fills.
// Every device address is checked against what has been allocated.
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "calls.h"
#include "driver.h"
#include "memory.h"

using fake::Enter;
using fake::Stream;

namespace {

enum class Side { kHost, kDevice };

struct Place {
  Side side;
  uint64_t address;
};

// The bytes of a place; null (and a violation) when they are not device memory as claimed, or
// device memory where the host's is due.
void* Bytes(Place place, size_t size, const char* what) {
  if (place.side == Side::kDevice) return fake::TranslateAccess(place.address, size, what);
  if (fake::OwnerOf(place.address) < 0) return reinterpret_cast<void*>(place.address);
  fake::Violate(std::string(what) + ": a device address where the host's is due");
  return nullptr;
}

void Move(Place to, Place from, size_t size, const char* what) {
  if (size == 0) return;
  void* const target = Bytes(to, size, what);
  const void* const source = Bytes(from, size, what);
  if (target != nullptr && source != nullptr) std::memmove(target, source, size);
}

Place Host(const void* p) { return {Side::kHost, reinterpret_cast<uint64_t>(p)}; }
Place Device(uint64_t address) { return {Side::kDevice, address}; }

int MoveNow(Place to, Place from, size_t size, const char* what) {
  const int result = fake::Enqueue(nullptr, [=] { Move(to, from, size, what); });
  if (result == fake::kSuccess) fake::StreamOf(nullptr)->Drain();
  return result;
}

// Pageable host memory is read before an asynchronous copy to the device returns, as the real
// driver does.
int UploadLater(uint64_t to, const void* from, size_t size, Stream* stream, const char* what) {
  const auto* const first = static_cast<const char*>(from);
  const auto staged = std::make_shared<std::vector<char>>(first, first + size);
  return fake::Enqueue(stream, [=] { Move(Device(to), Host(staged->data()), size, what); });
}

int FillLater(uint64_t to, uint32_t value, size_t width, size_t count, Stream* stream,
              const char* what) {
  if (count == 0) return fake::kInvalidValue;
  if (to % width != 0) return fake::kInvalidValue;
  return fake::Enqueue(stream, [=] {
    auto* const bytes = static_cast<char*>(fake::TranslateAccess(to, count * width, what));
    if (bytes == nullptr) return;
    for (size_t i = 0; i < count; ++i) std::memcpy(bytes + i * width, &value, width);
  });
}

}  // namespace

extern "C" {

int cuMemAlloc_v2(uint64_t* address, size_t size) {
  if (const int error = Enter(__func__)) return error;
  if (fake::CurrentContext() == nullptr) return fake::kInvalidContext;
  if (size == 0) return fake::kInvalidValue;
  *address = fake::Allocate(fake::CurrentContext()->device, size);
  return *address == 0 ? fake::kOutOfMemory : fake::kSuccess;
}

int cuMemFree_v2(uint64_t address) {
  if (const int error = Enter(__func__)) return error;
  return fake::Free(address) ? fake::kSuccess : fake::kInvalidValue;
}

int cuMemGetInfo_v2(size_t* free, size_t* total) {
  *total = size_t{4} << 30;
  *free = *total;
  return Enter(__func__);
}

int cuMemAllocHost_v2(void** p, size_t size) {
  if (const int error = Enter(__func__)) return error;
  *p = std::aligned_alloc(64, (size + 63) / 64 * 64);
  return *p == nullptr ? fake::kOutOfMemory : fake::kSuccess;
}

int cuMemFreeHost(void* p) {
  if (const int error = Enter(__func__)) return error;
  std::free(p);
  return fake::kSuccess;
}

int cuPointerGetAttribute(void* value, int attribute, uint64_t address) {
  constexpr int kDeviceOrdinal = 9;
  if (const int error = Enter(__func__)) return error;
  const int owner = fake::OwnerOf(address);
  if (attribute != kDeviceOrdinal || owner < 0) return fake::kInvalidValue;
  *static_cast<int*>(value) = owner;
  return fake::kSuccess;
}

int cuMemcpyHtoD_v2(uint64_t to, const void* from, size_t size) {
  if (const int error = Enter(__func__)) return error;
  return MoveNow(Device(to), Host(from), size, "cuMemcpyHtoD");
}

int cuMemcpyDtoH_v2(void* to, uint64_t from, size_t size) {
  if (const int error = Enter(__func__)) return error;
  return MoveNow(Host(to), Device(from), size, "cuMemcpyDtoH");
}

int cuMemcpyDtoD_v2(uint64_t to, uint64_t from, size_t size) {
  if (const int error = Enter(__func__)) return error;
  return MoveNow(Device(to), Device(from), size, "cuMemcpyDtoD");
}

int cuMemcpyHtoDAsync_v2(uint64_t to, const void* from, size_t size, Stream* stream) {
  if (const int error = Enter(__func__)) return error;
  return UploadLater(to, from, size, stream, "cuMemcpyHtoDAsync");
}

int cuMemcpyDtoHAsync_v2(void* to, uint64_t from, size_t size, Stream* stream) {
  if (const int error = Enter(__func__)) return error;
  return fake::Enqueue(stream, [=] { Move(Host(to), Device(from), size, "cuMemcpyDtoHAsync"); });
}

int cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t size, Stream* stream) {
  if (const int error = Enter(__func__)) return error;
  return fake::Enqueue(stream, [=] { Move(Device(to), Device(from), size, "cuMemcpyDtoDAsync"); });
}

int cuMemsetD32_v2(uint64_t to, unsigned value, size_t count) {
  if (const int error = Enter(__func__)) return error;
  const int result = FillLater(to, value, 4, count, nullptr, "cuMemsetD32");
  if (result == fake::kSuccess) fake::StreamOf(nullptr)->Drain();
  return result;
}

int cuMemsetD8Async(uint64_t to, unsigned char value, size_t count, Stream* stream) {
  if (const int error = Enter(__func__)) return error;
  return FillLater(to, value, 1, count, stream, "cuMemsetD8Async");
}

int cuMemsetD32Async(uint64_t to, unsigned value, size_t count, Stream* stream) {
  if (const int error = Enter(__func__)) return error;
  return FillLater(to, value, 4, count, stream, "cuMemsetD32Async");
}

}  // extern "C"
