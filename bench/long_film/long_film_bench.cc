// What a film of two hours costs the coordinator: probing, planning, and the tasks of all ranges;
// seconds and peak memory.
//
//   build/bench/long_film_bench [HOURS]
//
// The film is made first: a minute of 1080p, repeated without encoding it again.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <sys/resource.h>

#include "common/media/decoder.h"
#include "common/media/frame_table.h"
#include "common/wire/codec.h"
#include "coordinator/pipeline/plan.h"

namespace posefleet {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double peak_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024.0;
}

bool make_film(const std::string& folder, int minutes) {
  const std::string minute =
      "ffmpeg -nostdin -v error -y -f lavfi -i testsrc2=size=1920x1080:rate=25:duration=60 -f "
      "lavfi "
      "-i sine=duration=60 -c:v libx264 -preset ultrafast -crf 45 -pix_fmt yuv420p -g 50 -bf 2 "
      "-c:a aac '" +
      folder + "/minute.mp4'";
  const std::string film = "ffmpeg -nostdin -v error -y -stream_loop " +
                           std::to_string(minutes - 1) + " -i '" + folder +
                           "/minute.mp4' -c copy '" + folder + "/film.mp4'";
  return std::system(minute.c_str()) == 0 && std::system(film.c_str()) == 0;
}

void report(const char* step, double seconds) {
  std::printf("%-34s %8.3f s, peak memory %7.1f MiB\n", step, seconds, peak_mib());
}

int run(const std::string& folder, int minutes) {
  if (!make_film(folder, minutes)) return 1;
  report("before", 0);
  JobSpec spec;
  spec.source_path = folder + "/film.mp4";
  spec.model_hash = "none";
  auto start = std::chrono::steady_clock::now();
  const auto plan = probe_job(spec, folder);
  if (!plan) {
    std::fprintf(stderr, "%s\n", plan.error().message.c_str());
    return 1;
  }
  report("probe, with the file's hash", seconds_since(start));
  start = std::chrono::steady_clock::now();
  const auto ranges = plan_ranges(*plan);
  report("plan", seconds_since(start));
  start = std::chrono::steady_clock::now();
  std::size_t bytes = 0;
  std::size_t bytes_max = 0;
  for (const core::RangeRecord& range : ranges) {
    if (range.stage != Stage::Pose) continue;
    const std::size_t size = encode(make_pose_task(*plan, range.frames)).size();
    bytes += size;
    bytes_max = std::max(bytes_max, size);
  }
  report("tasks of all pose ranges", seconds_since(start));
  start = std::chrono::steady_clock::now();
  const std::uint32_t last = plan->table.frame_count() - 1;
  auto decoder = RangeDecoder::open(spec.source_path, plan->table, {last - 15, last + 1});
  if (!decoder || !decoder->next()) return 1;
  report("first frame of the last range", seconds_since(start));
  std::printf("%u frames, %zu ranges, tasks of %zu bytes together, %zu at most; file %.1f MiB\n",
              plan->table.frame_count(), ranges.size(), bytes, bytes_max,
              static_cast<double>(plan->source.size) / 1048576.0);
  return 0;
}

}  // namespace
}  // namespace posefleet

int main(int count, char** arguments) {
  const int hours = count > 1 ? std::atoi(arguments[1]) : 2;
  if (hours < 1 || hours > 18) {
    std::fprintf(stderr, "usage: long_film_bench [HOURS], 1 to 18\n");
    return 2;
  }
  char folder[] = "/tmp/posefleet-long-film-XXXXXX";
  if (mkdtemp(folder) == nullptr) return 1;
  const int code = posefleet::run(folder, hours * 60);
  std::filesystem::remove_all(folder);
  return code;
}
