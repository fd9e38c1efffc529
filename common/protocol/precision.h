// In which arithmetic the network computes, and the name under which its results are kept apart.
//
// Results of two precisions differ in the third digit, so one job must never mix them: a worker
// offers itself under its network's id, a job asks for one, and the coordinator compares the two.
// A body does not depend on the network's precision; render workers go by the model's hash alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace posefleet {

enum class Precision : std::uint8_t {
  Float32 = 0,
  // The large products take operands of 8 significant bits and sum in float32; all else is float32.
  BFloat16 = 1,
  Float16 = 2,  // on GPUs
};

constexpr const char* name_of(Precision precision) {
  switch (precision) {
    case Precision::Float32:
      return "float32";
    case Precision::BFloat16:
      return "bfloat16";
    case Precision::Float16:
      return "float16";
  }
  return "float32";
}

constexpr std::optional<Precision> parse_precision(std::string_view name) {
  for (const Precision precision : {Precision::Float32, Precision::BFloat16, Precision::Float16}) {
    if (name == name_of(precision)) return precision;
  }
  return std::nullopt;
}

// The model's hash, and behind it the precision if it is not float32: "1f3a...+bfloat16".
inline std::string network_id(std::string_view model_hash, Precision precision) {
  std::string id(model_hash);
  if (precision != Precision::Float32) id += std::string("+") + name_of(precision);
  return id;
}

// The model's hash in a network's id.
constexpr std::string_view model_hash_of(std::string_view network_id) {
  return network_id.substr(0, network_id.find('+'));
}

}  // namespace posefleet
