// How many bytes of a video a range of frames needs when the file is elsewhere, and how much longer
// decoding takes. The server is in the same process: no network is measured, only the way through
// it.
//
//   build/bench/source_bench VIDEO... [--range-frames N]
#include <chrono>
#include <cstdio>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "common/files/open_file.h"
#include "common/files/sha256.h"
#include "common/http/server.h"
#include "common/media/decoder.h"
#include "common/media/frame_table.h"

namespace {

using namespace posefleet;

std::vector<FrameRange> cut(std::uint32_t frames, std::uint32_t range_frames) {
  std::vector<FrameRange> ranges;
  for (std::uint32_t first = 0; first < frames; first += range_frames) {
    ranges.push_back({first, std::min(frames, first + range_frames)});
  }
  return ranges;
}

// Seconds.
Result<double> decode(const VideoLocation& location, const FrameTable& table, FrameRange range) {
  const auto started = std::chrono::steady_clock::now();
  POSEFLEET_TRY(RangeDecoder decoder, RangeDecoder::open(location, table, range));
  for (bool more = true; more;) {
    POSEFLEET_TRY(const std::optional<VideoFrame> frame, decoder.next());
    more = frame.has_value();
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
}

struct Sums {
  double file_seconds = 0;
  double fresh_seconds = 0;
  double kept_seconds = 0;
  std::uint64_t fresh_bytes = 0;
  std::uint64_t most_bytes = 0;  // of one range
};

Result<Sums> measure(const std::filesystem::path& path, const RemoteFile& remote,
                     const FrameTable& table, const std::vector<FrameRange>& ranges,
                     SourceCache& kept) {
  Sums sums;
  for (const FrameRange range : ranges) {
    SourceCache fresh;
    POSEFLEET_TRY(const double file, decode(path, table, range));
    POSEFLEET_TRY(const double first,
                  decode(RemoteLocation{.cache = &fresh, .file = remote}, table, range));
    POSEFLEET_TRY(const double again,
                  decode(RemoteLocation{.cache = &kept, .file = remote}, table, range));
    sums.file_seconds += file;
    sums.fresh_seconds += first;
    sums.kept_seconds += again;
    sums.fresh_bytes += fresh.stats().bytes_fetched;
    sums.most_bytes = std::max(sums.most_bytes, fresh.stats().bytes_fetched);
  }
  return sums;
}

Status run(const std::string& video, std::uint32_t range_frames) {
  POSEFLEET_TRY(const ProbeResult probe, probe_frame_table(video));
  POSEFLEET_TRY(const OpenFile file, OpenFile::open(video));
  POSEFLEET_TRY(const std::string sha256, sha256_hex_of_file(video));
  const FileStamp stamp = file.stamp();
  POSEFLEET_TRY(const ListenAddress listen, parse_listen_address("127.0.0.1:0"));
  POSEFLEET_TRY(const std::unique_ptr<HttpServer> server,
                HttpServer::start({.listen = listen}, [&](const HttpRequest&) -> HttpAnswer {
                  auto again = OpenFile::open(video);
                  if (!again) return {.status = 404};
                  return {.file = HttpFile{std::move(*again), stamp, "\"" + sha256 + "\""}};
                }));
  const RemoteFile remote{video, url_of(server->address()) + "/video", sha256, stamp.size};
  const auto ranges = cut(probe.table.frame_count(), range_frames);
  SourceCache kept;
  POSEFLEET_TRY(const Sums sums, measure(video, remote, probe.table, ranges, kept));
  const double count = static_cast<double>(ranges.size());
  fmt::print(
      "{}: {} bytes, {} frames, {} ranges of {}\n"
      "  each range by itself: {:.0f} bytes fetched on average, {} at most\n"
      "  with what was kept:   {:.0f} bytes a range, {:.2f} x the file in all\n"
      "  decoding a range:     {:.1f} ms from the file, {:.1f} ms by itself, {:.1f} ms with what "
      "was kept\n",
      video, stamp.size, probe.table.frame_count(), ranges.size(), range_frames,
      static_cast<double>(sums.fresh_bytes) / count, sums.most_bytes,
      static_cast<double>(kept.stats().bytes_fetched) / count,
      static_cast<double>(kept.stats().bytes_fetched) / static_cast<double>(stamp.size),
      1000 * sums.file_seconds / count, 1000 * sums.fresh_seconds / count,
      1000 * sums.kept_seconds / count);
  return done();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Measures what reading a video over HTTP costs.", "source_bench");
  std::vector<std::string> videos;
  std::uint32_t range_frames = 16;
  app.add_option("video", videos, "video files")->required();
  app.add_option("--range-frames", range_frames, "frames of a range")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  for (const std::string& video : videos) {
    if (const Status status = run(video, range_frames); !status) {
      std::fprintf(stderr, "source_bench: %s\n", status.error().message.c_str());
      return 1;
    }
  }
  return 0;
}
