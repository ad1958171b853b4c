// Windows: all of it.
#include "platform/platform.h"

// In this order: psapi.h uses the types of windows.h.
// clang-format off
#include <windows.h>
#include <psapi.h>
// clang-format on

namespace ema {
namespace {

// Node reads paths and messages as UTF-8.
std::string Utf8(const std::wstring& text) {
  const int length = static_cast<int>(text.size());
  const int bytes =
      WideCharToMultiByte(CP_UTF8, 0, text.data(), length, nullptr, 0, nullptr, nullptr);
  std::string out(static_cast<size_t>(bytes), '\0');
  WideCharToMultiByte(CP_UTF8, 0, text.data(), length, &out[0], bytes, nullptr, nullptr);
  return out;
}

std::wstring Wide(const std::string& text) {
  const int length = static_cast<int>(text.size());
  const int words = MultiByteToWideChar(CP_UTF8, 0, text.data(), length, nullptr, 0);
  std::wstring out(static_cast<size_t>(words), L'\0');
  MultiByteToWideChar(CP_UTF8, 0, text.data(), length, &out[0], words);
  return out;
}

std::string PathOf(HMODULE module) {
  std::wstring path(MAX_PATH, L'\0');
  for (;;) {
    const DWORD words = GetModuleFileNameW(module, &path[0], static_cast<DWORD>(path.size()));
    if (words < path.size()) return Utf8(path.substr(0, words));
    path.resize(path.size() * 2);  // it was cut off
  }
}

std::vector<HMODULE> Modules() {
  std::vector<HMODULE> modules(256);
  for (;;) {
    const auto room = static_cast<DWORD>(modules.size() * sizeof(HMODULE));
    DWORD bytes = 0;
    if (K32EnumProcessModules(GetCurrentProcess(), modules.data(), room, &bytes) == 0) return {};
    modules.resize(bytes / sizeof(HMODULE));
    if (bytes <= room) return modules;
  }
}

}  // namespace

const char* const kCudaDriver = "nvcuda.dll";

std::vector<std::string> LoadedLibraries(const std::string& part) {
  std::vector<std::string> found;
  for (HMODULE module : Modules()) {
    const std::string path = PathOf(module);
    const std::string file = path.substr(path.find_last_of("\\/") + 1);
    if (file.find(part) != std::string::npos) found.push_back(path);
  }
  return found;
}

Library OpenLoaded(const std::string& path) {
  HMODULE module = nullptr;
  GetModuleHandleExW(0, Wide(path).c_str(), &module);  // counts one more user of it
  return module;
}

void* SymbolOf(Library library, const char* name) {
  return reinterpret_cast<void*>(GetProcAddress(static_cast<HMODULE>(library), name));
}

Status PinThisImage() {
  constexpr DWORD kFlags = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN;
  HMODULE module = nullptr;
  if (GetModuleHandleExW(kFlags, reinterpret_cast<LPCWSTR>(&PinThisImage), &module) != 0) {
    return Status();
  }
  return Status::Failure("the addon cannot stay loaded: error " + std::to_string(GetLastError()));
}

// Large pages need a right that users do not have (SeLockMemoryPrivilege).
void AskForLargePages(float*, size_t) {}

}  // namespace ema
