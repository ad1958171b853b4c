// What operating systems do differently: libraries that this process has loaded, staying loaded,
// large pages. One file beside this one implements it per system (CMake picks it); none loads a
// library, and no other file includes a header of the system.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "status.h"

namespace ema {

// A library that this process has loaded. Never given back: TensorFlow keeps our kernels for the
// life of the process, so what they call must stay too.
using Library = void*;

// Paths of the loaded libraries whose file name contains `part`, in the order they were loaded.
std::vector<std::string> LoadedLibraries(const std::string& part);

// The library of this path or file name, if it is loaded already; else null.
Library OpenLoaded(const std::string& path);

// The address of what a library exports (on Linux and macOS also what it links to exports), or
// null.
void* SymbolOf(Library library, const char* name);

// Keeps the addon in the process. Node unloads an addon when the worker that loaded it ends; its
// helper threads would go on without code, and TensorFlow would go on calling the ops.
Status PinThisImage();

// Asks the system for pages of 2 MiB under memory that nobody has touched yet. A wish: where it is
// refused, or the system has none to give, everything works as before, only slower.
void AskForLargePages(float* memory, size_t bytes);

// File name of the CUDA driver's library.
extern const char* const kCudaDriver;

}  // namespace ema
