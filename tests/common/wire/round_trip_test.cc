#include <gtest/gtest.h>

#include "common/wire/codec.h"
#include "tests/common/wire/samples.h"

namespace posefleet::tests {
namespace {

constexpr std::uint64_t kSeeds = 200;

template <typename Messages, typename Decode>
void expect_round_trip(const Messages& messages, Decode&& decode) {
  for (const auto& message : messages) {
    SCOPED_TRACE(message.index());
    const auto decoded = decode(encode(message));
    ASSERT_TRUE(decoded) << decoded.error().message;
    EXPECT_TRUE(*decoded == message);
  }
}

template <typename Value, typename Decode>
void expect_same(const Value& value, Decode&& decode) {
  const auto decoded = decode(encode(value));
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_TRUE(*decoded == value);
}

TEST(RoundTrip, EveryMessageComesBackAsItWas) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    expect_round_trip(worker_messages(random), decode_worker_message);
    expect_round_trip(coordinator_messages(random), decode_coordinator_message);
    expect_round_trip(client_requests(random), decode_client_request);
    expect_round_trip(client_replies(random), decode_client_reply);
  }
}

TEST(RoundTrip, EveryTaskAndResultComesBackAsItWas) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    expect_same(pose_task(random), decode_pose_task);
    expect_same(render_task(random), decode_render_task);
    expect_same(range_poses(random, 7, 5), decode_range_poses);
    expect_same(segment(random), decode_segment);
    expect_same(frame_table(random, 30), decode_frame_table);
  }
}

TEST(RoundTrip, EmptyValuesComeBackToo) {
  expect_round_trip(
      std::vector<WorkerMessage>{Hello{}, Heartbeat{}, ResultPart{}, ResultDone{}, Fail{}, Bye{}},
      decode_worker_message);
  expect_same(RangePoses{}, decode_range_poses);
  expect_same(EncodedSegment{}, decode_segment);
  expect_same(FrameTable{.time_base = {1, 1}}, decode_frame_table);
}

TEST(RoundTrip, EqualValuesGiveEqualBytes) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Random first(seed);
    Random second(seed);
    EXPECT_EQ(encode(range_poses(first, 0, 5)), encode(range_poses(second, 0, 5)));
    EXPECT_EQ(encode(segment(first)), encode(segment(second)));
  }
}

TEST(RoundTrip, BytesMayLieAtAnyAddress) {
  Random random(3);
  for (const WorkerMessage& message : worker_messages(random)) {
    const std::string bytes = encode(message);
    for (std::size_t shift = 0; shift < 8; ++shift) {
      SCOPED_TRACE(shift);
      const std::string shifted = std::string(shift, 'x') + bytes;
      const auto decoded = decode_worker_message(std::string_view(shifted).substr(shift));
      ASSERT_TRUE(decoded) << decoded.error().message;
      EXPECT_TRUE(*decoded == message);
    }
  }
}

}  // namespace
}  // namespace posefleet::tests
