#include "common/keys/key_file.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <sys/stat.h>

#include "common/files/files.h"

namespace posefleet {
namespace {

constexpr std::string_view kSecretHeader = "# posefleet secret key 1";
constexpr std::string_view kPublicHeader = "# posefleet public keys 1";
constexpr std::string_view kAnyHeader = "# posefleet ";

// Ten thousand keys with the longest names; beyond that it is no file of keys.
constexpr std::uint64_t kFileBytesMax = 2 << 20;

constexpr std::size_t kNameMax = 64;

std::string_view trimmed(std::string_view line) {
  while (!line.empty() && std::isspace(static_cast<unsigned char>(line.back()))) {
    line.remove_suffix(1);
  }
  return line;
}

// The next line without its end; `text` loses it.
std::string_view next_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return trimmed(line);
}

bool has_header(std::string_view text, std::string_view header) {
  const std::string_view line = next_line(text);
  return line.starts_with(header) &&
         (line.size() == header.size() || line[header.size()] == ':' || line[header.size()] == ' ');
}

Error wrong_kind(std::string_view text, const std::string& file, const char* wanted) {
  if (has_header(text, kSecretHeader)) {
    return rejected(fmt::format(
        "{} holds a secret key; {} is wanted here (the .pub file beside it)", file, wanted));
  }
  if (has_header(text, kPublicHeader)) {
    return rejected(fmt::format("{} holds public keys; {} is wanted here (the .key file beside it)",
                                file, wanted));
  }
  if (text.starts_with(kAnyHeader)) {
    return rejected(
        fmt::format("{} is of a kind or version that this program does not know", file));
  }
  return rejected(fmt::format("{} is no file of keys; posefleet keygen makes {}", file, wanted));
}

struct Line {
  std::string name;
  std::string_view key;
};

Result<Line> split(std::string_view line) {
  const std::size_t space = line.find_first_of(" \t");
  const std::string_view name = line.substr(0, space);
  if (!is_key_name(name)) {
    return rejected("a line is a name (up to 64 letters, digits, '.', '-', '_'), a space, a key");
  }
  std::string_view key = space == std::string_view::npos ? "" : line.substr(space);
  key.remove_prefix(std::min(key.find_first_not_of(" \t"), key.size()));
  return Line{std::string(name), key};
}

Result<NamedKey> parse_line(std::string_view line) {
  POSEFLEET_TRY(Line parts, split(line));
  POSEFLEET_TRY(PublicKey key, PublicKey::parse(parts.key));
  return NamedKey{std::move(parts.name), std::move(key)};
}

// The mode is judged before the content is read, of the file that a link leads to.
Status check_mode(const std::filesystem::path& file) {
  struct stat info {};
  if (stat(file.c_str(), &info) != 0) {
    return rejected(fmt::format("cannot read {}: {}", file.string(), strerror(errno)));
  }
  if ((info.st_mode & S_IRWXO) == 0) return done();
  return rejected(
      fmt::format("{} can be used by every user of this machine (mode {:04o}); make it its owner's "
                  "alone: chmod 600 {}",
                  file.string(), info.st_mode & 07777, file.string()));
}

}  // namespace

bool is_key_name(std::string_view name) {
  const auto is_plain = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == '_';
  };
  return !name.empty() && name.size() <= kNameMax && name[0] != '.' && name[0] != '-' &&
         name[0] != '_' && std::all_of(name.begin(), name.end(), is_plain);
}

std::string secret_key_text(const NamedSecret& key) {
  return fmt::format("{}: keep it to its owner\n{} {}\n", kSecretHeader, key.name,
                     key.key.reveal());
}

std::string public_key_text(const NamedKey& key) {
  return fmt::format("{}\n{} {}\n", kPublicHeader, key.name, key.key.text());
}

Result<PublicKeys> parse_public_keys(std::string_view text, const std::string& file) {
  if (!has_header(text, kPublicHeader)) return wrong_kind(text, file, "a file of public keys");
  PublicKeys keys;
  for (int number = 1; !text.empty(); ++number) {
    const std::string_view line = next_line(text);
    if (has_header(line, kSecretHeader)) {
      return rejected(
          fmt::format("{}:{}: a secret key lies among the public ones; it is no secret "
                      "any more, make a new one",
                      file, number));
    }
    if (line.empty() || line[0] == '#') continue;
    auto key = parse_line(line);
    if (key) {
      keys.keys.push_back(std::move(*key));
    } else {
      keys.problems.push_back(fmt::format("{}:{}: {}", file, number, key.error().message));
    }
  }
  return keys;
}

Result<NamedSecret> read_secret_key(const std::filesystem::path& file) {
  POSEFLEET_TRY_DO(check_mode(file));
  POSEFLEET_TRY(const std::string bytes, read_whole_file(file, kFileBytesMax));
  std::string_view text = bytes;
  if (!has_header(text, kSecretHeader)) return wrong_kind(text, file.string(), "a secret key");
  next_line(text);
  const std::string_view line = next_line(text);
  auto parts = split(line);
  if (!parts) return rejected(fmt::format("{}:2: {}", file.string(), parts.error().message));
  auto key = SecretKey::parse(parts->key);
  if (!key) return rejected(fmt::format("{}:2: {}", file.string(), key.error().message));
  if (!trimmed(text).empty()) {
    return rejected(fmt::format("{}:3: a file of a secret key has two lines", file.string()));
  }
  return NamedSecret{std::move(parts->name), std::move(*key)};
}

Result<PublicKeys> read_public_keys(const std::filesystem::path& file) {
  POSEFLEET_TRY(const std::string text, read_whole_file(file, kFileBytesMax));
  return parse_public_keys(text, file.string());
}

Result<NamedKey> read_public_key(const std::filesystem::path& file) {
  POSEFLEET_TRY(PublicKeys keys, read_public_keys(file));
  if (!keys.problems.empty()) return rejected(keys.problems.front());
  if (keys.keys.size() != 1) {
    return rejected(fmt::format("{} holds {} public keys; one is wanted here", file.string(),
                                keys.keys.size()));
  }
  return std::move(keys.keys.front());
}

}  // namespace posefleet
