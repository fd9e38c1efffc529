// What a broken or hostile peer may send: an error or a valid value, never a crash, and memory in
// proportion to what was sent.
#include <cstring>
#include <functional>

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <gtest/gtest.h>

#include "common/wire/codec.h"
#include "tests/common/wire/samples.h"

#include "schemas/client.capnp.h"
#include "schemas/control.capnp.h"
#include "schemas/result.capnp.h"

namespace posefleet::tests {
namespace {

// Returns an error's message, empty when the bytes are valid.
using Decode = std::function<std::string(std::string_view)>;

template <typename Function>
Decode decoder(Function function) {
  return [function](std::string_view bytes) {
    const auto decoded = function(bytes);
    return decoded ? std::string() : decoded.error().message;
  };
}

struct Sample {
  Decode decode;
  std::string bytes;
};

// One encoded message of every kind.
std::vector<Sample> samples(std::uint64_t seed) {
  Random random(seed);
  std::vector<Sample> all;
  for (const auto& one : worker_messages(random)) {
    all.push_back({decoder(decode_worker_message), encode(one)});
  }
  for (const auto& one : coordinator_messages(random)) {
    all.push_back({decoder(decode_coordinator_message), encode(one)});
  }
  for (const auto& one : client_requests(random)) {
    all.push_back({decoder(decode_client_request), encode(one)});
  }
  for (const auto& one : client_replies(random)) {
    all.push_back({decoder(decode_client_reply), encode(one)});
  }
  all.push_back({decoder(decode_pose_task), encode(pose_task(random))});
  all.push_back({decoder(decode_render_task), encode(render_task(random))});
  all.push_back({decoder(decode_range_poses), encode(range_poses(random, 0, 3))});
  all.push_back({decoder(decode_segment), encode(segment(random))});
  all.push_back({decoder(decode_frame_table), encode(frame_table(random, 20))});
  return all;
}

std::string message_bytes(capnp::MessageBuilder& builder) {
  const auto words = capnp::messageToFlatArray(builder);
  const auto bytes = words.asBytes();
  return {reinterpret_cast<const char*>(bytes.begin()), bytes.size()};
}

TEST(Damage, TruncatedMessagesGiveErrors) {
  for (const Sample& sample : samples(1)) {
    for (std::size_t size = 0; size < sample.bytes.size(); ++size) {
      const std::string error = sample.decode(std::string_view(sample.bytes).substr(0, size));
      ASSERT_FALSE(error.empty()) << size << " of " << sample.bytes.size() << " bytes";
      ASSERT_NE(error.find("(" + std::to_string(size) + " bytes)"), std::string::npos) << error;
    }
  }
}

TEST(Damage, FlippedBitsGiveAnErrorOrAValue) {
  std::size_t errors = 0;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    for (const Sample& sample : samples(seed)) {
      for (std::size_t at = 0; at < std::min<std::size_t>(sample.bytes.size(), 600); ++at) {
        for (const int flip : {0x01, 0x80, 0xff}) {
          std::string bytes = sample.bytes;
          bytes[at] = static_cast<char>(bytes[at] ^ flip);
          errors += sample.decode(bytes).empty() ? 0 : 1;
        }
      }
    }
  }
  EXPECT_GT(errors, 1000u);
}

TEST(Damage, NoiseGivesAnErrorOrAValue) {
  Random random(9);
  const auto kinds = samples(2);
  for (int round = 0; round < 3000; ++round) {
    std::string bytes(8 * random.below(20), '\0');
    for (char& byte : bytes) byte = static_cast<char>(random.next());
    // A plausible head gets further: one segment of the right size.
    if (bytes.size() >= 8 && random.chance(0.7)) {
      bytes.replace(0, 8,
                    std::string("\0\0\0\0", 4) +
                        std::string({static_cast<char>(bytes.size() / 8 - 1), 0, 0, 0}));
    }
    for (const Sample& kind : kinds) kind.decode(bytes);
  }
}

// A list that claims 2^29 - 1 elements of no size costs nothing to send.
TEST(Damage, HostileListLengthsAreRefused) {
  Random random(1);
  const std::string honest = encode(RangePoses{});
  // Root struct with one pointer; the pointer says: a list of 2^29-1 elements of 0 bits.
  const auto with_pointer = [](std::uint64_t pointer) {
    std::string bytes("\0\0\0\0\2\0\0\0", 8);
    const std::uint64_t root = std::uint64_t{1} << 48;  // struct, no data, one pointer
    bytes.append(reinterpret_cast<const char*>(&root), 8);
    bytes.append(reinterpret_cast<const char*>(&pointer), 8);
    return bytes;
  };
  for (std::uint64_t element_size = 0; element_size <= 7; ++element_size) {
    SCOPED_TRACE(element_size);
    const std::uint64_t claim = 1 | (element_size << 32) | (0x1fffffffULL << 35);
    EXPECT_FALSE(decode_range_poses(with_pointer(claim)));
  }
}

// Many pointers to one big list: small to send, endless to read.
TEST(Damage, PointersThatVisitOnePlaceOverAndOverAreRefused) {
  const auto poses_with = [](std::uint32_t frames, std::uint32_t people) {
    capnp::MallocMessageBuilder builder(1 << 14);  // one segment
    auto list = builder.initRoot<schema::RangePoses>().initFrames(frames);
    list[0].initPeople(people);
    return message_bytes(builder);
  };
  std::string bytes = poses_with(400, 400);
  // Every frame's list pointer is made to point at the first frame's list.
  const std::size_t table = 8 + 8 + 8 + 8;  // head, root, its pointer, the list's tag
  const auto word = [&](std::size_t at) {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes.data() + at, 8);
    return value;
  };
  const std::uint64_t first = word(table + 8);
  ASSERT_EQ(first & 3, 1u) << "a list pointer is expected here";
  for (std::size_t frame = 1; frame < 400; ++frame) {
    const std::uint64_t pointer = first - 4 * 2 * frame;  // two words further: offset two less
    std::memcpy(bytes.data() + table + 16 * frame + 8, &pointer, 8);
  }
  const auto decoded = decode_range_poses(bytes);
  ASSERT_FALSE(decoded);
}

