// The rest of ema_cpu.h: copies, numbers of threads, names of kernels; and the layout of chunk.h.
// No arithmetic.
#include <string>
#include <vector>

#include "cases.h"
#include "check.h"
#include "cpu/cpu_features.h"
#include "cpu/ema_cpu.h"
#include "status.h"
#include "variants.h"

namespace cases {
namespace {

void Copies() {
  check::Group("copies: every entry, empty ones, nothing beside them");
  const std::vector<float> source = {1, 2, 3, 4, 5};
  std::vector<float> target(7, 9.0f);
  const ema::Copy copies[] = {{source.data(), target.data(), 2},
                              {nullptr, nullptr, 0},
                              {source.data() + 2, target.data() + 3, 3}};
  ema::CpuCopy(copies, 3);
  check::That(target == std::vector<float>({1, 2, 9, 3, 4, 5, 9}), "what was copied");
  ema::CpuCopy(nullptr, 0);
}

void Threads() {
  check::Group("numbers of threads: 1 to 64, 0 the default of at most 8");
  const int standard = ema::CpuThreads();
  check::That(standard >= 1 && standard <= 8, "default " + std::to_string(standard));
  for (const auto& [asked, given] :
       {std::pair{1, 1}, {3, 3}, {64, 64}, {65, 64}, {1000, 64}, {-1, 1}, {0, standard}}) {
    ema::SetCpuThreads(asked);
    check::Equal(ema::CpuThreads(), given, "after " + std::to_string(asked));
  }
}

void Names() {
  check::Group("kernels are what they are called");
  for (const variants::Variant& variant : variants::All()) {
    const std::string kernel = variant.kernel_name();
    if (variant.kernel == std::string("shipped")) {
#if defined(__x86_64__)
      check::That(kernel == (ema::HasAvx2AndFma() ? "avx2" : "baseline"), kernel);
#else
      check::That(kernel == "neon" || kernel == "baseline", kernel);
#endif
    } else if (kernel != "neon") {
      check::That(kernel == variant.kernel, kernel);
    }
  }
}

void Layout() {
  check::Group("segments start at multiples of 64 bytes");
  for (int64_t size = 0; size < 1000; ++size) {
    const int64_t aligned = ema::AlignedSize(size);
    check::That(aligned >= size && aligned < size + 16 && aligned % 16 == 0, std::to_string(size));
  }
}

void Outcomes() {
  check::Group("a status is success or carries its message");
  check::That(ema::Status().ok() && ema::Status().message().empty(), "success");
  const ema::Status failure = ema::Status::Failure("no");
  check::That(!failure.ok() && failure.message() == "no", "failure");
}

}  // namespace

void Interface() {
  Copies();
  Threads();
  Names();
  Layout();
  Outcomes();
}

}  // namespace cases
