// Where tests find the reference data, and what a test program does when it is not there.
//
// The golden files are large and live outside the repository. A test program that needs them calls
// `require_folder` first: without the folder it names it and exits with 77, which ctest shows as
// "Skipped", never as passed.
#pragma once

#include <filesystem>
#include <string>

namespace posefleet::tests {

// Ends the process with 77 when `folder` is missing.
std::filesystem::path require_folder(const std::filesystem::path& folder);

// A folder of its own for one test, removed with all it holds at the end of the scope.
class TempDir final {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

// The whole file as bytes; fails the process when it cannot be read (a test's input must be there).
std::string read_file(const std::filesystem::path& path);
void write_file(const std::filesystem::path& path, const std::string& bytes);

}  // namespace posefleet::tests
