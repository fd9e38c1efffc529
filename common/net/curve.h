// Keys for ZeroMQ's CURVE: who may talk to whom, and nobody else reads along.
//
// A pair is 32 secret and 32 public bytes. Outside of the library they are written in Z85, 40
// printable characters, which is also how ZeroMQ's own tools write them. The two halves are
// distinct types, so that a secret can be neither sent nor logged by mistake: it has no text.
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace posefleet {

inline constexpr std::size_t kKeyCharacters = 40;

class PublicKey final {
 public:
  // Rejected: not 40 characters of Z85.
  static Result<PublicKey> parse(std::string_view z85);
  const std::string& text() const { return z85_; }
  auto operator<=>(const PublicKey&) const = default;

 private:
  friend class SecretKey;
  explicit PublicKey(std::string z85) : z85_(std::move(z85)) {}
  std::string z85_;
};

class SecretKey final {
 public:
  // Of the system's randomness.
  static SecretKey make();
  // The message of an error does not hold the text.
  static Result<SecretKey> parse(std::string_view z85);
  PublicKey public_key() const;
  // For the key's file and for the library. Nowhere else.
  const std::string& reveal() const { return z85_; }

 private:
  explicit SecretKey(std::string z85) : z85_(std::move(z85)) {}
  std::string z85_;
};

// What a worker needs: who it is, and whom it expects at the other end.
struct ClientKeys {
  SecretKey own;
  PublicKey server;
};

}  // namespace posefleet
