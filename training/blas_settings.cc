#include "training/blas_settings.h"

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include <unistd.h>

namespace posefleet::training {

void restart_with_blas_settings(char** argv) {
  constexpr const char* kMark = "POSEFLEET_TRAIN_BLAS_SET";
  if (std::getenv(kMark) != nullptr) return;
  setenv(kMark, "1", 1);
  setenv("OPENBLAS_NUM_THREADS", "1", 0);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")) {
    setenv("OPENBLAS_CORETYPE", "SkylakeX", 0);
  }
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error) execv(self.c_str(), argv);
}

}  // namespace posefleet::training
