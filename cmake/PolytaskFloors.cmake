# A floor is one folder of polytask/: an object library that all higher floors and the final static library use.
# The order is the order of dependency; scripts/check-floors holds the includes to it.
set(POLYTASK_FLOORS core io config solvers data nn objectives allometry balancing training analysis reporting cli)

add_library(polytask_common INTERFACE)
target_include_directories(polytask_common INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/generated>)
target_link_libraries(polytask_common INTERFACE torch fmt::fmt spdlog::spdlog yaml-cpp ZLIB::ZLIB polytask::opencv
  nlohmann_json::nlohmann_json CLI11::CLI11 ${CMAKE_DL_LIBS})
if(POLYTASK_BLAS_LINK_OPTIONS)
  target_link_options(polytask_common INTERFACE ${POLYTASK_BLAS_LINK_OPTIONS})
endif()

add_library(polytask_pch OBJECT ${PROJECT_SOURCE_DIR}/cmake/pch.cpp)
target_link_libraries(polytask_pch PRIVATE polytask_common polytask_warnings)
# Not torch/torch.h: every file would then compile the virtual functions of all of torch::nn's modules once more, which is
# two seconds each. Files include the modules that they use.
set(POLYTASK_PRECOMPILED
  <ATen/ATen.h> <torch/csrc/autograd/autograd.h> <torch/nn/module.h> <fmt/format.h> <fmt/ranges.h>
  <algorithm> <filesystem> <functional> <map> <memory> <optional> <string> <variant> <vector>)
target_precompile_headers(polytask_pch PRIVATE ${POLYTASK_PRECOMPILED})

function(polytask_floor name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp")
  list(FILTER sources EXCLUDE REGEX "/${POLYTASK_LEFT_OUT}\\.cpp$")
  add_library(polytask_${name} OBJECT ${sources})
  target_link_libraries(polytask_${name} PUBLIC polytask_common PRIVATE polytask_warnings ${POLYTASK_LIBRARIES_${name}})
  target_precompile_headers(polytask_${name} REUSE_FROM polytask_pch)
endfunction()

# Libraries that one floor alone uses, inside its .cpp files.
set(POLYTASK_LIBRARIES_solvers Eigen3::Eigen)

# An optional part is one of two files.
set(POLYTASK_LEFT_OUT raster_gdal)
if(POLYTASK_WITH_GDAL)
  set(POLYTASK_LIBRARIES_io GDAL::GDAL)
  set(POLYTASK_LEFT_OUT raster_unavailable)
endif()

# The object libraries of `name` and of every floor below it.
function(polytask_floors_up_to name out)
  set(result "")
  foreach(floor IN LISTS POLYTASK_FLOORS)
    list(APPEND result polytask_${floor})
    if(floor STREQUAL name)
      break()
    endif()
  endforeach()
  set(${out} ${result} PARENT_SCOPE)
endfunction()
