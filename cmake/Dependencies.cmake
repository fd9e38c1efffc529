# Each third-party library, and the one folder that may use it. Versions are Debian 12's (packages.txt).
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

pkg_check_modules(zmq REQUIRED IMPORTED_TARGET libzmq)                 # common/net
find_package(Boost 1.81 REQUIRED CONFIG COMPONENTS headers)                # common/http (Beast, Asio; headers only)
find_package(CapnProto REQUIRED)                                        # schemas, common/wire
find_package(yaml-cpp REQUIRED)                                         # common/config, common/model_folder, worker/import
pkg_check_modules(avformat REQUIRED IMPORTED_TARGET libavformat)        # common/media
pkg_check_modules(avcodec REQUIRED IMPORTED_TARGET libavcodec)          # common/media
pkg_check_modules(avutil REQUIRED IMPORTED_TARGET libavutil)            # common/media
pkg_check_modules(swscale REQUIRED IMPORTED_TARGET libswscale)          # common/media
pkg_check_modules(eigen REQUIRED IMPORTED_TARGET eigen3)                # common/body, common/accuracy
pkg_check_modules(sqlite REQUIRED IMPORTED_TARGET sqlite3)              # coordinator/store
pkg_check_modules(crypto REQUIRED IMPORTED_TARGET libcrypto)            # common/files (SHA-256)
pkg_check_modules(zlib REQUIRED IMPORTED_TARGET zlib)                   # worker/import (deflated npz, checksums)
pkg_check_modules(nlohmann REQUIRED IMPORTED_TARGET nlohmann_json)      # common/model_folder, common/accuracy, cli, coordinator/pipeline
find_package(Freetype REQUIRED)                                         # worker/text
find_package(fmt REQUIRED)                                              # anywhere: text formatting
find_package(spdlog REQUIRED)                                           # common/process
pkg_check_modules(cli11 IMPORTED_TARGET CLI11)                          # cli and the programs' mains
if(POSEFLEET_TORCH)
  find_package(Torch REQUIRED)                                          # worker/model
endif()
find_package(GTest REQUIRED)                                            # tests
find_package(benchmark REQUIRED)                                        # bench
