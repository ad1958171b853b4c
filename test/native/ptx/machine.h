// Runs a program over a grid, a warp's threads side by side, on the memory of the fake driver.
// Stops at the first thing that a GPU would fault on or whose result it does not define.
#pragma once

#include <cstdint>
#include <map>
#include <stdexcept>
#include <vector>

#include "kernels.h"
#include "program.h"

namespace ptx {

// What a launch asked of global memory. A request is one instruction of one warp, a sector 32
// bytes, the least that a GPU moves.
struct Traffic {
  int64_t bytes = 0;
  int64_t sectors = 0;  // that the requests touched, each request's counted for itself
};

// What must not happen, in words.
class Fault : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
};

// Shared memory of one block. Between two barriers a word that one thread writes is nobody else's.
class SharedMemory {
 public:
  explicit SharedMemory(size_t bytes) : bytes_(bytes), words_(bytes / kWord) {}

  char* Access(uint64_t offset, size_t size, int thread, bool stores);
  void PassBarrier();
  void Clear();

 private:
  static constexpr size_t kWord = 4;
  static constexpr int kNobody = -1;
  static constexpr int kSeveral = -2;
  struct Word {
    int writer = kNobody;
    int reader = kNobody;
    bool holds_value = false;
  };

  std::vector<char> bytes_;
  std::vector<Word> words_;
};

// What the warps of one launch share.
struct Surroundings {
  const Program& program;
  const char* parameters;
  SharedMemory shared;
  Traffic traffic;
};

class Warp {
 public:
  explicit Warp(Surroundings* surroundings);

  // Puts the threads from `first` on at the beginning.
  void Begin(unsigned first, unsigned threads, unsigned block_x, unsigned block_y);
  // Runs them until they end, or wait at a barrier: its place in the program. kEnded when all have.
  int Run();

  static constexpr int kEnded = -1;

 private:
  void RunFrom(int at, uint32_t lanes);
  void CheckDefined(const Instruction& in, uint32_t lanes) const;
  uint32_t Taken(const Instruction& in, uint32_t lanes) const;
  void Access(const Instruction& in, uint32_t lanes);
  char* Find(const Instruction& in, uint64_t address, int lane);
  void CountSectors(const std::vector<uint64_t>& addresses, size_t size);

  Surroundings& around_;
  const Program& program_;
  std::vector<Register> registers_;
  std::vector<uint32_t> defined_;  // the lanes in which a register holds a value
  std::vector<uint32_t> defined_at_first_;
  std::map<int, uint32_t> ready_;  // lanes by the instruction that they come to next
  int barrier_ = kEnded;
  uint32_t arrived_ = 0;
  uint32_t all_ = 0;
  unsigned first_ = 0;
  int64_t steps_ = 0;
  std::vector<uint64_t> addresses_;
  std::vector<uint64_t> sectors_;
};

// Throws Fault.
Traffic Run(const Program& program, const fake::Grid& grid, const std::vector<unsigned>& blocks,
            const void* parameters);

}  // namespace ptx
