#include "common/job/job_spec.h"

#include "common/base/check.h"
#include "tests/fuzz/targets.h"

namespace posefleet::fuzz {

void fuzz_job_spec(std::span<const std::byte> input) {
  const auto spec = parse_job_spec(text_of(input));
  if (!spec) {
    POSEFLEET_CHECK(spec.error().message.starts_with("job spec"));
    return;
  }
  POSEFLEET_CHECK(spec->source_path.starts_with('/') && spec->batch_size > 0);
  const std::string text = to_json(*spec);
  const auto again = parse_job_spec(text);
  POSEFLEET_CHECK(again.has_value());
  POSEFLEET_CHECK(to_json(*again) == text);
}

}  // namespace posefleet::fuzz
