// A kernel as its PTX text has it: instructions over numbered registers.
// Only what native/cuda/ptx/ema_kernel.ptx uses is known; anything else is refused, never guessed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ptx {

constexpr int kWarpThreads = 32;

// One register of all threads of a warp.
using Register = std::array<uint64_t, kWarpThreads>;

struct Instruction;

// Works on the threads whose bit of `lanes` is set.
using Compute = void (*)(const Instruction&, uint32_t lanes, Register* registers);

enum class Kind { kCompute, kLoad, kStore, kBranch, kBarrier, kReturn };
enum class Space { kParameters, kGlobal, kShared };

struct Instruction {
  Kind kind = Kind::kCompute;
  Compute compute = nullptr;
  std::array<int, 4> to{};    // registers that are written
  std::array<int, 5> from{};  // registers that are read; the address of a load or store is the last
  int to_count = 0;
  int from_count = 0;
  // Of loads and stores.
  Space space = Space::kGlobal;
  size_t width = 0;  // bytes of one element
  bool is_signed = false;
  int64_t offset = 0;
  // Of branches; a conditional one reads its predicate.
  int target = 0;
  bool is_negated = false;
  std::string text;
};

// Addresses that no global memory has: a mix-up of spaces is seen.
constexpr uint64_t kParameterBase = uint64_t{0x7A} << 56;
constexpr uint64_t kSharedBase = uint64_t{0x5B} << 56;

// The first registers of every kernel.
enum Special : int { kThread, kBlockX, kBlockY, kSpecials };

struct Program {
  std::string name;
  size_t parameter_bytes = 0;
  size_t shared_bytes = 0;
  unsigned max_threads = 0;
  bool has_barrier = false;
  std::vector<Instruction> code;
  int registers = kSpecials;
  std::map<int, uint64_t> constants;  // registers that hold a literal or an address
};

// The kernels of a text, by name; throws std::runtime_error with the line that it does not know.
std::map<std::string, Program> Parse(const std::string& text);

}  // namespace ptx
