#include "tests/fuzz/targets.h"
#include "tests/fuzz/wire.h"

namespace posefleet::fuzz {

void fuzz_wire_result(std::span<const std::byte> input) {
  check_message(decode_pose_task, text_of(input));
  check_message(decode_render_task, text_of(input));
  check_message(decode_range_poses, text_of(input));
  check_message(decode_segment, text_of(input));
  check_message(decode_frame_table, text_of(input));
}

}  // namespace posefleet::fuzz
