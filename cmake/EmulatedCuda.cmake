# The CUDA backend for the processor: .cu files compiled as C++ against test/native/emulated_gpu, which stands in for
# CUDA's runtime. What Cuda.cmake sets and provides.
set(HRN_HAVE_CUDA ON)
option(HRN_RACES "Kernels that look for races (test/native/emulated_gpu/races.hpp)" OFF)
message(NOTICE "-- hrn: with the CUDA backend on an emulated GPU, for tests alone")

# hrn_emulated_cuda_options: as nvcc would compile for the host, with the header it includes everywhere.
set(_folder "${CMAKE_SOURCE_DIR}/test/native/emulated_gpu")
add_library(hrn_emulated_cuda_options INTERFACE)
target_link_libraries(hrn_emulated_cuda_options INTERFACE hrn_options)
target_include_directories(hrn_emulated_cuda_options SYSTEM INTERFACE "${_folder}")
target_compile_definitions(hrn_emulated_cuda_options INTERFACE HRN_CUDA_TARGETS="90" __CUDACC__ __host__= __device__=
  __global__= "__forceinline__=inline __attribute__((always_inline))")
target_compile_options(hrn_emulated_cuda_options INTERFACE -include cuda_runtime.h -Wno-unknown-pragmas)
# threadIdx is asked for all the time.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|amd64")
  target_compile_options(hrn_emulated_cuda_options INTERFACE -mtls-dialect=gnu2)
endif()

file(GLOB _runtime CONFIGURE_DEPENDS "${_folder}/*.cpp")
add_library(hrn_emulated_cuda STATIC ${_runtime})
target_include_directories(hrn_emulated_cuda PRIVATE "${_folder}")
target_link_libraries(hrn_emulated_cuda PRIVATE hrn_emulated_cuda_options)

function(hrn_cuda_library name)
  set_source_files_properties(${ARGN} PROPERTIES LANGUAGE CXX)
  add_library(${name} STATIC ${ARGN})
  target_compile_options(${name} PRIVATE -x c++)
  target_link_libraries(${name} PRIVATE hrn_emulated_cuda_options PUBLIC hrn_emulated_cuda)
  if(HRN_RACES)
    target_compile_options(${name} PRIVATE -fsanitize=thread)
  endif()
endfunction()
