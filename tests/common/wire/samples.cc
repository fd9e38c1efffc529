#include "tests/common/wire/samples.h"

#include <algorithm>

namespace posefleet::tests {
namespace {

std::uint32_t number32(Random& random) {
  return static_cast<std::uint32_t>(random.next());
}

// Any bytes, zeros and broken UTF-8 among them: texts pass through unchanged.
std::string bytes(Random& random, std::size_t size_max = 40) {
  std::string text(random.below(size_max + 1), '\0');
  for (char& letter : text) letter = static_cast<char>(random.next());
  return text;
}

template <typename Make>
auto list(Random& random, std::size_t count_max, Make make) {
  std::vector<decltype(make())> items(random.below(count_max + 1));
  for (auto& item : items) item = make();
  return items;
}

float real(Random& random) {
  return static_cast<float>(random.normal() * 1000);
}

Token token(Random& random) {
  return {random.next(), random.next()};
}
RangeId range(Random& random) {
  return RangeId{random.next()};
}
SessionId session(Random& random) {
  return SessionId{random.next()};
}
Stage stage(Random& random) {
  return random.chance(0.5) ? Stage::Pose : Stage::Render;
}
std::vector<HeldLease> held(Random& random) {
  return list(random, 4, [&] {
    return HeldLease{range(random), token(random), number32(random), random.chance(0.5),
                     number32(random)};
  });
}
std::vector<ResultId> result_ids(Random& random) {
  return list(random, 4, [&] { return ResultId{range(random), token(random)}; });
}
RangeStats stats(Random& random) {
  return {number32(random), number32(random), number32(random), random.unit(),
          random.unit(),    random.unit(),    number32(random)};
}
PersonBox box(Random& random) {
  return {real(random), real(random), real(random), real(random), real(random)};
}

DetectorSettings detector_settings(Random& random) {
  DetectorSettings settings;
  settings.conf = random.unit();
  settings.iou = random.unit();
  settings.imgsz = 32 * static_cast<std::uint32_t>(1 + random.below(128));
  settings.half = random.chance(0.5);
  settings.max_people = static_cast<std::uint32_t>(1 + random.below(kPeopleMax));
  settings.min_width = random.unit() * kBoxSideMax;
  settings.min_height = random.unit() * kBoxSideMax;
  settings.tiles = static_cast<std::uint32_t>(1 + random.below(kDetectorTilesMax));
  return settings;
}

TaskFrames task_frames(Random& random) {
  const auto frames = static_cast<std::uint32_t>(1 + random.below(10));
  TaskFrames task;
  task.source = {bytes(random), random.next(), static_cast<std::int64_t>(random.next())};
  task.fingerprint = bytes(random);
  task.sha256 = bytes(random);
  task.url = bytes(random);
  task.is_image = random.chance(0.5);
  task.window = frame_table(random, 20);
  task.first_frame = static_cast<std::uint32_t>(random.below(10));
  task.frame_count = frames;
  return task;
}

}  // namespace

FrameTable frame_table(Random& random, std::uint32_t frames) {
  FrameTable table;
  std::int64_t pts = static_cast<std::int64_t>(random.next() >> 8) - (1LL << 54);
  for (std::uint32_t i = 0; i < frames; ++i) {
    pts += 1 + static_cast<std::int64_t>(random.below(5000));
    table.pts.push_back(pts);
  }
  table.keys = list(random, 5, [&] {
    return KeyPacket{static_cast<std::int64_t>(random.next()), number32(random)};
  });
  table.time_base = {1 + static_cast<std::int64_t>(random.below(1001)),
                     1 + static_cast<std::int64_t>(random.below(90000))};
  table.average_rate = {static_cast<std::int64_t>(random.below(60000)), 1001};
  table.stream_index = static_cast<std::int32_t>(random.below(5));
  table.width = number32(random);
  table.height = number32(random);
  table.rotation_quarters = static_cast<std::int32_t>(random.below(4));
  table.codec = bytes(random);
  table.needs_sequential_decode = random.chance(0.5);
  return table;
}

RangePoses range_poses(Random& random, std::uint32_t first, std::uint32_t frames) {
  RangePoses poses;
  for (std::uint32_t i = 0; i < frames; ++i) {
    FramePoses& frame = poses.emplace_back();
    frame.frame = first + i;
    frame.people = list(random, 3, [&] {
      PersonPose person;
      person.box = box(random);
      for (float& value : person.global_orient) value = real(random);
      for (Rotation& rotation : person.body_pose) {
        for (float& value : rotation) value = real(random);
      }
      for (float& value : person.betas) value = real(random);
      for (float& value : person.pred_cam) value = real(random);
      for (float& value : person.camera_translation) value = real(random);
      person.focal_length = real(random);
      person.track = number32(random);
      return person;
    });
  }
  return poses;
}

PoseTask pose_task(Random& random) {
  PoseTask task;
  task.frames = task_frames(random);
  task.model_hash = bytes(random);
  task.batch_size = static_cast<std::uint32_t>(1 + random.below(256));
  task.box_source = static_cast<BoxSource>(random.below(3));
  if (task.box_source == BoxSource::Detect) task.detector = detector_settings(random);
  task.boxes = list(random, 3, [&] {
    return FrameBoxes{number32(random), list(random, 3, [&] { return box(random); })};
  });
  return task;
}

DrawSettings draw_settings(Random& random) {
  DrawSettings draw;
  draw.style = static_cast<DrawStyle>(random.below(kDrawStyleNames.size()));
  draw.samples = number32(random);
  draw.opacity = static_cast<std::uint32_t>(random.below(101));
  const auto colour = [&] {
    return Rgb{static_cast<std::uint8_t>(random.below(256)),
               static_cast<std::uint8_t>(random.below(256)),
               static_cast<std::uint8_t>(random.below(256))};
  };
  draw.palette = list(random, 4, colour);
  draw.ground = colour();
  draw.trail = static_cast<std::uint32_t>(random.below(kTrailMax + 1));
  draw.trail_step = static_cast<std::uint32_t>(1 + random.below(kTrailStepMax));
  draw.labels = list(random, 3, [&] { return bytes(random); });
  draw.has_caption = random.chance(0.5);
  return draw;
}

RenderTask render_task(Random& random) {
  return {task_frames(random),
          bytes(random),
          {bytes(random), bytes(random), static_cast<std::int32_t>(random.next()), bytes(random),
           random.chance(0.5), random.chance(0.5), "e" + bytes(random)},
          range_poses(random, number32(random) / 2, 3),
          draw_settings(random),
          range_poses(random, number32(random) / 2, 2),
          static_cast<std::int64_t>(random.next()),
          number32(random)};
}

EncodedSegment segment(Random& random) {
  return {bytes(random), bytes(random), number32(random), number32(random), list(random, 4, [&] {
            return EncodedPacket{static_cast<std::int64_t>(random.next()), random.chance(0.5),
                                 bytes(random, 300), bytes(random, 50)};
          })};
}

std::vector<WorkerMessage> worker_messages(Random& random) {
  return {
      Hello{number32(random), bytes(random), random.next(), bytes(random), random.next(),
            stage(random), bytes(random), number32(random), bytes(random), random.next(),
            held(random), result_ids(random), static_cast<DetectorState>(random.below(3)),
            bytes(random), random.next(), random.next()},
      Heartbeat{session(random), random.next(), held(random)},
      ResultPart{session(random), range(random), token(random), random.next(), bytes(random, 500)},
      ResultDone{session(random), range(random), token(random), bytes(random), random.next(),
                 bytes(random), number32(random), stats(random)},
      Fail{session(random), range(random), token(random), static_cast<FailClass>(random.below(3)),
           bytes(random)},
      Bye{session(random)},
  };
}

std::vector<CoordinatorMessage> coordinator_messages(Random& random) {
  const std::uint32_t first = number32(random) / 2;
  return {
      Welcome{session(random), random.next(), 1 + number32(random) / 2, 1 + random.next() / 2,
              random.next(), result_ids(random)},
      Grant{session(random),
            range(random),
            token(random),
            stage(random),
            {first, first + 7},
            bytes(random),
            number32(random),
            bytes(random, 500)},
      ResultAck{range(random), token(random)},
      ResendResult{range(random), token(random)},
      CancelRange{range(random), token(random)},
      UnknownSession{},
      Refused{bytes(random)},
  };
}

std::vector<ClientRequest> client_requests(Random& random) {
  return {Submit{bytes(random), bytes(random, 500)}, GetStatus{JobId{random.next()}},
          CancelJob{JobId{random.next()}}, ListWorkers{number32(random)}};
}

namespace {

WorkerList worker_list(Random& random) {
  WorkerList list{number32(random), number32(random), {}};
  list.workers.resize(random.below(4));
  for (WorkerInfo& worker : list.workers) {
    worker = {session(random),      bytes(random),
              bytes(random),        random.next(),
              stage(random),        bytes(random),
              number32(random),     bytes(random),
              bytes(random),        static_cast<WorkerState>(random.below(3)),
              random.unit(),        number32(random),
              JobId{random.next()}, {number32(random), number32(random)},
              number32(random)};
  }
  return list;
}

}  // namespace

std::vector<ClientReply> client_replies(Random& random) {
  JobStatus status;
  status.job = JobId{random.next()};
  status.state = static_cast<JobState>(random.below(7));
  status.error = bytes(random);
  status.stages = list(random, 2, [&] {
    return StageProgress{stage(random), random.next(), random.next(), number32(random),
                         stats(random)};
  });
  status.retries = random.next();
  status.warnings = list(random, 3, [&] { return bytes(random); });
  status.result = bytes(random, 500);
  return {Submitted{bytes(random), JobId{random.next()}}, status, ClientError{bytes(random)},
          worker_list(random)};
}

}  // namespace posefleet::tests
