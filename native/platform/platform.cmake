# What the systems' linkers want, and which files implement platform.h there; for CMakeLists.txt and the programs of test/native.
# Names no compiler: that of the published binaries is in tools/release/zig-toolchain.cmake.
set(EMA_PLATFORM "${CMAKE_CURRENT_LIST_DIR}")

# add_platform(TARGET): adds the sources; what is a module shows Node-API's two entry points only, and on Linux cannot be unloaded (elsewhere it pins itself).
function(add_platform target)
  if(WIN32)
    target_sources(${target} PRIVATE "${EMA_PLATFORM}/windows.cc")
    # What is marked for export, and nothing else, without being told.
    set(options "")
  elseif(APPLE)
    target_sources(${target} PRIVATE "${EMA_PLATFORM}/darwin.cc" "${EMA_PLATFORM}/darwin_new.cc" "${EMA_PLATFORM}/posix.cc")
    target_compile_options(${target} PRIVATE -fvisibility-global-new-delete=force-hidden)
    set(options -Wl,-undefined,dynamic_lookup "-Wl,-exported_symbols_list,${EMA_PLATFORM}/exports.darwin")
  else()
    target_sources(${target} PRIVATE "${EMA_PLATFORM}/linux.cc" "${EMA_PLATFORM}/posix.cc")
    set(options -Wl,-z,nodelete -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack "-Wl,--version-script=${EMA_PLATFORM}/exports.map")
  endif()
  get_target_property(type ${target} TYPE)
  if(type STREQUAL MODULE_LIBRARY)
    target_link_options(${target} PRIVATE ${options})
    set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS "${EMA_PLATFORM}/exports.map" "${EMA_PLATFORM}/exports.darwin")
  endif()
endfunction()
