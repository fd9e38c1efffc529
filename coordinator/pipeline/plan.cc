#include "coordinator/pipeline/plan.h"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "common/files/files.h"
#include "common/files/open_file.h"
#include "common/files/sha256.h"
#include "common/media/frame_table.h"
#include "common/media/image.h"
#include "common/media/image_sequence.h"
#include "common/media/stitch.h"
#include "common/people/steady.h"
#include "common/protocol/output_codec.h"
#include "common/wire/codec.h"
#include "coordinator/pipeline/select.h"

namespace posefleet {
namespace {

using Json = nlohmann::json;

// One frame of a real model takes 0.03 s on a GPU and 1 s on two CPU cores: 16 frames are half a
// second to a quarter of a minute, and two full batches of the usual size.
constexpr std::uint32_t kPoseRangeFrames = 16;

// Segments of 4 s cost 2 to 3 % in size against one stream, of 1 s 10 to 13 %. A short clip is
// still cut in four, so that it does not wait for a single render worker.
constexpr double kRenderRangeSecondsMax = 4.0;
constexpr double kRenderRangeSecondsMin = 1.0;
constexpr double kRenderRangesWanted = 4.0;

// Decoding may have to begin some key frames earlier (open GOP, intra refresh): that many go along.
constexpr std::size_t kKeyPacketsBefore = 8;

constexpr const char* kTableFile = "frame_table.bin";
constexpr const char* kPlanFile = "plan.json";
constexpr const char* kPicturesFile = "pictures.mov";

double seconds_of(const FrameTable& table, std::int64_t ticks) {
  return static_cast<double>(ticks) * static_cast<double>(table.time_base.num) /
         static_cast<double>(table.time_base.den);
}

// Cuts wherever `seconds` have passed since the last cut, by the frames' own times.
std::vector<FrameRange> cut_by_time(const FrameTable& table, double range_seconds) {
  std::vector<FrameRange> ranges;
  std::uint32_t first = 0;
  for (std::uint32_t frame = 1; frame < table.frame_count(); ++frame) {
    if (seconds_of(table, table.pts[frame] - table.pts[first]) < range_seconds) continue;
    ranges.push_back({first, frame});
    first = frame;
  }
  if (first < table.frame_count()) ranges.push_back({first, table.frame_count()});
  return ranges;
}

// Of segments whose frames hardly shrink: a segment is held in memory, by who encodes it and by who
// joins it. A lossless frame of 10 bits takes about two bytes a pixel, so this is some 64 MB.
std::uint32_t large_range_frames(const FrameTable& table) {
  constexpr std::uint64_t kPixelsMax = 32 << 20;
  constexpr std::uint32_t kFramesMax = 48;  // two seconds of a small film
  const std::uint64_t pixels =
      std::max<std::uint64_t>(1, std::uint64_t{table.width} * table.height);
  return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(kPixelsMax / pixels, 1, kFramesMax));
}

std::vector<FrameRange> cut_by_count(std::uint32_t frame_count, std::uint32_t range_frames) {
  std::vector<FrameRange> ranges;
  for (std::uint32_t first = 0; first < frame_count; first += range_frames) {
    ranges.push_back({first, std::min(frame_count, first + range_frames)});
  }
  return ranges;
}

// The key packets that a range starting at `pts` may need: the last few at or before it, in file
// order, or the very first of all; and those inside it, behind which decoding may begin anew where
// packets are damaged.
std::vector<KeyPacket> keys_for(const FrameTable& table, std::int64_t pts, std::int64_t last_pts) {
  std::vector<KeyPacket> keys;
  for (const KeyPacket& key : table.keys) {
    if (key.pts <= pts) keys.push_back(key);
  }
  if (keys.size() > kKeyPacketsBefore) {
    keys.erase(keys.begin(), keys.end() - static_cast<std::ptrdiff_t>(kKeyPacketsBefore));
  }
  if (keys.empty() && !table.keys.empty()) keys.push_back(table.keys.front());
  for (const KeyPacket& key : table.keys) {
    if (key.pts > pts && key.pts <= last_pts && key.ordinal > keys.back().ordinal) {
      keys.push_back(key);
    }
  }
  return keys;
}

// What is true of the whole stream. The times of a film's frames are megabytes; a grant must not
// copy them.
FrameTable without_frames(const FrameTable& table) {
  FrameTable head;
  head.time_base = table.time_base;
  head.average_rate = table.average_rate;
  head.stream_index = table.stream_index;
  head.width = table.width;
  head.height = table.height;
  head.rotation_quarters = table.rotation_quarters;
  head.codec = table.codec;
  head.needs_sequential_decode = table.needs_sequential_decode;
  return head;
}

TaskFrames frames_of(const JobPlan& plan, const FrameRange& range) {
  TaskFrames frames;
  frames.source = plan.source;
  frames.fingerprint = plan.source_fingerprint;
  frames.sha256 = plan.source_sha256;
  frames.is_image = plan.spec.is_image;
  frames.first_frame = range.first;
  frames.frame_count = range.size();
  // Frames of such a file are found by their order from the start, so all of it goes along.
  if (plan.table.needs_sequential_decode) {
    frames.window = plan.table;
    return frames;
  }
  frames.window = without_frames(plan.table);
  const auto begin = plan.table.pts.begin() + range.first;
  const auto end =
      plan.table.pts.begin() + std::min<std::uint32_t>(plan.table.frame_count(), range.end + 1);
  frames.window.pts.assign(begin, end);
  if (!plan.table.source_frames.empty()) {
    const auto numbers = plan.table.source_frames.begin() + range.first;
    frames.window.source_frames.assign(numbers, numbers + (end - begin));
  }
  frames.window.keys = keys_for(plan.table, *begin, plan.table.pts[range.end - 1]);
  return frames;
}

// `job_hash` covers what all ranges of the job have in common.
std::string plan_hash_of(const std::string& job_hash, const core::RangeRecord& range) {
  Sha256 hash;
  hash.add(job_hash);
  hash.add(name_of(range.stage));
  hash.add(std::to_string(range.frames.first) + "-" + std::to_string(range.frames.end));
  if (range.is_quarantined) hash.add("original");
  return hash.hex();
}

std::string job_hash_of(const JobPlan& plan) {
  return sha256_hex(to_json(plan.spec) + plan.source_sha256);
}

FrameTable table_of_image(const BgrImage& image) {
  FrameTable table;
  table.pts = {0};
  table.time_base = {1, 1};
  table.width = static_cast<std::uint32_t>(image.width);
  table.height = static_cast<std::uint32_t>(image.height);
  table.codec = "image";
  return table;
}

// The path of the video that the pictures became.
Result<std::string> pack_pictures(const JobSpec& spec, const std::filesystem::path& job_folder) {
  if (!spec.frames.fps) {
    return rejected(spec.source_path +
                    " is a set of pictures: say with fps how many of them make a second");
  }
  POSEFLEET_TRY(const auto files, list_image_sequence(spec.source_path));
  const std::filesystem::path packed = job_folder / kPicturesFile;
  POSEFLEET_TRY_DO(pack_image_sequence(files, *spec.frames.fps, packed));
  return packed.string();
}

}  // namespace

