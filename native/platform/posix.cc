// What Linux and macOS have in common: dlopen.
#include <dlfcn.h>

#include "platform/platform.h"

namespace ema {

Library OpenLoaded(const std::string& path) {
  return dlopen(path.c_str(), RTLD_NOLOAD | RTLD_LAZY | RTLD_LOCAL);
}

void* SymbolOf(Library library, const char* name) { return dlsym(library, name); }

Status PinThisImage() {
  Dl_info info;
  if (dladdr(reinterpret_cast<void*>(&PinThisImage), &info) == 0) {
    return Status::Failure("the addon cannot find its own file (dladdr)");
  }
  if (dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE) == nullptr) {
    return Status::Failure(std::string("the addon cannot stay loaded: ") + dlerror());
  }
  return Status();
}

}  // namespace ema
