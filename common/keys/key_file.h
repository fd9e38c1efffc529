// Files that hold keys, for people to make, hand out and read.
//
//   # posefleet secret key 1: keep it to its owner      # posefleet public keys 1
//   gpu-1 <40 characters of Z85>                         gpu-1 <40 characters of Z85>
//
// The first line says which of the two it is, since the keys themselves do not; so a secret that
// ends up where a public key belongs is noticed. A file of public keys may hold many, one a line,
// and further lines that begin with '#': several such files in a row are again one. A name is for
// people (log lines, lists of workers); two keys may share it, so that a worker can change its key
// without a gap.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/net/curve.h"

namespace posefleet {

struct NamedKey {
  std::string name;
  PublicKey key;
};

struct NamedSecret {
  std::string name;
  SecretKey key;
};

// 1 to 64 letters, digits, dots, dashes and underscores; the first is a letter or digit.
bool is_key_name(std::string_view name);

std::string secret_key_text(const NamedSecret& key);
std::string public_key_text(const NamedKey& key);

// A line that is wrong allows nobody and hurts no other line: it is named among `problems`.
struct PublicKeys {
  std::vector<NamedKey> keys;
  std::vector<std::string> problems;  // "FILE:LINE: why"
};
// `file` is for messages. An error when it is no file of public keys at all.
Result<PublicKeys> parse_public_keys(std::string_view text, const std::string& file);

// Refuses a file that every user of the machine may read: anybody could be this worker.
Result<NamedSecret> read_secret_key(const std::filesystem::path& file);
// Of a file with exactly one key.
Result<NamedKey> read_public_key(const std::filesystem::path& file);
// Of a file with any number.
Result<PublicKeys> read_public_keys(const std::filesystem::path& file);

}  // namespace posefleet
