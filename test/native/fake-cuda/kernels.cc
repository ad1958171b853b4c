// Emulating a grid: blocks one after the other; threads too, as fibers where the kernel has a
// barrier. The device code is the product's own source, included below.
#include "kernels.h"

#include <ucontext.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include <algorithm>
#include <memory>
#include <mutex>
#include <utility>

#include "emulated_device.h"
// After the emulated device, which it is compiled for.
#include "cuda/ema_kernel.cu"
#include "fake_cuda.h"

namespace ema {

Position& Here() {
  thread_local Position here;
  return here;
}

}  // namespace ema

namespace fake {
namespace {

template <auto kKernel, typename Table>
constexpr Kernel Describe(const char* name, bool has_barrier) {
  return {name, sizeof(Table), has_barrier,
          [](const void* parameter) { kKernel(*static_cast<const Table*>(parameter)); }};
}

template <auto kKernel>
constexpr Kernel Updates(const char* name) {
  return Describe<kKernel, ema::UpdateTable>(name, false);
}

constexpr Kernel kKernels[] = {
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
    Describe<ema_statistics, ema::StatisticsTable>("ema_statistics", true),
};

// The threads of one block, each with a stack of its own.
class Fibers {
 public:
  explicit Fibers(unsigned count) : count_(count), contexts_(count), stacks_(count * kStackBytes) {}

  void RunBlock(const Kernel& kernel, const void* parameter) {
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
  const Kernel* kernel_ = nullptr;
  const void* parameter_ = nullptr;
  unsigned finished_ = 0;
};

thread_local Fibers* Fibers::current_ = nullptr;

// Kernels keep subnormal numbers (no ftz), TensorFlow's threads flush them: the emulation must not
// inherit that.
class GradualUnderflow {
 public:
#if defined(__x86_64__)
  GradualUnderflow() : before_(_mm_getcsr()) { _mm_setcsr(before_ & ~0x8040u); }
  ~GradualUnderflow() { _mm_setcsr(before_); }

 private:
  const unsigned before_;
#endif
};

std::mutex selection_mutex;
std::vector<unsigned> selection;

std::vector<unsigned> BlocksToRun(unsigned count) {
  const std::lock_guard<std::mutex> lock(selection_mutex);
  std::vector<unsigned> blocks;
  if (selection.empty()) {
    for (unsigned i = count; i-- > 0;) blocks.push_back(i);
  } else {
    std::copy_if(selection.begin(), selection.end(), std::back_inserter(blocks),
                 [count](unsigned i) { return i < count; });
  }
  return blocks;
}

}  // namespace

const Kernel* FindKernel(const std::string& name) {
  const auto found = std::find_if(std::begin(kKernels), std::end(kKernels),
                                  [&](const Kernel& kernel) { return name == kernel.name; });
  return found == std::end(kKernels) ? nullptr : found;
}

void RunKernel(const Kernel& kernel, Grid grid, const void* parameter) {
  const GradualUnderflow mode;
  const auto fibers = kernel.has_barrier ? std::make_unique<Fibers>(grid.threads) : nullptr;
  ema::Position& here = ema::Here();
  for (unsigned y = grid.blocks_y; y-- > 0;) {
    for (const unsigned x : BlocksToRun(grid.blocks_x)) {
      here = {0, x, y};
      if (fibers != nullptr) {
        fibers->RunBlock(kernel, parameter);
        continue;
      }
      for (here.thread = 0; here.thread < grid.threads; ++here.thread) kernel.thread(parameter);
    }
  }
}

void OnlyBlocks(std::vector<unsigned> indices) {
  const std::lock_guard<std::mutex> lock(selection_mutex);
  selection = std::move(indices);
}

}  // namespace fake

void ema::BlockBarrier() { fake::Fibers::Yield(); }

extern "C" void fake_cuda_only_blocks(const unsigned* indices, int count) {
  fake::OnlyBlocks({indices, indices + count});
}