Result<JobPlan> probe_job(const JobSpec& spec, const std::filesystem::path& job_folder) {
  JobPlan plan;
  plan.spec = spec;
  FrameSelection selection = spec.frames;
  std::string path = spec.source_path;
  if (!spec.is_image && is_image_sequence(spec.source_path)) {
    POSEFLEET_TRY(path, pack_pictures(spec, job_folder));
    selection.fps.reset();  // it was the pictures' own rate
  }
  POSEFLEET_TRY(plan.source, identify_source(path));
  if (spec.is_image) {
    POSEFLEET_TRY(const BgrImage image, read_image(path));
    plan.table = table_of_image(image);
    plan.source_frame_count = 1;
  } else {
    POSEFLEET_TRY(ProbeResult probe, probe_frame_table(path));
    plan.source_frame_count = probe.table.frame_count();
    POSEFLEET_TRY(plan.table, select_frames(probe.table, selection, spec.source_path));
    plan.warnings = std::move(probe.warnings);
  }
  const bool has_sound =
      spec.pipeline == Pipeline::Mesh && spec.container != "png" && !spec.encode.is_overlay;
  if (has_sound) {
    POSEFLEET_TRY_DO(check_sound_fits(path, "output." + spec.container));
  }
  POSEFLEET_TRY(plan.source_sha256, sha256_hex_of_file(path));
  POSEFLEET_TRY(const OpenFile file, OpenFile::open(path));
  POSEFLEET_TRY(plan.source_fingerprint, fingerprint_of(file));
  POSEFLEET_TRY_DO(check_source_unchanged(plan.source));
  if (!spec.boxes.empty() && spec.boxes.back().frame >= plan.table.frame_count()) {
    return rejected("the boxes name frame " + std::to_string(spec.boxes.back().frame) + ", but " +
                    spec.source_path + " has frames 0 to " +
                    std::to_string(plan.table.frame_count() - 1));
  }
  return plan;
}

