// Emulating a grid: blocks one after the other; threads too, as fibers where the kernel has a
// barrier. The device code is the product's own source, included below; of the PTX only entry
// points and limits are read.
#include "kernels.h"

#include <ucontext.h>

#include <algorithm>
#include <memory>
#include <regex>
#include <stdexcept>

#include "emulated_device.h"
// After the emulated device, which it is compiled for.
#include "cuda/ema_kernel.cu"

namespace ema {

Position& Here() {
  thread_local Position here;
  return here;
}

}  // namespace ema

namespace fake {
namespace {

struct HostKernel {
  const char* name;
  size_t parameter_bytes;
  bool has_barrier;
  void (*thread)(const void* parameter);  // the work of one thread
};

template <auto kKernel, typename Table>
constexpr HostKernel Describe(const char* name, bool has_barrier) {
  return {name, sizeof(Table), has_barrier,
          [](const void* parameter) { kKernel(*static_cast<const Table*>(parameter)); }};
}

template <auto kKernel>
constexpr HostKernel Updates(const char* name) {
  return Describe<kKernel, ema::UpdateTable>(name, false);
}

constexpr HostKernel kKernels[] = {
    Updates<ema_update_1>("ema_update_1"),
    Updates<ema_update_2>("ema_update_2"),
    Updates<ema_update_3>("ema_update_3"),
    Updates<ema_update_4>("ema_update_4"),
    Updates<ema_update_5>("ema_update_5"),
    Updates<ema_update_6>("ema_update_6"),
    Updates<ema_update_7>("ema_update_7"),
    Updates<ema_update_8>("ema_update_8"),
    Updates<ema_compensated_1>("ema_compensated_1"),
    Updates<ema_compensated_2>("ema_compensated_2"),
    Updates<ema_compensated_3>("ema_compensated_3"),
    Updates<ema_compensated_4>("ema_compensated_4"),
    Updates<ema_compensated_5>("ema_compensated_5"),
    Updates<ema_compensated_6>("ema_compensated_6"),
    Updates<ema_compensated_7>("ema_compensated_7"),
    Updates<ema_compensated_8>("ema_compensated_8"),
    Describe<ema_copy, ema::CopyTable>("ema_copy", false),
    Describe<ema_read, ema::ReadTable>("ema_read", false),
    Describe<ema_combine, ema::CombineTable>("ema_combine", false),
    Describe<ema_statistics, ema::StatisticsTable>("ema_statistics", true),
};

// The threads of one block, each with a stack of its own.
class Fibers {
 public:
  explicit Fibers(unsigned count) : count_(count), contexts_(count), stacks_(count * kStackBytes) {}

  void RunBlock(const HostKernel& kernel, const void* parameter) {
    kernel_ = &kernel;
    parameter_ = parameter;
    finished_ = 0;
    for (unsigned t = 0; t < count_; ++t) Prepare(t);
    // All threads pass a barrier or none: one round a barrier.
    while (finished_ < count_) {
      for (unsigned t = 0; t < count_; ++t) {
        ema::Here().thread = t;
        current_ = this;
        swapcontext(&scheduler_, &contexts_[t]);
      }
    }
  }

  static void Yield() {
    Fibers* const self = current_;
    swapcontext(&self->contexts_[ema::Here().thread], &self->scheduler_);
  }

 private:
  static constexpr size_t kStackBytes = 32 * 1024;

  void Prepare(unsigned thread) {
    ucontext_t* const context = &contexts_[thread];
    getcontext(context);
    context->uc_stack.ss_sp = stacks_.data() + thread * kStackBytes;
    context->uc_stack.ss_size = kStackBytes;
    context->uc_link = &scheduler_;
    makecontext(context, Entry, 0);
  }

  static void Entry() {
    Fibers* const self = current_;
    self->kernel_->thread(self->parameter_);
    ++self->finished_;
  }

  static thread_local Fibers* current_;

  const unsigned count_;
  std::vector<ucontext_t> contexts_;
  std::vector<char> stacks_;
  ucontext_t scheduler_;
  const HostKernel* kernel_ = nullptr;
  const void* parameter_ = nullptr;
  unsigned finished_ = 0;
};

thread_local Fibers* Fibers::current_ = nullptr;

void RunBlocks(const HostKernel& kernel, const Grid& grid, const std::vector<unsigned>& blocks,
               const void* parameter) {
  const auto fibers = kernel.has_barrier ? std::make_unique<Fibers>(grid.threads) : nullptr;
  ema::Position& here = ema::Here();
  for (unsigned y = grid.blocks_y; y-- > 0;) {
    for (const unsigned x : blocks) {
      here = {0, x, y};
      if (fibers != nullptr) {
        fibers->RunBlock(kernel, parameter);
        continue;
      }
      for (here.thread = 0; here.thread < grid.threads; ++here.thread) kernel.thread(parameter);
    }
  }
}

}  // namespace

std::map<std::string, Kernel> LoadKernels(const std::string& ptx) {
  if (ptx.rfind(".version 6.0\n.target sm_50\n.address_size 64\n", 0) != 0) {
    throw std::runtime_error("not PTX 6.0 for sm_50");
  }
  static const std::regex entry(
      R"(\.visible \.entry (\w+)\(\n\.param \.align 8 \.b8 \w+\[(\d+)\]\n\)\n\.maxntid (\d+), 1, 1\n)");
  std::map<std::string, Kernel> kernels;
  for (auto it = std::sregex_iterator(ptx.begin(), ptx.end(), entry); it != std::sregex_iterator();
       ++it) {
    const std::string name = (*it)[1];
    const auto* const found = std::find_if(std::begin(kKernels), std::end(kKernels),
                                           [&](const auto& kernel) { return name == kernel.name; });
    if (found == std::end(kKernels)) continue;
    if (std::stoul((*it)[2]) != found->parameter_bytes) {
      throw std::runtime_error(name + ": its parameters have another size in the sources");
    }
    kernels[name] = {
        found->parameter_bytes, static_cast<unsigned>(std::stoul((*it)[3])),
        [found](const Grid& grid, const std::vector<unsigned>& blocks, const void* parameter) {
          RunBlocks(*found, grid, blocks, parameter);
        }};
  }
  if (kernels.empty()) throw std::runtime_error("no entry points");
  return kernels;
}

}  // namespace fake

void ema::BlockBarrier() { fake::Fibers::Yield(); }
