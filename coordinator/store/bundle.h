// Small results one after another in a file, so that many of them share one fsync.
//
// A file of its own costs a result an fsync, a rename and an fsync of the folder; a pose range's
// result has some kilobytes. Here a result is appended, and nobody relies on it before sync()
// returned and the store named its place. What a killed process left behind the last place that the
// store names is never read. A bundle is never appended to by another process than the one that
// made it, so nothing has to be known about its end after a crash.
//
// It goes as a whole, with its job.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>

#include "common/base/result.h"

namespace posefleet {

// One owner, one thread.
class Bundle final {
 public:
  // Makes the file, which must not be there, and its name durable.
  static Result<std::unique_ptr<Bundle>> create(const std::filesystem::path& path);
  ~Bundle();
  Bundle(const Bundle&) = delete;
  Bundle& operator=(const Bundle&) = delete;

  // Where the bytes begin. After an error (a full disk) the next one begins at the same place.
  Result<std::uint64_t> append(std::string_view bytes);
  // All that was appended is on disk. After an error nobody knows what is, and asking again would
  // be answered with success: the bundle is not to be used any more.
  Status sync();
  bool is_usable() const { return is_usable_; }

  const std::filesystem::path& path() const { return path_; }

 private:
  Bundle(std::filesystem::path path, int fd) : path_(std::move(path)), fd_(fd) {}

  std::filesystem::path path_;
  int fd_;
  std::uint64_t size_ = 0;
  bool is_usable_ = true;
};

}  // namespace posefleet
