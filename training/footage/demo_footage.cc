// posefleet-demo-footage: pictures and films of drawn people, with their truth.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "training/body/free_body.h"
#include "training/footage/clip.h"
#include "training/footage/crop_source.h"
#include "training/footage/scene_source.h"
#include "training/footage/sheet.h"

namespace posefleet::training {
namespace {

constexpr const char* kUsage =
    "posefleet-demo-footage: draws people whose every joint is known\n"
    "\n"
    "  --sheet FILE.png --kind crops|scenes [--seed S] [--truth yes]\n"
    "      many pictures side by side, as training draws them; with bones or boxes\n"
    "\n"
    "  --clip OUT.mp4 --truth OUT.json --script snow|court|random [--seed S] [--seconds N]\n"
    "      [--width W --height H]\n"
    "      a film with sound, and who is where in it; needs the program ffmpeg\n";

using Options = std::map<std::string, std::string>;

Result<Options> read_options(int count, char** words) {
  Options options;
  for (int i = 1; i < count; i += 2) {
    const std::string name = words[i];
    if (!name.starts_with("--") || i + 1 >= count) {
      return rejected("expected --name value pairs, found " + name + "\n\n" + kUsage);
    }
    constexpr std::array<std::string_view, 9> kKnown = {
        "sheet", "kind", "seed", "truth", "clip", "script", "seconds", "width", "height"};
    if (std::find(kKnown.begin(), kKnown.end(), name.substr(2)) == kKnown.end()) {
      return rejected("unknown option " + name + "\n\n" + kUsage);
    }
    options[name.substr(2)] = words[i + 1];
  }
  return options;
}

Result<std::uint64_t> number_of(const Options& options, const std::string& name,
                                std::uint64_t otherwise) {
  const auto found = options.find(name);
  if (found == options.end()) return otherwise;
  char* end = nullptr;
  const std::uint64_t value = std::strtoull(found->second.c_str(), &end, 10);
  if (found->second.empty() || *end != '\0' || found->second[0] == '-') {
    return rejected("--" + name + " is " + found->second + ", not a whole number");
  }
  return value;
}

Status make_sheet(const Options& options) {
  POSEFLEET_TRY(const std::uint64_t seed, number_of(options, "seed", 1));
  const auto kind = options.find("kind");
  SheetOptions sheet = {.seed = seed, .with_truth = options.contains("truth")};
  const std::string& path = options.at("sheet");
  if (kind == options.end() || kind->second == "crops") {
    POSEFLEET_TRY(const CropSource source, CropSource::create(make_free_body()));
    return write_crop_sheet(path, source, {}, sheet);
  }
  if (kind->second == "scenes") {
    sheet.columns = 4, sheet.rows = 4;
    POSEFLEET_TRY(const SceneSource source, SceneSource::create(make_free_body()));
    return write_scene_sheet(path, source, sheet);
  }
  return rejected("--kind is " + kind->second + ", allowed crops and scenes");
}

Status make_clip(const Options& options) {
  if (!options.contains("truth")) return rejected("--clip needs --truth OUT.json");
  const auto name = options.find("script");
  const auto script = script_of(name == options.end() ? "snow" : name->second);
  if (!script) {
    return rejected("--script is " + name->second + ", allowed snow, court and random");
  }
  FilmOptions film = {.script = *script};
  POSEFLEET_TRY(film.seed, number_of(options, "seed", 1));
  POSEFLEET_TRY(const std::uint64_t seconds, number_of(options, "seconds", 10));
  POSEFLEET_TRY(const std::uint64_t width, number_of(options, "width", 1280));
  POSEFLEET_TRY(const std::uint64_t height, number_of(options, "height", 720));
  film.seconds = static_cast<double>(seconds);
  film.width = static_cast<int>(std::min<std::uint64_t>(width, 1 << 20));
  film.height = static_cast<int>(std::min<std::uint64_t>(height, 1 << 20));
  const std::string made_by = "posefleet-demo-footage --script " +
                              std::string(name == options.end() ? "snow" : name->second) +
                              " --seed " + std::to_string(film.seed) + " --seconds " +
                              std::to_string(seconds);
  return write_clip(options.at("clip"), options.at("truth"), film, made_by);
}

Status run(int count, char** words) {
  POSEFLEET_TRY(const Options options, read_options(count, words));
  if (options.contains("sheet")) return make_sheet(options);
  if (options.contains("clip")) return make_clip(options);
  return rejected(kUsage);
}

}  // namespace
}  // namespace posefleet::training

int main(int count, char** words) {
  const posefleet::Status status = posefleet::training::run(count, words);
  if (status) return 0;
  std::fprintf(stderr, "posefleet-demo-footage: %s\n", status.error().message.c_str());
  return 2;
}
