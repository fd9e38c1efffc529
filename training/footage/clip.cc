#include "training/footage/clip.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/files/files.h"
#include "common/files/sha256.h"
#include "training/body/free_body.h"

extern char** environ;

namespace posefleet::training {
namespace {

constexpr int kSoundRate = 48000;

// Wind, which swells and drops, and a soft chord above it. Two channels, 16 bits.
std::vector<std::int16_t> make_sound(const FilmOptions& options) {
  const auto count = static_cast<std::size_t>(options.seconds * kSoundRate);
  std::vector<std::int16_t> samples(2 * count);
  Random random(options.seed);
  std::array<double, 2> low{}, lower{};
  constexpr std::array<double, 4> kTones = {196.0, 246.9, 293.7, 392.0};  // G major, Hz
  for (std::size_t i = 0; i < count; ++i) {
    const double t = static_cast<double>(i) / kSoundRate;
    const double gust = 0.5 + 0.3 * std::sin(0.9 * t) + 0.2 * std::sin(2.3 * t + 1);
    double chord = 0;
    for (std::size_t k = 0; k < kTones.size(); ++k) {
      const double swell = 0.5 + 0.5 * std::sin(0.7 * t + static_cast<double>(k) * 1.7);
      chord += swell * swell * std::sin(2 * std::numbers::pi * kTones[k] * t);
    }
    // Silence at both ends, so that the film can be looped without a click.
    const double fade = std::min({1.0, 2 * t, 2 * (options.seconds - t)});
    for (std::size_t channel = 0; channel < 2; ++channel) {
      // White noise through two low passes: what is left is a rush below a few hundred hertz.
      low[channel] += 0.045 * ((2 * random.unit() - 1) - low[channel]);
      lower[channel] += 0.02 * (low[channel] - lower[channel]);
      const double wind = 6 * gust * (0.35 * low[channel] + lower[channel]);
      const double value = fade * (0.5 * wind + 0.03 * chord);
      samples[2 * i + channel] =
          static_cast<std::int16_t>(std::lround(32000 * std::clamp(value, -1.0, 1.0)));
    }
  }
  return samples;
}

// ffmpeg with its standard input in our hands. One owner, one thread.
class Encoder final {
 public:
  static Result<Encoder> start(const std::vector<std::string>& arguments) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return failed("a pipe to ffmpeg");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO);
    std::vector<char*> words;
    for (const std::string& argument : arguments) {
      words.push_back(const_cast<char*>(argument.c_str()));  // posix_spawn does not write to them
    }
    words.push_back(nullptr);
    pid_t pid = -1;
    const int status = posix_spawnp(&pid, "ffmpeg", &actions, nullptr, words.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[0]);
    if (status != 0) {
      close(ends[1]);
      return rejected("cannot start ffmpeg: " + std::string(std::strerror(status)) +
                      "; install the package ffmpeg");
    }
    return Encoder(pid, ends[1]);
  }
  Encoder(Encoder&& other) noexcept : pid_(other.pid_), input_(other.input_) {
    other.pid_ = -1, other.input_ = -1;
  }
  Encoder& operator=(Encoder&&) = delete;
  ~Encoder() {
    if (pid_ >= 0) kill(pid_, SIGKILL);
    (void)wait_for_end();
  }

  Status add(std::span<const std::uint8_t> bytes) {
    while (!bytes.empty()) {
      const ssize_t count = write(input_, bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return failed("ffmpeg took no more frames");
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    return done();
  }

  Status finish() {
    const int status = wait_for_end();
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return done();
    return rejected("ffmpeg failed; its own messages are above");
  }

 private:
  Encoder(pid_t pid, int input) : pid_(pid), input_(input) {}
  static Error failed(const std::string& what) {
    return rejected(what + ": " + std::strerror(errno));
  }
  int wait_for_end() {
    if (input_ >= 0) close(input_);
    input_ = -1;
    int status = -1;
    if (pid_ >= 0) {
      while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
      }
    }
    pid_ = -1;
    return status;
  }

  pid_t pid_;
  int input_;
};

std::vector<std::string> encoder_arguments(const FilmOptions& options, const std::string& sound,
                                           const std::string& video) {
  const std::string size = std::to_string(options.width) + "x" + std::to_string(options.height);
  const std::string rate = std::to_string(options.frames_per_second);
  const std::string sound_rate = std::to_string(kSoundRate);
  return {"ffmpeg", "-v", "error", "-nostdin", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s",
          size, "-r", rate, "-i", "pipe:0", "-f", "s16le", "-ar", sound_rate, "-ac", "2", "-i",
          sound, "-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p", "-colorspace",
          "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv",
          // One thread and no names of versions: the same bytes each time.
          "-c:v", "libx264", "-preset", "slow", "-crf", "20", "-threads", "1", "-c:a", "aac",
          "-b:a", "96k", "-fflags", "+bitexact", "-flags", "+bitexact", "-movflags", "+faststart",
          "-f", "mp4", video};
}

// The hash that a model folder's manifest has for this body.
Result<std::string> body_hash(const std::filesystem::path& folder, const BodyData& body) {
  const std::filesystem::path file = folder / "body.safetensors";
  POSEFLEET_TRY_DO(write_body(file, body));
  return sha256_hex_of_file(file);
}

}  // namespace

Status write_clip(const std::filesystem::path& video, const std::filesystem::path& truth,
                  const FilmOptions& options, const std::string& made_by) {
  const BodyData body = make_free_body();
  POSEFLEET_TRY(Film film, Film::create(body, options));
  // Beside the video, so that the finished file need only be renamed.
  const std::filesystem::path folder = video.has_parent_path() ? video.parent_path() : ".";
  POSEFLEET_TRY_DO(make_writable_folder(folder));
  POSEFLEET_TRY(const PrivateFolder work, PrivateFolder::create(folder, ".clip-"));
  Truth all;
  POSEFLEET_TRY(all.body_sha256, body_hash(work.path(), body));
  all.width = static_cast<std::uint32_t>(options.width);
  all.height = static_cast<std::uint32_t>(options.height);
  all.focal_length = film.focal_length();
  all.frames_per_second = options.frames_per_second;
  all.made_by = made_by;

  const std::vector<std::int16_t> sound = make_sound(options);
  const std::filesystem::path sound_file = work.path() / "sound.raw";
  POSEFLEET_TRY_DO(write_file_durably(
      sound_file, {reinterpret_cast<const char*>(sound.data()), sound.size() * sizeof(sound[0])}));
  const std::filesystem::path unfinished = work.path() / "video.mp4";
  // A write to an ffmpeg that has died must be an error, not the end of this program.
  std::signal(SIGPIPE, SIG_IGN);
  POSEFLEET_TRY(Encoder encoder,
                Encoder::start(encoder_arguments(options, sound_file, unfinished)));
  std::vector<std::uint8_t> rgb(static_cast<std::size_t>(3) * all.width * all.height);
  for (std::uint32_t frame = 0; frame < film.frame_count(); ++frame) {
    all.frames.push_back(film.draw(frame, rgb));
    POSEFLEET_TRY_DO(encoder.add(rgb));
  }
  POSEFLEET_TRY_DO(encoder.finish());
  POSEFLEET_TRY_DO(write_truth(truth, all));
  return publish_file(unfinished, video);
}

}  // namespace posefleet::training
