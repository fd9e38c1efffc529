#include "coordinator/pipeline/assemble.h"

#include <algorithm>
#include <cstring>
#include <thread>

#include <nlohmann/json.hpp>

#include "common/files/files.h"
#include "common/files/sha256.h"
#include "common/media/copy.h"
#include "common/media/frame_table.h"
#include "common/media/picture_files.h"
#include "common/media/stitch.h"
#include "common/media/verify.h"
#include "common/people/tracks.h"
#include "common/wire/codec.h"
#include "coordinator/pipeline/final_poses.h"
#include "coordinator/pipeline/select.h"

namespace posefleet {
namespace {

using Json = nlohmann::json;

// Poses are read and hashed in pieces of this many frames, so that memory stays flat over a film.
constexpr std::uint32_t kGatherFrames = 512;

struct PoseFigures {
  std::uint64_t frames_with_people = 0;
  std::uint64_t people = 0;
  std::vector<std::uint32_t> damaged;  // frames
  std::string sha256;
};

// The hash covers what the poses are, not how ranges cut them: for each frame its number, the
// number of people, and each person's numbers as little-endian float32, then their track.
void add_to_hash(Sha256& hash, const FramePoses& frame) {
  const std::uint32_t head[2] = {frame.frame, static_cast<std::uint32_t>(frame.people.size())};
  hash.add({reinterpret_cast<const char*>(head), sizeof head});
  static_assert(std::is_trivially_copyable_v<PersonPose>);
  static_assert(sizeof(PersonPose) ==
                    (5 + 9 + 23 * 9 + 10 + 3 + 3 + 1) * sizeof(float) + sizeof(std::uint32_t),
                "no padding: the bytes are the numbers");
  for (const PersonPose& person : frame.people) {
    hash.add({reinterpret_cast<const char*>(&person), sizeof person});
  }
}

Result<PoseFigures> write_poses(const JobPlan& plan, const std::filesystem::path& job_folder,
                                const std::vector<RangeFile>& files, LostArtifact* lost) {
  PoseFigures figures;
  Sha256 hash;
  RangePoses all;
  Tracker tracker(frames_per_second(plan.table));
  const std::uint32_t count = plan.table.frame_count();
  for (std::uint32_t first = 0; first < count; first += kGatherFrames) {
    POSEFLEET_TRY(RangePoses poses,
                  final_poses(plan, files, {first, std::min(count, first + kGatherFrames)}, lost));
    tracker.number(poses);
    for (FramePoses& frame : poses) {
      add_to_hash(hash, frame);
      figures.frames_with_people += frame.people.empty() ? 0 : 1;
      figures.people += frame.people.size();
      if (frame.is_damaged) figures.damaged.push_back(frame.frame);
      // A picture's poses are asked for as a file; a video's stay in their ranges.
      if (plan.spec.pipeline == Pipeline::Pose) all.push_back(std::move(frame));
    }
  }
  if (plan.spec.pipeline == Pipeline::Pose) {
    POSEFLEET_TRY_DO(write_file_durably(job_folder / "poses.bin", encode(all)));
  }
  figures.sha256 = hash.hex();
  return figures;
}

// "3, 10 to 14 and 5 more".
std::string list_frames(const std::vector<std::uint32_t>& frames) {
  constexpr int kRunsMax = 20;
  std::string list;
  int runs = 0;
  std::size_t i = 0;
  while (i < frames.size() && runs++ < kRunsMax) {
    std::size_t last = i;
    while (last + 1 < frames.size() && frames[last + 1] == frames[last] + 1) ++last;
    list += (list.empty() ? "" : ", ") + std::to_string(frames[i]);
    if (last > i) list += " to " + std::to_string(frames[last]);
    i = last + 1;
  }
  if (i < frames.size()) list += " and " + std::to_string(frames.size() - i) + " more";
  return list;
}

std::vector<RangeFile> segments_in_order(const std::vector<RangeFile>& files) {
  std::vector<RangeFile> segments;
  for (const RangeFile& file : files) {
    if (file.stage == Stage::Render) segments.push_back(file);
  }
  std::sort(segments.begin(), segments.end(),
            [](const RangeFile& a, const RangeFile& b) { return a.frames.first < b.frames.first; });
  return segments;
}

// With nobody in it, the video is the source's own pictures, if they can be copied exactly.
Result<StitchReport> copy_source(const JobPlan& plan, const std::filesystem::path& out) {
  if (!plan.table.source_frames.empty()) return rejected("only some frames are wanted");
  POSEFLEET_TRY(StitchReport report, copy_video(plan.source.path, plan.table, out));
  POSEFLEET_TRY([[maybe_unused]] const VerifyReport verified,
                verify_output(out, plan.source.path, plan.table));
  return report;
}

// Reads the committed segments one after the other, as pieces of the output; `lost` names one that
// cannot be had.
SegmentSource read_segments(const JobPlan& plan, const std::vector<RangeFile>& segments,
                            LostArtifact* lost) {
  return [&plan, &segments, lost](std::size_t index) -> Result<EncodedSegment> {
    auto bytes = read_range_file(segments[index]);
    if (!bytes) {
      *lost = {segments[index].range, bytes.error().message};
      return std::move(bytes).error();
    }
    auto decoded = decode_segment(*bytes);
    if (!decoded) {
      *lost = {segments[index].range, decoded.error().message};
      return decoded;
    }
    move_to_output(plan.table, *decoded);
    return decoded;
  };
}

// The job waits for it, and the coordinator has little else to compute.
int decode_threads() {
  constexpr unsigned kThreadsMax = 16;  // FFmpeg's own limit for frames at the same time
  return static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1u, kThreadsMax));
}

