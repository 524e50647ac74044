# The CUDA backend: every .cu file under native/, where a CUDA compiler is found. Without one the build goes on for the
# CPU alone and says so.
#
#   HRN_CUDA                AUTO (default), ON (fails where there is no compiler) or OFF; EMULATED compiles for the
#                           processor, against test/native/emulated_gpu: to test the backend where there is no GPU
#   HRN_CUDA_ARCHITECTURES  AUTO (default): those of the GPUs found here, 80 with PTX where there is none;
#                           PREBUILD: every one that the published binary serves; or a list as CMake takes it
#
# Sets HRN_HAVE_CUDA, and provides hrn_cuda_library() where it is ON.
set(HRN_CUDA AUTO CACHE STRING "CUDA backend: AUTO, ON, OFF or EMULATED")
set(HRN_CUDA_ARCHITECTURES AUTO CACHE STRING "GPU architectures: AUTO, PREBUILD or a list such as 86-real;90")

if(HRN_CUDA STREQUAL "EMULATED")
  include(EmulatedCuda)
  return()
endif()

set(HRN_HAVE_CUDA OFF)
set(_why "")
if(NOT HRN_CUDA)
  set(_why "HRN_CUDA is OFF")
elseif(HRN_CUDA STREQUAL "AUTO" AND HRN_SANITIZE)
  set(_why "sanitizers")
else()
  # CMake itself looks on the PATH alone.
  find_program(HRN_NVCC nvcc HINTS ENV CUDAToolkit_ROOT ENV CUDA_HOME ENV CUDA_PATH
    PATHS /usr/local/cuda /opt/cuda PATH_SUFFIXES bin)
  if(HRN_NVCC AND NOT DEFINED ENV{CUDACXX})
    set(ENV{CUDACXX} "${HRN_NVCC}")
  endif()
  if(NOT DEFINED ENV{CUDAHOSTCXX})
    set(ENV{CUDAHOSTCXX} "${CMAKE_CXX_COMPILER}")
  endif()
  if(DEFINED CMAKE_CUDA_COMPILER AND NOT CMAKE_CUDA_COMPILER)
    unset(CMAKE_CUDA_COMPILER CACHE) # an earlier run found none
  endif()
  if(NOT DEFINED ENV{CUDACXX} AND NOT CMAKE_CUDA_COMPILER)
    set(_why "no nvcc was found")
  else()
    include(CheckLanguage)
    check_language(CUDA) # in a project of its own, so that a broken compiler does not end this one
    if(NOT CMAKE_CUDA_COMPILER)
      set(_why "$ENV{CUDACXX} does not work, see ${CMAKE_BINARY_DIR}/CMakeFiles")
    else()
      if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
        set(CMAKE_CUDA_ARCHITECTURES 80) # for CMake's own check; the libraries set theirs
      endif()
      enable_language(CUDA)
      if(CMAKE_CUDA_COMPILER_VERSION VERSION_LESS 12.0)
        set(_why "nvcc ${CMAKE_CUDA_COMPILER_VERSION} has no C++20, 12.0 has")
      else()
        set(HRN_HAVE_CUDA ON)
      endif()
    endif()
  endif()
endif()

if(NOT HRN_HAVE_CUDA)
  if(HRN_CUDA AND NOT HRN_CUDA STREQUAL "AUTO")
    message(FATAL_ERROR "HRN_CUDA is ON, but: ${_why}")
  endif()
  # NOTICE: also shown where a build is asked to be quiet.
  message(NOTICE "-- hrn: without the CUDA backend, for the CPU alone (${_why})")
  return()
endif()

# OUT: the architectures to compile for, as CMake takes them.
function(hrn_cuda_architectures out)
  if(HRN_CUDA_ARCHITECTURES STREQUAL "PREBUILD")
    if(CMAKE_CUDA_COMPILER_VERSION VERSION_LESS 12.8)
      # Newer GPUs (Blackwell) compile the PTX of 90 when the addon is first used.
      set(${out} 75-real 80-real 90 PARENT_SCOPE)
    else()
      set(${out} 75-real 80-real 90-real 100-real 120 PARENT_SCOPE)
    endif()
    return()
  elseif(NOT HRN_CUDA_ARCHITECTURES STREQUAL "AUTO")
    set(${out} ${HRN_CUDA_ARCHITECTURES} PARENT_SCOPE)
    return()
  endif()
  set(found "")
  find_program(HRN_NVIDIA_SMI nvidia-smi)
  if(HRN_NVIDIA_SMI)
    execute_process(COMMAND "${HRN_NVIDIA_SMI}" --query-gpu=compute_cap --format=csv,noheader TIMEOUT 30
      OUTPUT_VARIABLE answer ERROR_QUIET RESULT_VARIABLE status)
    if(status EQUAL 0)
      string(REGEX MATCHALL "[0-9]+\\.[0-9]" found "${answer}")
      string(REPLACE "." "" found "${found}")
      list(REMOVE_DUPLICATES found)
    endif()
  endif()
  # What this nvcc cannot compile for is left to PTX, or, older than 75, to the CPU.
  execute_process(COMMAND "${CMAKE_CUDA_COMPILER}" --list-gpu-code OUTPUT_VARIABLE known)
  set(targets "")
  foreach(arch IN LISTS found)
    if(arch GREATER_EQUAL 75 AND known MATCHES "sm_${arch}[^0-9]")
      list(APPEND targets ${arch}-real)
    endif()
  endforeach()
  if(NOT targets)
    set(targets 80)
  endif()
  set(${out} ${targets} PARENT_SCOPE)
endfunction()
hrn_cuda_architectures(HRN_CUDA_TARGETS)
message(NOTICE "-- hrn: with the CUDA backend, nvcc ${CMAKE_CUDA_COMPILER_VERSION} for ${HRN_CUDA_TARGETS}")

set(CMAKE_CUDA_FLAGS_RELEASE "-O3 -DNDEBUG")
set(CMAKE_CUDA_VISIBILITY_PRESET hidden)
set(CMAKE_CUDA_RUNTIME_LIBRARY Static)

# hrn_cuda_library(NAME SOURCES...): .cu files as a static library. They do not link hrn_options: CMake before 3.26 does
# not know how to ask nvcc for its C++20, and adds a flag for an older one unless told that extensions are wanted.
function(hrn_cuda_library name)
  add_library(${name} STATIC ${ARGN})
  set_target_properties(${name} PROPERTIES CUDA_ARCHITECTURES "${HRN_CUDA_TARGETS}" POSITION_INDEPENDENT_CODE ON
    CUDA_EXTENSIONS ON)
  target_include_directories(${name} PRIVATE "${CMAKE_SOURCE_DIR}/native")
  target_compile_options(${name} PRIVATE -std=c++20 -Xfatbin=-compress-all
    "SHELL:-Xcompiler=-Wall,-Wextra,-Wshadow,-fno-math-errno")
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|amd64")
    target_compile_options(${name} PRIVATE -Xcompiler=-march=x86-64-v2)
  endif()
  if(HRN_WERROR)
    target_compile_options(${name} PRIVATE "SHELL:-Werror all-warnings" -Xcompiler=-Werror)
  endif()
  if(HRN_SANITIZE)
    target_compile_options(${name} PRIVATE -Xcompiler=-fsanitize=address,-fsanitize=undefined,-fno-omit-frame-pointer)
  endif()
  # What probe_cuda() compares a GPU with.
  string(REPLACE ";" "," targets "${HRN_CUDA_TARGETS}")
  target_compile_definitions(${name} PRIVATE HRN_CUDA=1 "HRN_CUDA_TARGETS=\"${targets}\"")
endfunction()
