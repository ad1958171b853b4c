# The device code as a C++ string: writes ema_kernel_ptx.h, made of ema_kernel.ptx, into the build folder.
# For whatever compiles native/cuda/ema_cuda_module.cc; makes no PTX, that is tools/native/ptx.mjs.
set(EMA_PTX "${CMAKE_CURRENT_LIST_DIR}/ema_kernel.ptx")
set(EMA_PTX_PIECE 15000) # bytes of one literal: every compiler takes 16 kB

# embed_ptx(TARGET): the target may include "ema_kernel_ptx.h", which is written anew when the PTX changes.
function(embed_ptx target)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${EMA_PTX}")
  file(READ "${EMA_PTX}" ptx)
  string(LENGTH "${ptx}" length)
  # The first line, a comment on compiler and sources, is not for the driver.
  string(FIND "${ptx}" "\n" end)
  math(EXPR begin "${end} + 1")
  set(literals "")
  while(begin LESS length)
    string(SUBSTRING "${ptx}" ${begin} ${EMA_PTX_PIECE} piece)
    string(APPEND literals "R\"ptx(${piece})ptx\"\n")
    math(EXPR begin "${begin} + ${EMA_PTX_PIECE}")
  endwhile()
  set(folder "${CMAKE_CURRENT_BINARY_DIR}/ptx")
  file(GENERATE OUTPUT "${folder}/ema_kernel_ptx.h" CONTENT
    "// ema_kernel.ptx as a string, by embed.cmake.\n#pragma once\n\nnamespace ema {\n\nconstexpr char kKernelPtx[] =\n${literals};\n\n}  // namespace ema\n")
  target_include_directories(${target} PRIVATE "${folder}")
endfunction()