TEST(Damage, ValuesThatCannotBeMeantAreNamed) {
  struct Case {
    const char* expected;
    std::string error;
  };
  const auto edited_pose_task = [](auto edit) {
    Random random(5);
    PoseTask task = pose_task(random);
    task.frames.window.needs_sequential_decode = true;
    edit(task);
    return decoder(decode_pose_task)(encode(task));
  };
  const auto edited_table = [](auto edit) {
    Random random(5);
    FrameTable table = frame_table(random, 5);
    edit(table);
    return decoder(decode_frame_table)(encode(table));
  };
  const auto coordinator = [](const CoordinatorMessage& message) {
    return decoder(decode_coordinator_message)(encode(message));
  };
  for (const Case& one : {
           Case{"batches of 0", edited_pose_task([](PoseTask& t) { t.batch_size = 0; })},
           Case{"0 frames", edited_pose_task([](PoseTask& t) { t.frames.frame_count = 0; })},
           Case{"over a table", edited_pose_task([](PoseTask& t) { t.frames.frame_count = 21; })},
           Case{"over a table",
                edited_pose_task([](PoseTask& t) { t.frames.first_frame = UINT32_MAX; })},
           Case{"do not rise", edited_table([](FrameTable& t) { t.pts[3] = t.pts[2]; })},
           Case{"do not rise", edited_table([](FrameTable& t) { t.pts[3] = INT64_MIN; })},
           Case{"not positive", edited_table([](FrameTable& t) { t.time_base.den = 0; })},
           Case{"not positive", edited_table([](FrameTable& t) { t.time_base.num = -1; })},
           Case{"0 to 3", edited_table([](FrameTable& t) { t.rotation_quarters = 4; })},
           Case{"without frames", coordinator(Grant{})},
           Case{"parts of 0 bytes", coordinator(Welcome{.heartbeat_ms = 1})},
           Case{"every 0 ms", coordinator(Welcome{.heartbeat_ms = 0, .part_bytes_max = 1})},
       }) {
    EXPECT_NE(one.error.find(one.expected), std::string::npos)
        << "'" << one.error << "' should speak of '" << one.expected << "'";
  }
}

TEST(Damage, UnknownKindsAndEnumeratorsAreRefused) {
  {
    capnp::MallocMessageBuilder builder;
    builder.initRoot<schema::WorkerMessage>().initHello().setRole(static_cast<schema::Stage>(7));
    EXPECT_FALSE(decode_worker_message(message_bytes(builder)));
  }
  {
    capnp::MallocMessageBuilder builder;
    auto fail = builder.initRoot<schema::WorkerMessage>().initFail();
    fail.setFailClass(static_cast<schema::FailClass>(9));
    EXPECT_FALSE(decode_worker_message(message_bytes(builder)));
  }
  {
    capnp::MallocMessageBuilder builder;
    auto status = builder.initRoot<schema::ClientReply>().initStatus();
    status.setState(static_cast<schema::JobState>(99));
    EXPECT_FALSE(decode_client_reply(message_bytes(builder)));
    status.setState(schema::JobState::RUNNING);
    EXPECT_TRUE(decode_client_reply(message_bytes(builder)));
    status.initStages(1)[0].setStage(static_cast<schema::Stage>(3));
    EXPECT_FALSE(decode_client_reply(message_bytes(builder)));
  }
  {
    capnp::MallocMessageBuilder builder;
    auto frame = builder.initRoot<schema::RangePoses>().initFrames(1)[0];
    frame.initPeople(1)[0].initNumbers(12);
    const auto decoded = decode_range_poses(message_bytes(builder));
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().message, "a person with 12 numbers, expected 233");
  }
}

}  // namespace
}  // namespace posefleet::tests
