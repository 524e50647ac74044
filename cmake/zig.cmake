# Toolchain file: zig as a compiler for other platforms; scripts/packages/prebuild.mjs passes
#   HRN_ZIG_TOOLS   folder of zig-c++, zig-ar, ... (scripts/packages/zig.mjs)
#   HRN_ZIG_TARGET  such as aarch64-linux-gnu.2.28: processor, system, C library and its oldest version
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES HRN_ZIG_TOOLS HRN_ZIG_TARGET)

string(REGEX MATCH "^[^-]+" CMAKE_SYSTEM_PROCESSOR "${HRN_ZIG_TARGET}")
if(HRN_ZIG_TARGET MATCHES "windows")
  set(CMAKE_SYSTEM_NAME Windows)
elseif(HRN_ZIG_TARGET MATCHES "macos")
  set(CMAKE_SYSTEM_NAME Darwin)
  # CMake insists on one; nothing is installed.
  set(CMAKE_INSTALL_NAME_TOOL true)
  set(CMAKE_SKIP_RPATH ON)
else()
  set(CMAKE_SYSTEM_NAME Linux)
endif()

set(CMAKE_CXX_COMPILER "${HRN_ZIG_TOOLS}/zig-c++")
set(CMAKE_CXX_COMPILER_TARGET "${HRN_ZIG_TARGET}")
set(CMAKE_AR "${HRN_ZIG_TOOLS}/zig-ar" CACHE FILEPATH "")
set(CMAKE_RANLIB "${HRN_ZIG_TOOLS}/zig-ranlib" CACHE FILEPATH "")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(HRN_ZIG ON)
