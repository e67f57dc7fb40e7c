# Language level, warnings, caching, linker and sanitizers: everything about the compiler, nothing about the code.
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
# The precompiled header comes from an object library, which is compiled with -fPIC; an executable's -fPIE would differ.
set(CMAKE_CXX_COMPILE_OPTIONS_PIE "${CMAKE_CXX_COMPILE_OPTIONS_PIC}")
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")

# Compilers take their memory in huge pages, which halves the time that they spend in page faults. ccache compiles at once
# and hashes the headers that the compiler names, instead of preprocessing everything first.
find_program(POLYTASK_CCACHE ccache)
if(NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env GLIBC_TUNABLES=glibc.malloc.hugetlb=1:glibc.malloc.top_pad=67108864)
  if(POLYTASK_CCACHE)
    list(APPEND CMAKE_CXX_COMPILER_LAUNCHER
         CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime CCACHE_DEPEND=true
         ${POLYTASK_CCACHE})
  endif()
endif()

find_program(POLYTASK_MOLD mold)
if(POLYTASK_MOLD AND CMAKE_CXX_COMPILER_ID MATCHES "Clang|GNU")
  add_link_options(-fuse-ld=mold)
endif()

add_library(polytask_warnings INTERFACE)
target_compile_options(polytask_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Werror
  $<$<CXX_COMPILER_ID:Clang>:-Xclang -fno-pch-timestamp>
  # g++ 12 reports these inside libtorch's and fmt's inlined templates
  $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized -Wno-dangling-pointer -Wno-stringop-overflow -Wno-array-bounds>)
if(POLYTASK_SANITIZE)
  target_compile_options(polytask_warnings INTERFACE
    -fsanitize=${POLYTASK_SANITIZE} -fno-sanitize=vptr,function -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(polytask_warnings INTERFACE -fsanitize=${POLYTASK_SANITIZE})
endif()
