# CMake toolchain of the published binaries: Zig's clang, a static C++ runtime, on Linux an old glibc; for tools/release/prebuild.mjs.
# Knows nothing of the addon's sources. Expects TFJS_EMA_ZIG (the zig program), TFJS_EMA_ZIG_TARGET (such as aarch64-linux-gnu.2.28)
# and TFJS_EMA_LINK (a library to link, or nothing).
string(REPLACE "-" ";" parts "$ENV{TFJS_EMA_ZIG_TARGET}")
list(GET parts 0 CMAKE_SYSTEM_PROCESSOR)
list(GET parts 1 system)
if(system MATCHES "^macos")
  set(CMAKE_SYSTEM_NAME Darwin)
  set(CMAKE_USER_MAKE_RULES_OVERRIDE "${CMAKE_CURRENT_LIST_DIR}/zig-macos.cmake")
elseif(system STREQUAL "windows")
  set(CMAKE_SYSTEM_NAME Windows)
else()
  set(CMAKE_SYSTEM_NAME Linux)
endif()

# No -march: the oldest processor of the architecture; faster kernels are chosen at run time.
set(CMAKE_CXX_COMPILER "$ENV{TFJS_EMA_ZIG}" c++ -target "$ENV{TFJS_EMA_ZIG_TARGET}" -mcpu=baseline)

# -s here, as a host's strip does not know the other systems' files.
set(CMAKE_MODULE_LINKER_FLAGS_INIT "-s $ENV{TFJS_EMA_LINK}")
