// Random but valid messages of every kind, made from a seed.
#pragma once

#include <vector>

#include "common/base/random.h"
#include "common/protocol/client.h"
#include "common/protocol/messages.h"
#include "common/protocol/tasks.h"

namespace posefleet::tests {

// One of each kind, in the order of the variant.
std::vector<WorkerMessage> worker_messages(Random& random);
std::vector<CoordinatorMessage> coordinator_messages(Random& random);
std::vector<ClientRequest> client_requests(Random& random);
std::vector<ClientReply> client_replies(Random& random);

FrameTable frame_table(Random& random, std::uint32_t frames);
PoseTask pose_task(Random& random);
RenderTask render_task(Random& random);
RangePoses range_poses(Random& random, std::uint32_t first, std::uint32_t frames);
EncodedSegment segment(Random& random);

}  // namespace posefleet::tests
