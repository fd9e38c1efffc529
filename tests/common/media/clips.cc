#include "tests/common/media/clips.h"

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <sstream>
#include <utility>

#include <fmt/format.h>

#include "common/base/check.h"
#include "common/files/sha256.h"
#include "common/media/decoder.h"
#include "common/protocol/output_codec.h"

namespace posefleet::tests {

std::string run(const std::string& command) {
  std::FILE* pipe = popen(command.c_str(), "r");
  POSEFLEET_CHECK(pipe != nullptr);
  std::string output;
  char buffer[4096];
  std::size_t count = 0;
  while ((count = std::fread(buffer, 1, sizeof buffer, pipe)) > 0) output.append(buffer, count);
  if (pclose(pipe) != 0) {
    std::fprintf(stderr, "this command failed: %s\n", command.c_str());
    std::exit(1);
  }
  return output;
}

std::filesystem::path make_clip(const TempDir& folder, const std::string& name,
                                const std::string& arguments) {
  const std::filesystem::path path = folder / name;
  run(fmt::format("ffmpeg -nostdin -v error -y {} '{}'", arguments, path.string()));
  return path;
}

std::string picture(int width, int height, const std::string& rate, double seconds) {
  return fmt::format("-f lavfi -i testsrc2=size={}x{}:rate={}:duration={} ", width, height, rate,
                     seconds);
}

std::string tone(double seconds) {
  return fmt::format("-f lavfi -i sine=frequency=440:duration={} ", seconds);
}

std::vector<std::int64_t> ffprobe_times(const std::filesystem::path& path) {
  std::istringstream lines(run(
      fmt::format("ffprobe -v quiet -fflags +genpts -select_streams v:0 -show_frames -show_entries "
                  "frame=best_effort_timestamp -of default=noprint_wrappers=1 '{}'",
                  path.string())));
  const std::string key = "best_effort_timestamp=";  // other lines are of side data
  std::vector<std::int64_t> times;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(key) && line != key + "N/A")
      times.push_back(std::stoll(line.substr(key.size())));
  }
  return times;
}

std::vector<std::string> ffmpeg_hashes(const std::filesystem::path& path,
                                       const std::string& pixel_format) {
  std::istringstream lines(run(fmt::format(
      "ffmpeg -nostdin -v quiet -flags bitexact -threads 1 -noautorotate -i '{}' -map 0:v:0 "
      "-vsync passthrough -copyts -pix_fmt {} -f framehash -hash sha256 -",
      path.string(), pixel_format)));
  std::vector<std::string> hashes;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line.front() == '#') continue;
    hashes.push_back(line.substr(line.rfind(',') + 2));
  }
  return hashes;
}

std::string hash_of(VideoFrame& frame) {
  const YuvPlanes planes = frame.planes();
  Sha256 hash;
  for (int plane = 0; plane < 3; ++plane) {
    const int width = plane == 0 ? planes.width : planes.chroma_width();
    const int height = plane == 0 ? planes.height : planes.chroma_height();
    for (int row = 0; row < height; ++row) {
      hash.add(std::string_view(
          reinterpret_cast<const char*>(planes.data[plane] + row * planes.stride[plane]),
          static_cast<std::size_t>(width * planes.sample_bytes())));
    }
  }
  return hash.hex();
}

Decoded decode(const std::filesystem::path& path, const FrameTable& table,
               const FrameRange& range) {
  Decoded decoded;
  auto decoder = RangeDecoder::open(path, table, range);
  while (decoder) {
    auto frame = decoder->next();
    if (!frame) {
      decoded.error = frame.error().message;
      break;
    }
    if (!frame->has_value()) break;
    decoded.pts.push_back((*frame)->pts());
    decoded.hashes.push_back(hash_of(**frame));
  }
  if (decoder) {
    decoded.damaged = decoder->damaged_frames();
  } else {
    decoded.error = decoder.error().message;
  }
  return decoded;
}

std::vector<FrameRange> cut(std::uint32_t frames, std::uint32_t count) {
  std::vector<FrameRange> ranges;
  for (std::uint32_t i = 0; i < count; ++i) {
    ranges.push_back({frames * i / count, frames * (i + 1) / count});
  }
  return ranges;
}

namespace {

EncodedSegment encode_range(const std::filesystem::path& path, const FrameTable& table,
                            FrameRange range, const EncodeSettings& settings) {
  const DecodeOptions options = {.depth = keeps_depth(settings) ? SampleDepth::AsInSource
                                                                : SampleDepth::EightBits};
  RangeDecoder decoder = RangeDecoder::open(path, table, range, options).value();
  std::optional<SegmentEncoder> encoder;
  for (;;) {
    const std::optional<VideoFrame> frame = decoder.next().value();
    if (!frame.has_value()) break;
    if (!encoder.has_value()) {
      encoder.emplace(SegmentEncoder::create(settings, table, *frame).value());
    }
    POSEFLEET_CHECK(encoder->add(*frame).has_value());
  }
  return encoder->finish().value();
}

}  // namespace

std::vector<EncodedSegment> encode_ranges(const std::filesystem::path& path,
                                          const FrameTable& table,
                                          const std::vector<FrameRange>& ranges,
                                          const EncodeSettings& settings) {
  std::vector<EncodedSegment> segments;
  for (const FrameRange range : ranges)
    segments.push_back(encode_range(path, table, range, settings));
  return segments;
}

SegmentSource from_memory(const std::vector<EncodedSegment>& segments) {
  return [&segments](std::size_t index) -> Result<EncodedSegment> { return segments.at(index); };
}

}  // namespace posefleet::tests
