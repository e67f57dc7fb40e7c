# libtorch's BLAS is whatever libblas.so.3 the system selects. The OpenMP build of OpenBLAS is the only fast one that
# shares libtorch's thread pool; where it is installed our programs find it first, and the system stays as it is. The path
# must be a DT_RPATH, because only that one also holds for the libraries that libtorch loads. Also part of the installed
# package, so that it is looked for on the machine where a program is linked.
find_path(POLYTASK_BLAS_DIR libblas.so.3
  PATHS /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/openblas-openmp NO_DEFAULT_PATH)
mark_as_advanced(POLYTASK_BLAS_DIR)
set(POLYTASK_BLAS_LINK_OPTIONS "")
if(POLYTASK_BLAS_DIR)
  set(POLYTASK_BLAS_LINK_OPTIONS "-Wl,--disable-new-dtags,-rpath,${POLYTASK_BLAS_DIR}")
else()
  message(STATUS "polytask: libopenblas0-openmp not found; matrix products will run on the system's default BLAS")
endif()
