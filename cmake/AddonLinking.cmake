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
else()
  set(_exports "${CMAKE_SOURCE_DIR}/cmake/exports.map")
  target_link_options(hrn PRIVATE -Wl,--version-script=${_exports} -Wl,--gc-sections -Wl,-z,now)
  set_target_properties(hrn PROPERTIES LINK_DEPENDS "${_exports}")
  # HRN_GLIBC_STUBS: folder with stand-ins for the libraries of an old glibc (scripts/packages/zig.mjs). g++ then links
  # against those in place of the system's: no symbol can be newer, and what its own libraries want of later ones comes
  # from old-glibc.cpp. Exceptions are thrown by the system's libgcc_s, which node needs too.
  if(HRN_GLIBC_STUBS)
    target_sources(hrn PRIVATE "${CMAKE_SOURCE_DIR}/cmake/old-glibc.cpp")
    target_link_options(hrn PRIVATE -nodefaultlibs -s)
    set(_stubs "")
    foreach(library m.so.6 pthread.so.0 dl.so.2 rt.so.1 c.so.6)
      list(APPEND _stubs "${HRN_GLIBC_STUBS}/lib${library}")
    endforeach()
    target_link_libraries(hrn PRIVATE -Wl,-Bstatic -lstdc++ -Wl,-Bdynamic ${_stubs} -l:libc_nonshared.a -lgcc
      -lgcc_s)
  endif()
endif()
if(HRN_ZIG)
  target_link_options(hrn PRIVATE -s) # without symbols
endif()
