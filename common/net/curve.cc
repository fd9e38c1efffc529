#include "common/net/curve.h"

#include <zmq.h>

#include "common/base/check.h"

namespace posefleet {
namespace {

constexpr std::size_t kKeyBytes = 32;

// Room for the 40 characters and the zero that the library appends.
struct KeyText {
  char text[kKeyCharacters + 1] = {};
};

// The library's own decoder does not mind numbers beyond 32 bits; a key must have one spelling, or
// two different lines could allow the same worker.
bool is_key(std::string_view z85) {
  if (z85.size() != kKeyCharacters || z85.find('\0') != std::string_view::npos) return false;
  std::uint8_t bytes[kKeyBytes];
  const std::string text(z85);
  if (zmq_z85_decode(bytes, text.c_str()) == nullptr) return false;
  KeyText again;
  zmq_z85_encode(again.text, bytes, kKeyBytes);
  return text == again.text;
}

}  // namespace

Result<PublicKey> PublicKey::parse(std::string_view z85) {
  if (!is_key(z85)) return rejected("a public key has 40 characters of Z85");
  return PublicKey(std::string(z85));
}

SecretKey SecretKey::make() {
  KeyText public_text, secret_text;
  // It fails only in a library that was built without CURVE.
  POSEFLEET_CHECK(zmq_curve_keypair(public_text.text, secret_text.text) == 0);
  return SecretKey(secret_text.text);
}

Result<SecretKey> SecretKey::parse(std::string_view z85) {
  if (!is_key(z85)) return rejected("a secret key has 40 characters of Z85");
  return SecretKey(std::string(z85));
}

PublicKey SecretKey::public_key() const {
  KeyText text;
  POSEFLEET_CHECK(zmq_curve_public(text.text, z85_.c_str()) == 0);
  return PublicKey(text.text);
}

}  // namespace posefleet
