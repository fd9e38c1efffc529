// SHA-256 of bytes and files, by OpenSSL's libcrypto (it uses the CPU's SHA instructions).
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace posefleet {

// Feed it in pieces; one thread at a time.
class Sha256 final {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void add(std::string_view bytes);
  // 64 lower-case hex digits of all that was added. Call once, last.
  std::string hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string sha256_hex(std::string_view bytes);
Result<std::string> sha256_hex_of_file(const std::filesystem::path& path);

}  // namespace posefleet
