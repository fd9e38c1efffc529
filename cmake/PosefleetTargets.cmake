# How our own targets are compiled. Flags sit on the interface target posefleet_build, so that generated code and
# third-party code are not judged by our warnings.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()
# Debug information is most of a build's time and disk; line tables are what a backtrace needs.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1")

find_program(POSEFLEET_CCACHE ccache)
if(POSEFLEET_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${POSEFLEET_CCACHE}")
endif()

add_library(posefleet_build INTERFACE)
target_include_directories(posefleet_build INTERFACE "${PROJECT_SOURCE_DIR}")
# -Wrestrict misfires on std::string in g++ 12 (GCC bug 105329).
# No contraction of a*b+c into one rounding: results must not depend on the instruction set of the worker that ran.
target_compile_options(posefleet_build INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wno-missing-field-initializers
                                                 $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
                                                 -ffp-contract=off)
if(POSEFLEET_WERROR)
  target_compile_options(posefleet_build INTERFACE -Werror)
endif()
if(POSEFLEET_SANITIZE)
  target_compile_options(posefleet_build INTERFACE -fsanitize=${POSEFLEET_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(posefleet_build INTERFACE -fsanitize=${POSEFLEET_SANITIZE})
endif()
if(POSEFLEET_FUZZ)
  # A finding must end the run, or the fuzzer would not see it.
  target_compile_options(posefleet_build INTERFACE -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
                                                   -fno-omit-frame-pointer)
  target_link_options(posefleet_build INTERFACE -fsanitize=address,undefined)
endif()

# posefleet_library(<name> SOURCES ... [PUBLIC libs...] [PRIVATE libs...])
# One folder = one such target. Third-party libraries go under PRIVATE: they stay behind the folder's wall.
function(posefleet_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC posefleet_build ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
endfunction()

# posefleet_program(<name> SOURCES ... LIBS ...)
function(posefleet_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE posefleet_build ${ARG_LIBS})
endfunction()

# posefleet_test(<name> SOURCES ... LIBS ... LABEL unit|sim|integration|gpu TIMEOUT seconds)
# A test program that exits with 77 is shown as skipped (its input is not on this machine), never as passed.
function(posefleet_test name)
  cmake_parse_arguments(ARG "" "LABEL;TIMEOUT" "SOURCES;LIBS;ARGS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  target_link_libraries(${name} PRIVATE posefleet_build ${ARG_LIBS} tests_support GTest::gtest)
  target_compile_definitions(${name} PRIVATE POSEFLEET_SHARED_DIR="${POSEFLEET_SHARED}"
                                             POSEFLEET_TEST_DATA_DIR="${PROJECT_SOURCE_DIR}/tests/data"
                                             POSEFLEET_BIN_DIR="${CMAKE_BINARY_DIR}/bin"
                                             POSEFLEET_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  add_test(NAME ${name} COMMAND ${name} ${ARG_ARGS})
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABEL}" TIMEOUT "${ARG_TIMEOUT}" SKIP_RETURN_CODE 77)
endfunction()
