// Threads of a warp that part go on where the program's text comes first, until they meet again:
// near enough to how a GPU brings them together, and right for any order.
#include "machine.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "memory.h"

namespace ptx {
namespace {

constexpr size_t kSector = 32;
// Instructions of one warp in one block: far beyond the longest loop of the suite.
constexpr int64_t kEndless = 20'000'000;

template <typename Work>
void ForEach(uint32_t lanes, Work work) {
  for (int lane = 0; lane < kWarpThreads; ++lane) {
    if ((lanes >> lane & 1) != 0) work(lane);
  }
}

// All warps must have come to the same place.
int RunToBarrier(const Program& program, std::vector<Warp>* warps) {
  std::vector<int> places;
  for (Warp& warp : *warps) places.push_back(warp.Run());
  if (std::any_of(places.begin(), places.end(), [&](int place) { return place != places[0]; })) {
    throw Fault(program.name + ": a barrier that not all threads of the block come to");
  }
  return places[0];
}

class Block {
 public:
  Block(Surroundings* around, unsigned threads)
      : around_(*around), threads_(threads), count_((threads + kWarpThreads - 1) / kWarpThreads) {
    // Warps that never wait for each other can use the same registers in turn.
    const unsigned kept = around->program.has_barrier ? count_ : 1;
    for (unsigned i = 0; i < kept; ++i) warps_.emplace_back(around);
  }

  void Run(unsigned x, unsigned y) {
    if (!around_.program.has_barrier) {
      for (unsigned i = 0; i < count_; ++i) {
        Begin(&warps_[0], i, x, y);
        warps_[0].Run();
      }
      return;
    }
    around_.shared.Clear();
    for (unsigned i = 0; i < count_; ++i) Begin(&warps_[i], i, x, y);
    while (RunToBarrier(around_.program, &warps_) != Warp::kEnded) around_.shared.PassBarrier();
  }

 private:
  void Begin(Warp* warp, unsigned index, unsigned x, unsigned y) const {
    const unsigned first = index * kWarpThreads;
    warp->Begin(first, std::min<unsigned>(kWarpThreads, threads_ - first), x, y);
  }