Status save_plan(const JobPlan& plan, const std::filesystem::path& job_folder) {
  const Json json = {{"path", plan.source.path},
                     {"size", plan.source.size},
                     {"modified_ns", plan.source.modified_ns},
                     {"sha256", plan.source_sha256},
                     {"fingerprint", plan.source_fingerprint},
                     {"source_frames", plan.source_frame_count},
                     {"warnings", plan.warnings}};
  POSEFLEET_TRY_DO(write_file_durably(job_folder / kTableFile, encode(plan.table)));
  return write_file_durably(job_folder / kPlanFile,
                            json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

Result<JobPlan> load_plan(const JobSpec& spec, const std::filesystem::path& job_folder) {
  constexpr std::uint64_t kTableBytesMax = 64ULL << 20;
  JobPlan plan;
  plan.spec = spec;
  POSEFLEET_TRY(const std::string table, read_whole_file(job_folder / kTableFile, kTableBytesMax));
  POSEFLEET_TRY(plan.table, decode_frame_table(table));
  POSEFLEET_TRY(const std::string text, read_whole_file(job_folder / kPlanFile, 1 << 20));
  try {
    const Json json = Json::parse(text);
    plan.source = {json.at("path"), json.at("size"), json.at("modified_ns")};
    plan.source_sha256 = json.at("sha256");
    plan.source_fingerprint = json.value("fingerprint", "");
    plan.source_frame_count = json.value("source_frames", 0u);
    plan.warnings = json.at("warnings");
  } catch (const Json::exception& exception) {
    return internal_error((job_folder / kPlanFile).string() + ": " + exception.what());
  }
  return plan;
}

std::vector<core::RangeRecord> plan_ranges(const JobPlan& plan) {
  std::vector<core::RangeRecord> records;
  const std::string job_hash = job_hash_of(plan);
  const auto add = [&](Stage stage, const std::vector<FrameRange>& ranges) {
    for (const FrameRange& range : ranges) {
      core::RangeRecord record;
      record.stage = stage;
      record.frames = range;
      record.plan_hash = plan_hash_of(job_hash, record);
      records.push_back(std::move(record));
    }
  };
  const std::uint32_t pose_frames =
      plan.spec.range_frames > 0 ? plan.spec.range_frames : kPoseRangeFrames;
  add(Stage::Pose, cut_by_count(plan.table.frame_count(), pose_frames));
  if (plan.spec.pipeline == Pipeline::Mesh) {
    const double duration = seconds_of(plan.table, plan.table.pts.back() - plan.table.pts.front());
    const double range_seconds =
        std::clamp(duration / kRenderRangesWanted, kRenderRangeSecondsMin, kRenderRangeSecondsMax);
    add(Stage::Render, makes_large_frames(plan.spec.encode)
                           ? cut_by_count(plan.table.frame_count(), large_range_frames(plan.table))
                           : cut_by_time(plan.table, range_seconds));
  }
  return records;
}

std::vector<core::RangeRecord> with_plan_hashes(const JobPlan& plan,
                                                std::vector<core::RangeRecord> parts) {
  const std::string job_hash = job_hash_of(plan);
  for (core::RangeRecord& part : parts) part.plan_hash = plan_hash_of(job_hash, part);
  return parts;
}

double frames_per_second(const FrameTable& table) {
  if (table.average_rate.num > 0 && table.average_rate.den > 0) {
    return static_cast<double>(table.average_rate.num) /
           static_cast<double>(table.average_rate.den);
  }
  if (table.frame_count() < 2) return 0;
  const double duration = static_cast<double>(table.pts.back() - table.pts.front()) *
                          static_cast<double>(table.time_base.num) /
                          static_cast<double>(table.time_base.den);
  return duration > 0 ? (table.frame_count() - 1) / duration : 0;
}

std::uint32_t pose_margin(const JobSpec& spec) {
  return is_steadied(spec) ? kSteadyMargin : 0;
}

PoseTask make_pose_task(const JobPlan& plan, const FrameRange& frames) {
  PoseTask task;
  task.frames = frames_of(plan, frames);
  task.model_hash = network_id(plan.spec);
  task.batch_size = plan.spec.batch_size;
  task.box_source = plan.spec.box_source;
  task.detector = plan.spec.detector;
  const auto first = std::lower_bound(
      plan.spec.boxes.begin(), plan.spec.boxes.end(), frames.first,
      [](const FrameBoxes& boxes, std::uint32_t frame) { return boxes.frame < frame; });
  for (auto boxes = first; boxes != plan.spec.boxes.end() && boxes->frame < frames.end; ++boxes) {
    task.boxes.push_back(*boxes);
  }
  return task;
}

std::uint32_t frames_before_render(const JobPlan& plan, const FrameRange& frames) {
  return std::min(frames.first, trail_frames(plan.spec.draw));
}

RenderTask make_render_task(const JobPlan& plan, const FrameRange& frames, RangePoses poses) {
  RenderTask task;
  task.frames = frames_of(plan, frames);
  task.model_hash = plan.spec.model_hash;
  task.encode = plan.spec.encode;
  task.draw = plan.spec.draw;
  const auto first = std::find_if(poses.begin(), poses.end(), [&](const FramePoses& frame) {
    return frame.frame >= frames.first;
  });
  task.before.assign(std::make_move_iterator(poses.begin()), std::make_move_iterator(first));
  task.poses.assign(std::make_move_iterator(first), std::make_move_iterator(poses.end()));
  task.film_pts = plan.table.pts.front();
  task.film_frames = plan.table.frame_count();
  return task;
}

}  // namespace posefleet
