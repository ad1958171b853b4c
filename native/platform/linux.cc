// Linux: the list of loaded libraries, and transparent large pages. The rest: posix.cc.
#include <link.h>
#include <sys/mman.h>

#include <cstdint>
#include <exception>

#include "platform/platform.h"

namespace ema {
namespace {

struct Search {
  const std::string& part;
  std::vector<std::string> found;
  std::exception_ptr failure;  // such as of memory
};

// Called by C, with the loader's lock held.
int Collect(dl_phdr_info* info, size_t, void* data) noexcept {
  auto* const search = static_cast<Search*>(data);
  try {
    const std::string path = info->dlpi_name == nullptr ? "" : info->dlpi_name;
    const std::string file = path.substr(path.find_last_of('/') + 1);
    if (file.find(search->part) != std::string::npos) search->found.push_back(path);
  } catch (...) {
    search->failure = std::current_exception();
  }
  return search->failure == nullptr ? 0 : 1;
}

}  // namespace

const char* const kCudaDriver = "libcuda.so.1";

std::vector<std::string> LoadedLibraries(const std::string& part) {
  Search search{part, {}, nullptr};
  dl_iterate_phdr(Collect, &search);
  if (search.failure != nullptr) std::rethrow_exception(search.failure);
  return search.found;
}

// With next-page prefetch 5 % off an update of ResNet-50 after a training step, up to 16 % with the
// weights' pages in other places (NOTE(next-page): bench/README.md). TensorFlow takes the arena
// from malloc, which takes large memory fresh from the system, so nobody has touched it yet. Only
// whole large pages are asked for: no neighbour changes.
void AskForLargePages(float* memory, size_t bytes) {
  constexpr uintptr_t kLargePage = uintptr_t{2} << 20;
  const auto start = reinterpret_cast<uintptr_t>(memory);
  const uintptr_t first = (start + kLargePage - 1) / kLargePage * kLargePage;
  const uintptr_t last = (start + bytes) / kLargePage * kLargePage;
  if (first >= last) return;
  // Fails where the kernel has no large pages: then small ones do.
  static_cast<void>(madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE));
}

}  // namespace ema
