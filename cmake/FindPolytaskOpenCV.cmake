# The three parts of OpenCV that polytask uses, as polytask::opencv. OpenCV's own CMake files come with Debian's libopencv-dev
# alone, which brings seventy more packages.
set(PolytaskOpenCV_needed "")
set(PolytaskOpenCV_libraries "")
find_path(POLYTASK_OPENCV_INCLUDE_DIR opencv2/imgcodecs.hpp PATH_SUFFIXES opencv4)
foreach(part core imgproc imgcodecs)
  find_library(POLYTASK_OPENCV_${part} opencv_${part})
  list(APPEND PolytaskOpenCV_needed POLYTASK_OPENCV_${part})
  list(APPEND PolytaskOpenCV_libraries "${POLYTASK_OPENCV_${part}}")
endforeach()
mark_as_advanced(POLYTASK_OPENCV_INCLUDE_DIR ${PolytaskOpenCV_needed})

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(PolytaskOpenCV REQUIRED_VARS POLYTASK_OPENCV_INCLUDE_DIR ${PolytaskOpenCV_needed}
  REASON_FAILURE_MESSAGE "Debian: libopencv-imgcodecs-dev")
if(PolytaskOpenCV_FOUND AND NOT TARGET polytask::opencv)
  add_library(polytask::opencv INTERFACE IMPORTED)
  set_target_properties(polytask::opencv PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${POLYTASK_OPENCV_INCLUDE_DIR}"
    INTERFACE_LINK_LIBRARIES "${PolytaskOpenCV_libraries}")
endif()
