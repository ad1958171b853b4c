# What CMake says to a linker on macOS, in words that Zig's understands; for zig-toolchain.cmake.
# Read after CMake's own settings. Zig knows no -bundle: a library is loaded by dlopen all the same.
set(CMAKE_SHARED_MODULE_CREATE_C_FLAGS "-shared")
set(CMAKE_SHARED_MODULE_CREATE_CXX_FLAGS "-shared")
