// Device memory of the fake GPUs: addresses that fault when the host touches them, and the real
// bytes behind them. Knows nothing of streams and calls.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fake {

constexpr int kMaxDevices = 8;

// A device address, or 0 when `bytes` is 0 or there is no room. Not initialised: filled with bytes
// 0xFF (NaN) up to a limit.
uint64_t Allocate(int device, size_t bytes);

// False when no block begins there.
bool Free(uint64_t address);

// The device whose allocated memory holds the address; -1 when none does.
int OwnerOf(uint64_t address);

// The bytes behind [address, address + bytes); null when they do not lie in one allocated block.
void* Translate(uint64_t address, size_t bytes);

// As Translate, for kernels: remembers blocks per thread, and notes a violation (calls.h) when the
// access is wrong.
void* TranslateAccess(uint64_t address, size_t bytes, const char* what);

int64_t AllocatedBytes();

}  // namespace fake
