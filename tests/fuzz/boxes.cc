#include "cli/boxes_file.h"
#include "common/base/check.h"
#include "common/job/job_spec.h"
#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/targets.h"

namespace posefleet::fuzz {
namespace {

// Boxes that were accepted here are accepted by the coordinator, and arrive unchanged.
void check_boxes(const std::vector<FrameBoxes>& boxes) {
  JobSpec spec;
  spec.source_path = "/a.mp4";
  spec.model_hash = "m";
  spec.box_source = BoxSource::Given;
  spec.boxes = boxes;
  const auto arrived = parse_job_spec(to_json(spec));
  POSEFLEET_CHECK(arrived.has_value());
  POSEFLEET_CHECK(*arrived == spec);
}

}  // namespace

// As a file, and as the option of the command line.
void fuzz_boxes(std::span<const std::byte> input) {
  const MemoryFile file(input);
  const auto boxes = cli::read_boxes_file(file.path());
  if (boxes) {
    check_boxes(*boxes);
  } else {
    POSEFLEET_CHECK(boxes.error().message.find(file.path().string()) != std::string::npos);
  }
  const auto option = cli::parse_boxes(text_of(input));
  if (option) check_boxes(*option);
}

}  // namespace posefleet::fuzz
