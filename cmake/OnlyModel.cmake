# The model library and its benchmark by themselves, for measuring on a machine that has LibTorch (for instance inside
# Python's torch package) and headers, but none of our other libraries:
#
#   cmake -S . -B build/only-model -G Ninja -DCMAKE_BUILD_TYPE=Release -DPOSEFLEET_ONLY_MODEL=ON
#         -DCMAKE_PREFIX_PATH="$(python3 -c 'import torch; print(torch.utils.cmake_prefix_path)')"
#   cmake --build build/only-model
#
# fmt, CLI11 and nlohmann-json are used as headers; -DPOSEFLEET_HEADERS=DIR names a folder that holds them if the
# compiler does not find them by itself.
find_package(Torch REQUIRED)
find_package(Threads REQUIRED)
set(POSEFLEET_HEADERS "" CACHE PATH "Folder with fmt/, CLI/ and nlohmann/ for POSEFLEET_ONLY_MODEL")
foreach(header fmt/format.h CLI/CLI.hpp nlohmann/json.hpp)
  find_path(posefleet_header_${header} ${header} HINTS "${POSEFLEET_HEADERS}" REQUIRED)
endforeach()

set(only_model_sources
  common/base/check.cc
  common/model_folder/mapped_file.cc common/model_folder/network_layout.cc common/model_folder/safetensors.cc
  common/model_folder/safetensors_head.cc
  worker/device/device_network.cc worker/device/device_weights.cc worker/device/forward.cc worker/device/host_stage.cc
  worker/model/rotations.cc)
if(TORCH_CUDA_LIBRARIES)
  list(APPEND only_model_sources worker/device/cuda_stage.cc)
else()
  list(APPEND only_model_sources worker/device/no_cuda.cc)
endif()
posefleet_library(posefleet_model SOURCES ${only_model_sources} PUBLIC ${TORCH_LIBRARIES} Threads::Threads)
target_compile_definitions(posefleet_model PUBLIC FMT_HEADER_ONLY POSEFLEET_ONLY_MODEL)
target_include_directories(posefleet_model PUBLIC ${POSEFLEET_HEADERS})
# Wheels before 2.6 use the old layout of std::string; all that is linked here is compiled to match.
separate_arguments(only_model_flags NATIVE_COMMAND "${TORCH_CXX_FLAGS}")
target_compile_options(posefleet_model PUBLIC ${only_model_flags})

set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bench")
posefleet_program(hmr2_bench
  SOURCES bench/network/device_backend.cc bench/network/hmr2_bench.cc bench/network/no_processor_backend.cc
  LIBS posefleet_model)
