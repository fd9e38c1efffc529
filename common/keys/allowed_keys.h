// Which public keys may connect, as a folder or a file says at this moment.
//
// The list changes while everything runs: a worker's key is added by putting its .pub file into the
// folder and revoked by taking it out. We look again and again instead of being told, because what
// tells (inotify) is silent on network file systems and where a container's secret is swapped by a
// link, and a look costs one stat for each file.
//
// A mistake hurts only itself: a wrong line or file allows nobody and is named, all others hold. A
// folder that cannot be read at all changes nothing, since a mount that is away for a moment must
// not send every worker off; an empty folder does revoke everybody.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/keys/key_file.h"

namespace posefleet {

struct KeyListChange {
  std::vector<NamedKey> added;
  std::vector<NamedKey> revoked;
  std::vector<std::string> problems;  // of the whole list as it is now
};

// One thread.
class AllowedKeys final {
 public:
  // A folder's files NAME.pub (hidden ones and all others are passed over), or one file of public
  // keys. An error when it cannot be read at all.
  static Result<AllowedKeys> open(const std::filesystem::path& path);

  // Null: not allowed. Otherwise the key's name.
  const std::string* find(std::string_view key) const;
  std::size_t size() const { return names_.size(); }
  const std::vector<std::string>& problems() const { return problems_; }

  // Looks again. Nothing when it is all as it was; an error when nothing can be read, which keeps
  // the list and is told only once.
  Result<std::optional<KeyListChange>> look_again();

 private:
  // What tells that a file is another one.
  struct Stamp {
    std::int64_t changed_ns = 0;
    std::uint64_t inode = 0;
    std::int64_t size = 0;
    auto operator<=>(const Stamp&) const = default;
  };
  using Stamps = std::map<std::filesystem::path, Stamp>;

  explicit AllowedKeys(std::filesystem::path path) : path_(std::move(path)) {}
  Result<Stamps> take_stamps() const;
  KeyListChange read(const Stamps& stamps);

  std::filesystem::path path_;
  Stamps stamps_;
  bool was_fresh_ = false;  // a file was so young that its next change might not show
  bool is_away_ = false;    // the last look found nothing to read
  std::map<std::string, std::string, std::less<>> names_;  // by key
  std::vector<std::string> problems_;
};

}  // namespace posefleet
