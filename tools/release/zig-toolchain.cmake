# CMake toolchain of the published binaries: Zig's clang, an old glibc, a static C++ runtime; for tools/release/prebuild.mjs.
# Knows nothing of the addon's sources. Expects TFJS_EMA_ZIG (the zig program) and TFJS_EMA_ZIG_TARGET (such as aarch64-linux-gnu.2.28).
set(CMAKE_SYSTEM_NAME Linux)
string(REGEX MATCH "^[^-]+" CMAKE_SYSTEM_PROCESSOR "$ENV{TFJS_EMA_ZIG_TARGET}")

# No -march: the oldest processor of the architecture; faster kernels are chosen at run time.
set(CMAKE_CXX_COMPILER "$ENV{TFJS_EMA_ZIG}" c++ -target "$ENV{TFJS_EMA_ZIG_TARGET}" -mcpu=baseline)

# -s here, as a host's strip does not know the other architecture's files.
set(CMAKE_MODULE_LINKER_FLAGS_INIT "-s")
