# What the library links; all of it comes from Debian packages (see scripts/install-packages).
find_package(Torch REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(ZLIB REQUIRED)
find_package(OpenCV REQUIRED COMPONENTS core imgproc imgcodecs)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)

# libtorch's BLAS is whatever libblas.so.3 the system selects. The OpenMP build of OpenBLAS is the only fast one that
# shares libtorch's thread pool; where it is installed our programs find it first, and the system stays as it is.
find_path(POLYTASK_BLAS_DIR libblas.so.3
  PATHS /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/openblas-openmp NO_DEFAULT_PATH)
if(POLYTASK_BLAS_DIR)
  set(POLYTASK_BLAS_LINK_OPTIONS "-Wl,--disable-new-dtags,-rpath,${POLYTASK_BLAS_DIR}")
else()
  message(STATUS "polytask: libopenblas0-openmp not found; matrix products will run on the system's default BLAS")
endif()
