#include "common/config/loader.h"
#include "coordinator/server/config.h"
#include "tests/fuzz/targets.h"
#include "worker/runtime/config.h"

namespace posefleet::fuzz {
namespace {

// What a program prints as its configuration is one, and the same one.
template <typename Config>
void check_config(const Fields<Config>& fields, std::string_view yaml) {
  const auto config = parse_config(fields, yaml, "config.yaml");
  if (!config) {
    POSEFLEET_CHECK(config.error().message.find("config.yaml") != std::string::npos);
    return;
  }
  const std::string text = print_config(fields, *config);
  const auto again = parse_config(fields, text, "again.yaml");
  POSEFLEET_CHECK(again.has_value());
  POSEFLEET_CHECK(print_config(fields, *again) == text);
}

}  // namespace

void fuzz_program_config(std::span<const std::byte> input) {
  check_config(coordinator_fields(), text_of(input));
  check_config(pose_worker_fields(), text_of(input));
  check_config(render_worker_fields(), text_of(input));
}

}  // namespace posefleet::fuzz
