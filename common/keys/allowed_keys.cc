#include "common/keys/allowed_keys.h"

#include <cerrno>
#include <cstring>
#include <ctime>

#include <fmt/format.h>
#include <sys/stat.h>

namespace posefleet {
namespace {

// Files of one folder; a fleet of that size wants one file with many lines.
constexpr std::size_t kFilesMax = 4096;

// A file system's clock may tick that slowly: what was changed less than that ago can be changed
// again without a new time.
constexpr std::int64_t kFreshNs = 2'000'000'000;

std::int64_t wall_clock_ns() {
  timespec time{};
  clock_gettime(CLOCK_REALTIME, &time);
  return time.tv_sec * 1'000'000'000LL + time.tv_nsec;
}

using Names = std::map<std::string, std::string, std::less<>>;

std::vector<NamedKey> missing_in(const Names& others, const Names& keys) {
  std::vector<NamedKey> missing;
  for (const auto& [key, name] : keys) {
    if (!others.contains(key)) missing.push_back({name, *PublicKey::parse(key)});
  }
  return missing;
}

}  // namespace

Result<AllowedKeys> AllowedKeys::open(const std::filesystem::path& path) {
  AllowedKeys keys(path);
  POSEFLEET_TRY_DO(keys.look_again());
  const bool is_file = !std::filesystem::is_directory(path);
  if (is_file && keys.size() == 0 && !keys.problems_.empty()) {
    return rejected(keys.problems_.front());
  }
  return keys;
}

const std::string* AllowedKeys::find(std::string_view key) const {
  const auto found = names_.find(key);
  return found == names_.end() ? nullptr : &found->second;
}

Result<AllowedKeys::Stamps> AllowedKeys::take_stamps() const {
  const auto unreadable = [&](const std::string& why) {
    return rejected(fmt::format("cannot read the allowed keys in {}: {}", path_.string(), why));
  };
  Stamps stamps;
  const auto add = [&](const std::filesystem::path& file) {
    struct stat info {};
    // A file that goes away between the two looks is not there.
    if (stat(file.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return;
    stamps[file] = {info.st_mtim.tv_sec * 1'000'000'000LL + info.st_mtim.tv_nsec, info.st_ino,
                    info.st_size};
  };
  std::error_code error;
  if (!std::filesystem::is_directory(path_, error)) {
    add(path_);
    if (stamps.empty()) return unreadable(error ? error.message() : "no such file or folder");
    return stamps;
  }
  std::filesystem::directory_iterator entry(path_, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.ends_with(".pub") || name.starts_with(".")) continue;
    add(entry->path());
    if (stamps.size() > kFilesMax) {
      return unreadable(
          fmt::format("more than {} files; put many keys into one file, one a line", kFilesMax));
    }
  }
  if (error) return unreadable(error.message());
  return stamps;
}

Result<std::optional<KeyListChange>> AllowedKeys::look_again() {
  auto stamps = take_stamps();
  if (!stamps) {
    if (std::exchange(is_away_, true)) return std::optional<KeyListChange>();
    return stamps.error();
  }
  is_away_ = false;
  if (*stamps == stamps_ && !was_fresh_) return std::optional<KeyListChange>();
  const std::int64_t now = wall_clock_ns();
  was_fresh_ = false;
  for (const auto& [file, stamp] : *stamps) was_fresh_ |= now - stamp.changed_ns < kFreshNs;
  const bool had_problems = !problems_.empty();
  KeyListChange change = read(*stamps);
  const bool is_same_stamps = *stamps == stamps_;
  stamps_ = std::move(*stamps);
  const bool says_nothing = change.added.empty() && change.revoked.empty() &&
                            (is_same_stamps || (change.problems.empty() && !had_problems));
  if (says_nothing) return std::optional<KeyListChange>();
  return std::optional<KeyListChange>(std::move(change));
}

// In the order of the files' names, so that of two names for a key always the same one holds.
KeyListChange AllowedKeys::read(const Stamps& stamps) {
  Names names;
  std::vector<std::string> problems;
  for (const auto& [file, stamp] : stamps) {
    auto keys = read_public_keys(file);
    if (!keys) {
      problems.push_back(keys.error().message);
      continue;
    }
    problems.insert(problems.end(), keys->problems.begin(), keys->problems.end());
    for (const NamedKey& key : keys->keys) names.emplace(key.key.text(), key.name);
  }
  KeyListChange change{missing_in(names_, names), missing_in(names, names_), problems};
  names_ = std::move(names);
  problems_ = std::move(problems);
  return change;
}

}  // namespace posefleet
