// What each step of a rendered frame costs, in processor time, and what the ffmpeg program takes
// for the same on one thread, measured in turns in the same run.
//
//   build/bench/media_bench VIDEO... [--repeats N] [--segment-seconds S] [--preset P]
//
// "Draw" has nothing beside it: a person of 60 % of the frame's height stands in each frame. The
// whole chain is what a render worker does: decode, draw, encode in closed segments; beside it
// stands ffmpeg decoding and encoding the file in one piece, without a body.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <limits>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "bench/media/child_time.h"
#include "common/base/random.h"
#include "common/media/decoder.h"
#include "common/media/encoder.h"
#include "common/media/frame_table.h"
#include "common/media/stitch.h"
#include "common/media/verify.h"
#include "tests/support/mannequin.h"
#include "worker/render/rasteriser.h"

namespace {

using namespace posefleet;
using bench::processor_seconds;
using bench::run_program;

constexpr int kRangeStarts = 12;

struct Options {
  std::vector<std::string> videos;
  int repeats = 3;
  double segment_seconds = 4;
  std::string preset = "veryfast";
};

struct Clip {
  std::string path;
  FrameTable table;
  std::vector<FrameRange> ranges;  // of the segments
  EncodeSettings settings;
  std::filesystem::path scratch;  // name of a file that may be written
};

// One person in the frame's middle, drawn with one rasteriser.
class Drawer final {
 public:
  explicit Drawer(const FrameTable& table)
      : topology_(MeshTopology::create(body_.faces, body_.vertex_count()).value()),
        camera_{5000.f / 256.f * static_cast<float>(std::max(table.width, table.height))},
        rasteriser_(Rasteriser::create({}).value()) {
    const double distance = camera_.focal_length * 1.72 / (0.6 * table.height);
    vertices_ = tests::placed(body_, {.z = distance, .yaw = 0.4});
  }
  Status draw(VideoFrame& frame) {
    POSEFLEET_TRY([[maybe_unused]] const DrawReport report,
                  rasteriser_.draw({{Mesh{&topology_, vertices_}}}, camera_, frame.planes()));
    return done();
  }

