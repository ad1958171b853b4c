// Two mappings a device: a reserved range without access, whose addresses are handed out, and as
// large a one with the bytes.
#include "memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>

#include "calls.h"
#include "fake_cuda.h"

namespace fake {
namespace {

// Room for a weight of over 2^31 floats and its shadows; pages that nobody writes cost nothing.
constexpr size_t kSpace = size_t{64} << 30;
constexpr size_t kGranularity = 256;
// A gap between blocks, so that an access just past the end is seen.
constexpr size_t kGuard = 4096;
constexpr size_t kFillLimit = size_t{64} << 20;

uint64_t Map(int protection) {
  void* const p =
      mmap(nullptr, kSpace, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) throw std::runtime_error("fake CUDA: no address space for device memory");
  return reinterpret_cast<uint64_t>(p);
}

// One device's address space: blocks by first address.
struct Space {
  const uint64_t addresses = Map(PROT_NONE);
  const uint64_t bytes = Map(PROT_READ | PROT_WRITE);
  std::map<uint64_t, size_t> blocks;

  // The first gap that is large enough.
  uint64_t FindRoom(size_t size) const {
    uint64_t candidate = addresses;
    for (const auto& [begin, length] : blocks) {
      if (begin - candidate >= size + kGuard) break;
      candidate = begin + (length + kGuard + kGranularity - 1) / kGranularity * kGranularity;
    }
    return candidate + size + kGuard <= addresses + kSpace ? candidate : 0;
  }
};

struct Block {
  uint64_t begin = 0;
  uint64_t end = 0;
  uint64_t distance = 0;  // to its bytes
};

std::mutex mutex;
std::array<Space*, kMaxDevices>
    spaces{};  // never freed: TensorFlow's threads may outlive static destructors
std::atomic<uint64_t> generation{1};  // of the set of blocks
int64_t allocated = 0;

Space& SpaceOf(int device) {
  Space*& space = spaces[static_cast<size_t>(device)];
  if (space == nullptr) space = new Space;
  return *space;
}

// The block around [address, address + size), and its device; call it locked.
bool FindBlock(uint64_t address, size_t size, Block* block, int* device) {
  for (int d = 0; d < kMaxDevices; ++d) {
    const Space* const space = spaces[static_cast<size_t>(d)];
    if (space == nullptr || address - space->addresses >= kSpace) continue;
    auto next = space->blocks.upper_bound(address);
    if (next == space->blocks.begin()) return false;
    const auto& [begin, length] = *std::prev(next);
    if (address + size > begin + length) return false;
    *block = {begin, begin + length, space->bytes - space->addresses};
    *device = d;
    return true;
  }
  return false;
}

}  // namespace

uint64_t Allocate(int device, size_t size) {
  if (size == 0) return 0;
  const std::lock_guard<std::mutex> lock(mutex);
  Space& space = SpaceOf(device);
  const uint64_t address = space.FindRoom(size);
  if (address == 0) return 0;
  space.blocks[address] = size;
  allocated += static_cast<int64_t>(size);
  ++generation;
  if (size <= kFillLimit) {
    std::memset(reinterpret_cast<void*>(address - space.addresses + space.bytes), 0xFF, size);
  }
  return address;
}

bool Free(uint64_t address) {
  const std::lock_guard<std::mutex> lock(mutex);
  for (Space* const space : spaces) {
    if (space == nullptr || address - space->addresses >= kSpace) continue;
    const auto block = space->blocks.find(address);
    if (block == space->blocks.end()) return false;
    // Gives the pages back, so that the next owner of the addresses finds zeros rather than old
    // values.
    madvise(reinterpret_cast<void*>(address - space->addresses + space->bytes),
            block->second / kGuard * kGuard, MADV_DONTNEED);
    allocated -= static_cast<int64_t>(block->second);
    space->blocks.erase(block);
    ++generation;
    return true;
  }
  return false;
}

int OwnerOf(uint64_t address) {
  const std::lock_guard<std::mutex> lock(mutex);
  Block block;
  int device = -1;
  return FindBlock(address, 1, &block, &device) ? device : -1;
}

void* Translate(uint64_t address, size_t bytes) {
  const std::lock_guard<std::mutex> lock(mutex);
  Block block;
  int device = -1;
  if (!FindBlock(address, bytes, &block, &device)) return nullptr;
  return reinterpret_cast<void*>(address + block.distance);
}

void* TranslateAccess(uint64_t address, size_t bytes, const char* what) {
  thread_local std::array<Block, 8> recent;
  thread_local size_t next = 0;
  thread_local uint64_t seen = 0;
  if (seen != generation.load(std::memory_order_acquire)) {
    recent.fill(Block());
    seen = generation.load(std::memory_order_acquire);
  }
  for (const Block& block : recent) {
    if (address >= block.begin && address + bytes <= block.end) {
      return reinterpret_cast<void*>(address + block.distance);
    }
  }
  Block block;
  int device = -1;
  {
    const std::lock_guard<std::mutex> lock(mutex);
    if (FindBlock(address, bytes, &block, &device)) {
      recent[next++ % recent.size()] = block;
      return reinterpret_cast<void*>(address + block.distance);
    }
  }
  Violate(std::string(what) + " of " + std::to_string(bytes) + " bytes at " +
          std::to_string(address) + ", outside allocated device memory");
  return nullptr;
}

int64_t AllocatedBytes() {
  const std::lock_guard<std::mutex> lock(mutex);
  return allocated;
}

}  // namespace fake

extern "C" int64_t fake_cuda_allocated_bytes() { return fake::AllocatedBytes(); }
