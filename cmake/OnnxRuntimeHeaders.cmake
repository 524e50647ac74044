# Finds the headers of ONNX Runtime; the library itself is opened at run time by a path that JavaScript hands over.
# In order: ORT_INCLUDE_DIR or the system's, Debian's package unpacked into .cache, the upstream release.
set(HRN_ORT_RELEASE 1.23.2 CACHE STRING "ONNX Runtime release to take headers from when no package has them")
set(_ort_cache "${CMAKE_SOURCE_DIR}/.cache/onnxruntime")

find_path(ORT_INCLUDE_DIR onnxruntime_cxx_api.h HINTS ENV ORT_INCLUDE_DIR
  PATH_SUFFIXES onnxruntime onnxruntime/core/session)
if(NOT ORT_INCLUDE_DIR)
  find_program(HRN_APT_GET apt-get)
  if(HRN_APT_GET)
    execute_process(COMMAND sh "${CMAKE_SOURCE_DIR}/scripts/fetch-ort-headers.sh" "${_ort_cache}")
    find_path(ORT_INCLUDE_DIR onnxruntime_cxx_api.h PATHS "${_ort_cache}/usr/include/onnxruntime" NO_DEFAULT_PATH)
  endif()
endif()
if(NOT ORT_INCLUDE_DIR)
  include(FetchContent)
  FetchContent_Declare(ort_release DOWNLOAD_EXTRACT_TIMESTAMP TRUE URL
    "https://github.com/microsoft/onnxruntime/releases/download/v${HRN_ORT_RELEASE}/onnxruntime-linux-x64-${HRN_ORT_RELEASE}.tgz")
  FetchContent_MakeAvailable(ort_release)
  find_path(ORT_INCLUDE_DIR onnxruntime_cxx_api.h PATHS "${ort_release_SOURCE_DIR}/include" NO_DEFAULT_PATH REQUIRED)
endif()

file(STRINGS "${ORT_INCLUDE_DIR}/onnxruntime_c_api.h" _ort_version REGEX "^#define ORT_API_VERSION")
message(STATUS "ONNX Runtime headers: ${ORT_INCLUDE_DIR} (${_ort_version})")
add_library(ort_headers INTERFACE)
target_include_directories(ort_headers SYSTEM INTERFACE "${ORT_INCLUDE_DIR}")
