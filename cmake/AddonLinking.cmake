# How the addon is linked on each platform: with nothing exported but what node asks for, and Node-API's functions left to
# the process that opens it.
if(APPLE)
  target_link_options(hrn PRIVATE -Wl,-undefined,dynamic_lookup)
elseif(WIN32)
  # A DLL names the program that its functions come from: import libraries for node.exe, of the lists of Node-API.
  find_path(HRN_NODE_API_LISTS node_api.def PATHS ${CMAKE_JS_INC} PATH_SUFFIXES ../def NO_DEFAULT_PATH REQUIRED)
  foreach(list js_native_api node_api)
    set(_library "${CMAKE_BINARY_DIR}/${list}.lib")
    execute_process(COMMAND "${HRN_ZIG_TOOLS}/zig-dlltool" -m i386:x86-64 -D node.exe
      -d "${HRN_NODE_API_LISTS}/${list}.def" -l "${_library}" COMMAND_ERROR_IS_FATAL ANY)
    target_link_libraries(hrn PRIVATE "${_library}")
  endforeach()
  # Annotations that ONNX Runtime's header takes from Microsoft's headers, and those of mingw lack.
  target_compile_definitions(hrn PRIVATE _Frees_ptr_opt_= _Outptr_result_buffer_maybenull_\(x\)=)
else()
  set(_exports "${CMAKE_SOURCE_DIR}/cmake/exports.map")
  target_link_options(hrn PRIVATE -Wl,--version-script=${_exports} -Wl,--gc-sections -Wl,-z,now)
  set_target_properties(hrn PROPERTIES LINK_DEPENDS "${_exports}")
endif()
if(HRN_ZIG)
  target_link_options(hrn PRIVATE -s) # without symbols
endif()
