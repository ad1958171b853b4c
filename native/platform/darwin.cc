// macOS: the list of loaded libraries. The rest: posix.cc.
#include <mach-o/dyld.h>

#include "platform/platform.h"

namespace ema {

// Apple's systems have no CUDA since macOS 10.14, and no TensorFlow of theirs opens this name.
const char* const kCudaDriver = "libcuda.dylib";

std::vector<std::string> LoadedLibraries(const std::string& part) {
  std::vector<std::string> found;
  const uint32_t count = _dyld_image_count();
  for (uint32_t i = 0; i < count; ++i) {
    const char* const name = _dyld_get_image_name(i);  // null where another thread unloads it
    const std::string path = name == nullptr ? "" : name;
    const std::string file = path.substr(path.find_last_of('/') + 1);
    if (file.find(part) != std::string::npos) found.push_back(path);
  }
  return found;
}

// Memory from malloc gets no large pages here.
void AskForLargePages(float*, size_t) {}

}  // namespace ema