 private:
  tests::Mannequin body_ = tests::make_mannequin();
  MeshTopology topology_;
  Camera camera_;
  Rasteriser rasteriser_;
  std::vector<float> vertices_;
};

struct ChainTimes {
  double decode = 0, draw = 0, encode = 0;  // processor seconds
  double sum() const { return decode + draw + encode; }
};

// Decodes each range, draws, encodes: a render worker's work.
Result<ChainTimes> chain(const Clip& clip, std::vector<EncodedSegment>& segments) {
  ChainTimes times;
  segments.clear();
  Drawer drawer(clip.table);
  double mark = processor_seconds();
  const auto lap = [&mark](double& sum) {
    const double now = processor_seconds();
    sum += now - mark;
    mark = now;
  };
  for (const FrameRange range : clip.ranges) {
    POSEFLEET_TRY(RangeDecoder decoder, RangeDecoder::open(clip.path, clip.table, range));
    std::optional<SegmentEncoder> encoder;
    for (;;) {
      POSEFLEET_TRY(std::optional<VideoFrame> frame, decoder.next());
      lap(times.decode);
      if (!frame) break;
      POSEFLEET_TRY_DO(drawer.draw(*frame));
      lap(times.draw);
      if (!encoder) {
        POSEFLEET_TRY(SegmentEncoder made,
                      SegmentEncoder::create(clip.settings, clip.table, *frame));
        encoder.emplace(std::move(made));
      }
      POSEFLEET_TRY_DO(encoder->add(*frame));
      lap(times.encode);
    }
    POSEFLEET_TRY(EncodedSegment segment, encoder->finish());
    segments.push_back(std::move(segment));
    lap(times.encode);
  }
  return times;
}

// Opens ranges at random frames and decodes their first frame.
Result<double> range_starts(const Clip& clip, const std::vector<std::uint32_t>& frames) {
  const double begun = processor_seconds();
  for (const std::uint32_t frame : frames) {
    POSEFLEET_TRY(RangeDecoder decoder,
                  RangeDecoder::open(clip.path, clip.table, {frame, frame + 1}));
    POSEFLEET_TRY([[maybe_unused]] const auto first, decoder.next());
  }
  return (processor_seconds() - begun) / static_cast<double>(frames.size());
}

Result<double> range_starts_of_ffmpeg(const Clip& clip, const std::vector<std::uint32_t>& frames) {
  double sum = 0;
  for (const std::uint32_t frame : frames) {
    const double second = static_cast<double>(clip.table.pts[frame] - clip.table.pts.front()) *
                          static_cast<double>(clip.table.time_base.num) /
                          static_cast<double>(clip.table.time_base.den);
    POSEFLEET_TRY(
        const double taken,
        run_program({"ffmpeg", "-v", "quiet", "-threads", "1", "-ss", fmt::format("{:.6f}", second),
                     "-i", clip.path, "-map", "0:v:0", "-frames:v", "1", "-f", "null", "-"}));
    sum += taken;
  }
  return sum / static_cast<double>(frames.size());
}

// The least of some runs, ours and ffmpeg's in turns: what disturbs one disturbs the other.
struct Pair {
  double ours = std::numeric_limits<double>::infinity();
  double theirs = std::numeric_limits<double>::infinity();
};

struct Figures {
  Pair decode, range_start, encode, chain, stitch, verify;
  double draw = std::numeric_limits<double>::infinity();
};

void keep_least(double& least, double value) {
  least = std::min(least, value);
}

std::vector<std::string> ffmpeg_encoding(const Clip& clip) {
  return {"ffmpeg",
          "-v",
          "quiet",
          "-y",
          "-threads",
          "1",
          "-i",
          clip.path,
          "-map",
          "0:v:0",
          "-an",
          "-c:v",
          "libx264",
          "-threads",
          "1",
          "-preset",
          clip.settings.preset,
          "-crf",
          "20",
          "-f",
          "mp4",
          clip.scratch.string()};
}

Status measure_once(const Clip& clip, Figures& figures) {
  std::vector<EncodedSegment> segments;
  POSEFLEET_TRY(const ChainTimes ours, chain(clip, segments));
  POSEFLEET_TRY(const double decode, run_program({"ffmpeg", "-v", "quiet", "-threads", "1", "-i",
                                                  clip.path, "-map", "0:v:0", "-f", "null", "-"}));
  POSEFLEET_TRY(const double both, run_program(ffmpeg_encoding(clip)));
  keep_least(figures.decode.ours, ours.decode);
  keep_least(figures.decode.theirs, decode);
  keep_least(figures.draw, ours.draw);
  keep_least(figures.encode.ours, ours.encode);
  keep_least(figures.encode.theirs, both - decode);
  keep_least(figures.chain.ours, ours.sum());
  keep_least(figures.chain.theirs, both);

  const auto give = [&](std::size_t index) -> Result<EncodedSegment> { return segments[index]; };
  double mark = processor_seconds();
  POSEFLEET_TRY([[maybe_unused]] const StitchReport stitched,
                stitch(clip.path, clip.table, give, segments.size(), clip.scratch));
  keep_least(figures.stitch.ours, processor_seconds() - mark);
  mark = processor_seconds();
  POSEFLEET_TRY([[maybe_unused]] const VerifyReport verified,
                verify_output(clip.scratch, clip.path, clip.table, {.decode_frames = true}));
  keep_least(figures.verify.ours, processor_seconds() - mark);
  POSEFLEET_TRY(const double checked,
                run_program({"ffmpeg", "-v", "quiet", "-threads", "1", "-i", clip.scratch, "-map",
                             "0:v:0", "-f", "null", "-"}));
  keep_least(figures.verify.theirs, checked);
  POSEFLEET_TRY(
      const double copied,
      run_program({"ffmpeg", "-v", "quiet", "-y", "-i", clip.path, "-map", "0:v:0", "-map", "0:a?",
                   "-c", "copy", "-movflags", "faststart", "-f", "mp4", clip.scratch.string()}));
  keep_least(figures.stitch.theirs, copied);
  return done();
}

Result<Figures> measure(const Clip& clip, int repeats) {
  Figures figures;
  Random random(1);
  std::vector<std::uint32_t> frames;
  for (int i = 0; i < kRangeStarts; ++i) {
    frames.push_back(static_cast<std::uint32_t>(random.below(clip.table.frame_count())));
  }
  for (int i = 0; i < repeats; ++i) {
    POSEFLEET_TRY_DO(measure_once(clip, figures));
    POSEFLEET_TRY(const double ours, range_starts(clip, frames));
    POSEFLEET_TRY(const double theirs, range_starts_of_ffmpeg(clip, frames));
    keep_least(figures.range_start.ours, ours);
    keep_least(figures.range_start.theirs, theirs);
  }
  return figures;
}

void print(const char* name, const Pair& pair, double frames) {
  std::printf("  %-34s %8.2f %8.2f %8.2f\n", name, 1000 * pair.ours / frames,
              1000 * pair.theirs / frames, pair.ours / pair.theirs);
}

void print(const Clip& clip, const Figures& figures) {
  const double frames = clip.table.frame_count();
  std::printf("%s: %u frames of %ux%u, %zu segments, %s\n",
              std::filesystem::path(clip.path).filename().c_str(), clip.table.frame_count(),
              clip.table.width, clip.table.height, clip.ranges.size(),
              clip.settings.preset.c_str());
  std::printf("  %-34s %8s %8s %8s\n", "processor ms per frame", "ours", "ffmpeg", "ratio");
  print("decode", figures.decode, frames);
  std::printf("  %-34s %8.2f\n", "draw one person", 1000 * figures.draw / frames);
  print("encode", figures.encode, frames);
  print("whole chain", figures.chain, frames);
  print("stitch (ffmpeg: copy)", figures.stitch, frames);
  print("verify (ffmpeg: decode)", figures.verify, frames);
  print("start of a range, ms each", figures.range_start, 1);
}

std::vector<FrameRange> cut_by_time(const FrameTable& table, double seconds) {
  std::vector<FrameRange> ranges;
  std::uint32_t first = 0;
  for (std::uint32_t frame = 1; frame <= table.frame_count(); ++frame) {
    const bool is_end = frame == table.frame_count();
    const double span = is_end ? seconds
                               : static_cast<double>(table.pts[frame] - table.pts[first]) *
                                     static_cast<double>(table.time_base.num) /
                                     static_cast<double>(table.time_base.den);
    if (span < seconds) continue;
    ranges.push_back({first, frame});
    first = frame;
  }
  return ranges;
}

Status run(const Options& options) {
  const std::filesystem::path scratch = std::filesystem::temp_directory_path() /
                                        fmt::format("posefleet-media-bench-{}.mp4", getpid());
  for (const std::string& path : options.videos) {
    POSEFLEET_TRY(ProbeResult probe, probe_frame_table(path));
    Clip clip{path, std::move(probe.table), {}, {.preset = options.preset}, scratch};
    clip.ranges = cut_by_time(clip.table, options.segment_seconds);
    const auto figures = measure(clip, options.repeats);
    std::error_code ignored;
    std::filesystem::remove(scratch, ignored);
    if (!figures) return figures.error();
    print(clip, *figures);
  }
  return done();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("What decoding, drawing, encoding and stitching cost, beside ffmpeg on one thread");
  Options options;
  app.add_option("video", options.videos, "video files")->required();
  app.add_option("--repeats", options.repeats, "the least of so many runs counts")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  app.add_option("--segment-seconds", options.segment_seconds, "length of an encoded segment")
      ->check(CLI::Range(0.1, 100.0))
      ->capture_default_str();
  app.add_option("--preset", options.preset, "x264's speed against size")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  if (const Status status = run(options); !status) {
    std::fprintf(stderr, "media_bench: %s\n", status.error().message.c_str());
    return 1;
  }
  return 0;
}
