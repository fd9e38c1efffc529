// Messages to bytes and back, by Cap'n Proto.
//
// Decoding is where foreign bytes become our values, so it checks their shape: sizes, enumerators,
// list lengths, finite traversal. Meaning (is this range known? is this token current?) is checked
// by the core that uses the value. A damaged message gives an Error and costs one message, never
// the process. All functions are pure and may be called from any thread.
//
// Received frames are often not aligned to 8 bytes (13 to 50 % of them, measured), and Cap'n Proto
// wants words: unaligned bytes are copied first.
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/protocol/client.h"
#include "common/protocol/messages.h"
#include "common/protocol/tasks.h"

namespace posefleet {

std::string encode(const WorkerMessage& message);
std::string encode(const CoordinatorMessage& message);
std::string encode(const ClientRequest& message);
std::string encode(const ClientReply& message);
std::string encode(const PoseTask& task);
std::string encode(const RenderTask& task);
std::string encode(const RangePoses& poses);
std::string encode(const EncodedSegment& segment);
std::string encode(const FrameTable& table);

Result<WorkerMessage> decode_worker_message(std::string_view bytes);
Result<CoordinatorMessage> decode_coordinator_message(std::string_view bytes);
Result<ClientRequest> decode_client_request(std::string_view bytes);
Result<ClientReply> decode_client_reply(std::string_view bytes);
Result<PoseTask> decode_pose_task(std::string_view bytes);
Result<RenderTask> decode_render_task(std::string_view bytes);
Result<RangePoses> decode_range_poses(std::string_view bytes);
Result<EncodedSegment> decode_segment(std::string_view bytes);
Result<FrameTable> decode_frame_table(std::string_view bytes);

}  // namespace posefleet