  Surroundings& around_;
  const unsigned threads_;
  const unsigned count_;
  std::vector<Warp> warps_;
};

}  // namespace

char* SharedMemory::Access(uint64_t offset, size_t size, int thread, bool stores) {
  if (offset > bytes_.size() || size > bytes_.size() - offset) {
    throw Fault("an access outside shared memory");
  }
  for (uint64_t i = offset / kWord; i < (offset + size) / kWord; ++i) {
    Word& word = words_[i];
    const auto is_other = [thread](int who) { return who != kNobody && who != thread; };
    if (is_other(word.writer) || (stores && is_other(word.reader))) {
      throw Fault("a race in shared memory");
    }
    if (stores) {
      word.writer = thread;
      word.holds_value = true;
    } else {
      if (!word.holds_value) throw Fault("a load of shared memory that nobody wrote");
      word.reader = is_other(word.reader) ? kSeveral : thread;
    }
  }
  return &bytes_[offset];
}

void SharedMemory::PassBarrier() {
  for (Word& word : words_) word.writer = word.reader = kNobody;
}

void SharedMemory::Clear() { std::fill(words_.begin(), words_.end(), Word()); }

Warp::Warp(Surroundings* surroundings)
    : around_(*surroundings),
      program_(surroundings->program),
      registers_(static_cast<size_t>(program_.registers)),
      defined_at_first_(registers_.size(), 0) {
  for (int i = 0; i < kSpecials; ++i) defined_at_first_[static_cast<size_t>(i)] = ~uint32_t{0};
  for (const auto& [index, value] : program_.constants) {
    registers_[static_cast<size_t>(index)].fill(value);
    defined_at_first_[static_cast<size_t>(index)] = ~uint32_t{0};
  }
}

void Warp::Begin(unsigned first, unsigned threads, unsigned block_x, unsigned block_y) {
  first_ = first;
  all_ = ~uint32_t{0} >> (kWarpThreads - threads);
  steps_ = 0;
  ready_ = {{0, all_}};
  defined_ = defined_at_first_;
  for (unsigned i = 0; i < kWarpThreads; ++i) registers_[kThread][i] = first + i;
  registers_[kBlockX].fill(block_x);
  registers_[kBlockY].fill(block_y);
}

int Warp::Run() {
  arrived_ = 0;
  barrier_ = kEnded;
  while (!ready_.empty()) {
    const auto [at, lanes] = *ready_.begin();
    ready_.erase(ready_.begin());
    RunFrom(at, lanes);
  }
  if (barrier_ == kEnded) return kEnded;
  if (arrived_ != all_) throw Fault(program_.name + ": a barrier for a part of a warp");
  ready_[barrier_ + 1] = arrived_;
  return barrier_;
}

void Warp::RunFrom(int at, uint32_t lanes) {
  while (lanes != 0) {
    if (!ready_.empty() && at >= ready_.begin()->first) {
      ready_[at] |= lanes;
      return;
    }
    const Instruction& in = program_.code.at(static_cast<size_t>(at));
    if (++steps_ > kEndless) throw Fault(program_.name + ": does not end");
    CheckDefined(in, lanes);
    ++at;
    switch (in.kind) {
      case Kind::kCompute:
        in.compute(in, lanes, registers_.data());
        break;
      case Kind::kLoad:
      case Kind::kStore:
        Access(in, lanes);
        break;
      case Kind::kBranch: {
        const uint32_t taken = Taken(in, lanes);
        if (taken == lanes) {
          at = in.target;
        } else if (taken != 0) {
          ready_[in.target] |= taken;
          lanes &= ~taken;
        }
        break;
      }
      case Kind::kBarrier:
        if (barrier_ != kEnded && barrier_ != at - 1) {
          throw Fault(program_.name + ": threads of a warp at two barriers");
        }
        barrier_ = at - 1;
        arrived_ |= lanes;
        return;
      case Kind::kReturn:
        return;
    }
    for (int i = 0; i < in.to_count; ++i) defined_[static_cast<size_t>(in.to[i])] |= lanes;
  }
}

void Warp::CheckDefined(const Instruction& in, uint32_t lanes) const {
  for (int i = 0; i < in.from_count; ++i) {
    if ((lanes & ~defined_[static_cast<size_t>(in.from[i])]) != 0) {
      throw Fault(program_.name + ": reads an undefined register: " + in.text);
    }
  }
}

uint32_t Warp::Taken(const Instruction& in, uint32_t lanes) const {
  if (in.from_count == 0) return lanes;
  const Register& predicate = registers_[static_cast<size_t>(in.from[0])];
  uint32_t holds = 0;
  for (size_t i = 0; i < kWarpThreads; ++i) holds |= uint32_t{predicate[i] != 0} << i;
  return lanes & (in.is_negated ? ~holds : holds);
}

void Warp::Access(const Instruction& in, uint32_t lanes) {
  const bool loads = in.kind == Kind::kLoad;
  const int elements = loads ? in.to_count : in.from_count - 1;
  const size_t size = in.width * static_cast<size_t>(elements);
  const Register& base = registers_[static_cast<size_t>(in.from[in.from_count - 1])];
  addresses_.clear();
  // A load may replace its own address.
  ForEach(lanes, [&](int lane) {
    addresses_.push_back(base[static_cast<size_t>(lane)] + static_cast<uint64_t>(in.offset));
  });
  size_t next = 0;
  ForEach(lanes, [&](int lane) {
    const uint64_t address = addresses_[next++];
    if (address % size != 0) throw Fault(program_.name + ": a misaligned address: " + in.text);
    char* const bytes = Find(in, address, lane);
    for (int i = 0; i < elements; ++i) {
      char* const element = bytes + static_cast<size_t>(i) * in.width;
      const int index = loads ? in.to[i] : in.from[i];
      uint64_t& value = registers_[static_cast<size_t>(index)][static_cast<size_t>(lane)];
      if (!loads) {
        std::memcpy(element, &value, in.width);
        continue;
      }
      value = 0;
      std::memcpy(&value, element, in.width);
      const size_t above = 64 - 8 * in.width;
      if (in.is_signed)
        value = static_cast<uint64_t>(static_cast<int64_t>(value << above) >> above);
    }
  });
  if (in.space == Space::kGlobal) CountSectors(addresses_, size);
}

// The bytes behind an aligned address of the instruction's space.
char* Warp::Find(const Instruction& in, uint64_t address, int lane) {
  const bool stores = in.kind == Kind::kStore;
  const size_t size = in.width * static_cast<size_t>(stores ? in.from_count - 1 : in.to_count);
  if (in.space == Space::kShared) {
    const int thread = static_cast<int>(first_) + lane;
    return around_.shared.Access(address - kSharedBase, size, thread, stores);
  }
  if (in.space == Space::kParameters) {
    const uint64_t offset = address - kParameterBase;
    const size_t limit = program_.parameter_bytes;
    if (stores || offset > limit || size > limit - offset) {
      throw Fault(program_.name + ": an access outside the parameters: " + in.text);
    }
    return const_cast<char*>(around_.parameters) + offset;
  }
  void* const bytes = fake::TranslateAccess(address, size, in.text.c_str());
  if (bytes == nullptr) throw Fault(program_.name + ": outside allocated memory: " + in.text);
  return static_cast<char*>(bytes);
}

void Warp::CountSectors(const std::vector<uint64_t>& addresses, size_t size) {
  sectors_.clear();
  for (const uint64_t address : addresses)
    sectors_.push_back(address / kSector);  // aligned: in one
  std::sort(sectors_.begin(), sectors_.end());
  const auto end = std::unique(sectors_.begin(), sectors_.end());
  around_.traffic.sectors += end - sectors_.begin();
  around_.traffic.bytes += static_cast<int64_t>(addresses.size() * size);
}

Traffic Run(const Program& program, const fake::Grid& grid, const std::vector<unsigned>& blocks,
            const void* parameters) {
  Surroundings around = {program, static_cast<const char*>(parameters),
                         SharedMemory(program.shared_bytes), Traffic()};
  Block block(&around, grid.threads);
  for (unsigned y = grid.blocks_y; y-- > 0;) {
    for (const unsigned x : blocks) block.Run(x, y);
  }
  return around.traffic;
}

}  // namespace ptx
