#include "tests/support/fixtures.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "common/base/check.h"

namespace posefleet::tests {

std::filesystem::path require_folder(const std::filesystem::path& folder) {
  std::error_code error;
  if (std::filesystem::is_directory(folder, error)) return folder;
  std::fprintf(stderr, "skipped: %s is not on this machine\n", folder.c_str());
  std::exit(77);
}

TempDir::TempDir() {
  std::string name = (std::filesystem::temp_directory_path() / "posefleet-test-XXXXXX").string();
  POSEFLEET_CHECK(mkdtemp(name.data()) != nullptr);
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    std::fprintf(stderr, "test input %s cannot be read\n", path.c_str());
    std::exit(1);
  }
  std::ostringstream bytes;
  bytes << in.rdbuf();
  return std::move(bytes).str();
}

void write_file(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  POSEFLEET_CHECK(out.good());
}

}  // namespace posefleet::tests