Result<StitchReport> join_segments(const JobPlan& plan, const std::vector<RangeFile>& files,
                                   const std::filesystem::path& out, LostArtifact* lost) {
  const std::vector<RangeFile> segments = segments_in_order(files);
  const FrameTable table = output_table(plan.table);
  const bool is_overlay = plan.spec.encode.is_overlay;
  POSEFLEET_TRY(
      StitchReport report,
      stitch(plan.source.path, table, read_segments(plan, segments, lost), segments.size(), out,
             is_overlay ? StitchWhat::Pictures : StitchWhat::Everything));
  POSEFLEET_TRY(
      [[maybe_unused]] const VerifyReport verified,
      verify_output(
          out, plan.source.path, table,
          {.decode_frames = true, .decode_threads = decode_threads(), .has_sound = !is_overlay}));
  return report;
}

// What a result says of its output, whichever kind it is.
struct Output {
  std::string sha256;
  std::uint64_t bytes = 0;
  std::uint64_t audio_packets = 0;
  std::vector<std::string> warnings;
};

Result<Output> make_pictures(const JobPlan& plan, const std::vector<RangeFile>& files,
                             const std::filesystem::path& out, LostArtifact* lost) {
  const std::vector<RangeFile> segments = segments_in_order(files);
  POSEFLEET_TRY(PictureFilesReport report,
                write_picture_files(output_table(plan.table), read_segments(plan, segments, lost),
                                    segments.size(), out));
  return Output{.sha256 = std::move(report.sha256), .bytes = report.bytes};
}

// An overlay has no place for the source's pictures, nor has another codec or depth than theirs.
bool may_copy(const JobPlan& plan, const PoseFigures& poses) {
  const EncodeSettings& encode = plan.spec.encode;
  return poses.people == 0 && leaves_empty_frames_alone(plan.spec.draw) && !encode.is_overlay &&
         encode.codec == EncodeSettings{}.codec;
}

Result<Output> make_video(const JobPlan& plan, const PoseFigures& poses,
                          const std::vector<RangeFile>& files, const std::filesystem::path& out,
                          LostArtifact* lost) {
  auto copied = may_copy(plan, poses)
                    ? copy_source(plan, out)
                    : Result<StitchReport>(rejected("the pictures must be encoded"));
  if (!copied) copied = join_segments(plan, files, out, lost);
  POSEFLEET_TRY(StitchReport report, std::move(copied));
  POSEFLEET_TRY(std::string sha256, sha256_hex_of_file(out));
  return Output{std::move(sha256), report.bytes, report.audio_packets, std::move(report.warnings)};
}

Json stage_figures(const JobStatus& status, Stage stage) {
  const StageProgress& progress = status.stages[static_cast<std::size_t>(stage)];
  const double seconds =
      progress.stats.decode_seconds + progress.stats.work_seconds + progress.stats.encode_seconds;
  const double frames = static_cast<double>(std::max<std::uint64_t>(1, progress.frames_total));
  return {{"frames", progress.frames_total},
          {"frames_with_people", progress.stats.frames_with_people},
          {"people", progress.stats.people},
          {"milliseconds_per_frame", 1000.0 * seconds / frames},
          {"decode_seconds", progress.stats.decode_seconds},
          {"work_seconds", progress.stats.work_seconds},
          {"encode_seconds", progress.stats.encode_seconds},
          {"workers", progress.workers},
          {"retries", status.retries},
          {"frames_kept_original", progress.stats.frames_kept_original},
          {"frames_undetected", progress.stats.frames_undetected}};
}

}  // namespace

Result<Assembly> assemble_job(const JobPlan& plan, const std::filesystem::path& job_folder,
                              const std::vector<RangeFile>& files, const JobStatus& figures,
                              LostArtifact* lost) {
  POSEFLEET_TRY_DO(check_source_unchanged(plan.source));
  Assembly assembly;
  POSEFLEET_TRY(const PoseFigures poses, write_poses(plan, job_folder, files, lost));
  Json result = {{"total_frames", std::max(plan.source_frame_count, plan.table.frame_count())},
                 {"processed_frames", plan.table.frame_count()},
                 {"fps", frames_per_second(plan.table)},
                 {"resolution", {plan.table.width, plan.table.height}},
                 {"source_sha256", plan.source_sha256},
                 {"frames_with_people", poses.frames_with_people},
                 {"people", poses.people},
                 {"poses_sha256", poses.sha256},
                 {"frames_damaged", poses.damaged.size()},
                 {"pose_detection_stats", stage_figures(figures, Stage::Pose)}};
  if (plan.spec.pipeline == Pipeline::Mesh) {
    const std::filesystem::path out = job_folder / ("output." + plan.spec.container);
    POSEFLEET_TRY(Output output, plan.spec.encode.codec == "png"
                                     ? make_pictures(plan, files, out, lost)
                                     : make_video(plan, poses, files, out, lost));
    assembly.warnings = std::move(output.warnings);
    result["output_path"] = out.string();
    result["output_sha256"] = output.sha256;
    result["output_size_mb"] = static_cast<double>(output.bytes) / (1024.0 * 1024.0);
    result["audio_packets"] = output.audio_packets;
    result["mesh_rendering_stats"] = stage_figures(figures, Stage::Render);
  } else {
    result["poses_path"] = (job_folder / "poses.bin").string();
  }
  if (!poses.damaged.empty()) {
    assembly.warnings.push_back(plan.source.path + ": " + std::to_string(poses.damaged.size()) +
                                " frames are damaged (" + list_frames(poses.damaged) +
                                "); they show what could be decoded, or the picture before");
  }
  assembly.result = result.dump(-1, ' ', false, Json::error_handler_t::replace);
  return assembly;
}

}  // namespace posefleet
