// Bytes as the first release of protocol version 1 wrote them. They must decode for as long as the
// version number stands: a worker may be older than its coordinator, and a stored result older than
// both. Never edit them; a change that breaks one needs a new version.
#include <functional>

#include <gtest/gtest.h>

#include "common/wire/codec.h"

namespace posefleet::tests {
namespace {

Hello hello() {
  return {1,
          "h/pose/7",
          0x1122334455667788,
          "h",
          7,
          Stage::Render,
          "cpu",
          2,
          "abc",
          4,
          {{RangeId{3}, {5, 6}, 9, true}},
          {{RangeId{8}, {5, 2}}}};
}
ResultDone result() {
  return {SessionId{1}, RangeId{2}, {3, 4}, "plan", 5, "sha", 16, {1, 2, 3, 0.5, 0.25, 2}};
}
Grant grant() {
  return {SessionId{1}, RangeId{2}, {3, 4}, Stage::Render, {16, 32}, "plan", 30000, "task"};
}
RangePoses poses() {
  PersonPose person;
  person.box = {1, 2, 3, 4, 0.5f};
  person.global_orient[0] = 1;
  person.body_pose[22][8] = 2;
  person.betas[9] = 3;
  person.pred_cam[2] = 4;
  person.camera_translation[2] = 5;
  person.focal_length = 5000;
  return {{7, {person}}, {8, {}}};
}
EncodedSegment segment() {
  return {"h264", "x", 640, 360, {{-512, true, "key"}, {0, false, "p"}}};
}
FrameTable table() {
  FrameTable table;
  table.pts = {-10, 0, 10};
  table.keys = {{-10, 0}, {10, 2}};
  table.time_base = {1, 25};
  table.average_rate = {25, 1};
  table.stream_index = 1;
  table.width = 64;
  table.height = 48;
  table.rotation_quarters = 3;
  table.codec = "h264";
  table.needs_sequential_decode = true;
  return table;
}
JobStatus status() {
  return {JobId{9}, JobState::Running, "",  "", {{Stage::Render, 5, 10, 2, {1, 2, 3, 0, 0, 1}}},
          4,        {"warn"},          "{}"};
}

std::string hex(const std::string& bytes) {
  std::string text;
  for (const unsigned char byte : bytes) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

// Zeros are most of it: "z12" in place of 12 zero bytes.
std::string shortened(const std::string& bytes) {
  std::string text;
  for (std::size_t at = 0; at < bytes.size();) {
    std::size_t zeros = 0;
    while (at + zeros < bytes.size() && bytes[at + zeros] == 0) ++zeros;
    if (zeros > 2) {
      text += "z" + std::to_string(zeros) + " ";
      at += zeros;
    } else {
      text += hex(bytes.substr(at++, 1));
    }
  }
  return text;
}

std::string lengthened(const std::string& text) {
  std::string bytes;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == 'z') {
      const std::size_t end = text.find(' ', at);
      bytes.append(std::stoul(text.substr(at + 1, end - at - 1)), '\0');
      at = end + 1;
    } else {
      bytes += static_cast<char>(std::stoul(text.substr(at, 2), nullptr, 16));
      at += 2;
    }
  }
  return bytes;
}

template <typename Value, typename Decode>
void expect_golden(const char* name, const char* golden, const Value& value, Decode&& decode) {
  SCOPED_TRACE(name);
  const auto decoded = decode(lengthened(golden));
  ASSERT_TRUE(decoded) << decoded.error().message << "\nnow written: " << shortened(encode(value));
  EXPECT_TRUE(*decoded == value) << "now written: " << shortened(encode(value));
}

TEST(Golden, MessagesOfTheFirstReleaseStillDecode) {
  expect_golden("hello",
                "z4 1ez7 010001z13 0500060001z3 01z3 887766554433221107z7 02z7 04z7 15z3 "
                "4az3 19z3 12z3 19z3 22z3 19z3 22z3 19z3 1fz3 2dz3 17z3 682f706f73652f37"
                "z8 68z7 637075z5 616263z5 04z3 0200010003z7 09z3 01z7 02z3 05z7 06z7 04"
                "z3 0100010008z11 02z3 05z7 02z7 ",
                WorkerMessage{hello()}, decode_worker_message);
  expect_golden("heartbeat",
                "z4 0cz7 0100010001z11 0200010007z7 03z7 01z3 1fz3 04z3 0200010003z7 09"
                "z3 01z7 02z3 05z7 06z7 ",
                WorkerMessage{Heartbeat{SessionId{7}, 3, hello().held}}, decode_worker_message);
  expect_golden("result",
                "z4 14z7 0100010003z11 0400040001z7 02z7 05z7 10z7 0cz3 02z3 11z3 2az3 11"
                "z3 22z3 10z3 05z3 03z7 04z7 706c616ez4 736861z5 01z3 02z3 03z13 e03fz6 "
                "d03fz7 40",
                WorkerMessage{result()}, decode_worker_message);
  expect_golden("grant",
                "z4 0ez7 0100010001z11 0400030001z7 02z7 01z3 10z3 20z3 3075000008z3 02"
                "z3 0dz3 2az3 0dz3 22z3 03z7 04z7 706c616ez4 7461736bz4 ",
                CoordinatorMessage{grant()}, decode_coordinator_message);
  expect_golden("welcome",
                "z4 0ez7 010001z13 0500010001z7 02z7 e803z6 03z7 04z7 01z3 17z3 04z3 0100"
                "010005z11 02z3 06z7 07z7 ",
                CoordinatorMessage{Welcome{SessionId{1}, 2, 1000, 3, 4, {{RangeId{5}, {6, 7}}}}},
                decode_coordinator_message);
  expect_golden("status",
                "z4 19z7 020001z9 01z11 0300040009z7 02z7 04z7 0dz3 0az3 0dz3 27z3 31z3 "
                "0ez3 35z3 1az11 04z3 0300010001z3 02z3 05z7 0az11 05z3 01z3 02z3 03z29 "
                "f03f01z3 2az3 7761726ez4 7b7dz6 ",
                ClientReply{status()}, decode_client_reply);
}

TEST(Golden, StoredResultsOfTheFirstReleaseStillDecode) {
  expect_golden("poses",
                "z4 83z9 010001z3 27z3 08z3 0100010007z7 09z3 17z3 08z7 ed01000007z3 04"
                "z5 020004z3 03z3 0dz3 4c07z4 803fz3 400000404000008040z3 3fz6 803fz859 "
                "40z38 4040z10 8040z10 a04000409c45z10 0200",
                poses(), decode_range_poses);
  expect_golden("segment",
                "z4 10z7 01000300800200006801000009z3 2az3 09z3 0az3 09z3 37z3 68323634"
                "z4 78z7 08z3 0200010000feffffffffffff01z7 0dz3 1az19 05z3 0az3 6b6579z5 "
                "70z7 ",
                segment(), decode_segment);
  expect_golden("frame table",
                "z4 15z7 0300060001z3 40z3 30z3 03z3 01z7 15z3 1dz3 1dz3 15z3 21z3 14z3 "
                "20z3 02z3 24z3 02z3 29z3 2az3 f6ffffffffffffffz8 0az7 f6ffffffffffffff0a"
                "z11 02z3 01z7 19z7 19z7 01z7 68323634z4 ",
                table(), decode_frame_table);
}

}  // namespace
}  // namespace posefleet::tests
