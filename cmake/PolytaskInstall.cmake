# cmake --install: the library, its headers, the program and a CMake package for find_package(polytask).
option(POLYTASK_INSTALL "Provide `cmake --install`" ${PROJECT_IS_TOP_LEVEL})
if(NOT POLYTASK_INSTALL)
  return()
endif()
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/polytask)

install(TARGETS polytask EXPORT polytaskTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS polytask_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/polytask ${PROJECT_BINARY_DIR}/generated/polytask
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h" PATTERN cli EXCLUDE)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

install(EXPORT polytaskTargets NAMESPACE polytask:: DESTINATION ${package_dir})
configure_package_config_file(cmake/polytaskConfig.cmake.in ${PROJECT_BINARY_DIR}/polytaskConfig.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/polytaskConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  ${PROJECT_BINARY_DIR}/polytaskConfig.cmake
  ${PROJECT_BINARY_DIR}/polytaskConfigVersion.cmake
  ${PROJECT_SOURCE_DIR}/cmake/FindPolytaskOpenCV.cmake
  ${PROJECT_SOURCE_DIR}/cmake/PolytaskBlas.cmake
  DESTINATION ${package_dir})
