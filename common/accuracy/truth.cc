#include "common/accuracy/truth.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/accuracy/axis_angle.h"
#include "common/accuracy/truth_check.h"
#include "common/files/files.h"

namespace posefleet {
namespace {

// Generous bounds: beyond them a number is a mistake of unit or of field, not a video.
constexpr std::uint32_t kSideMax = 16384;
constexpr double kFocalLengthMax = 1e6;
constexpr double kFramesPerSecondMax = 1000;
constexpr double kBetaMax = 100;
constexpr double kTranslationMax = 1e5;
constexpr double kBoxPixelMax = 1e6;
constexpr std::size_t kMadeByMax = 4096;
constexpr std::size_t kHashDigits = 64;

Status check_range(const std::string& where, const std::string& field, double value, double low,
                   double high) {
  if (value >= low && value <= high) return done();
  return rejected(
      fmt::format("{}: {} is {}, allowed: {:g} to {:g}", where, field, value, low, high));
}

Status check_header(const Truth& truth, const std::string& name) {
  POSEFLEET_TRY_DO(check_range(name, "width", truth.width, 1, kSideMax));
  POSEFLEET_TRY_DO(check_range(name, "height", truth.height, 1, kSideMax));
  POSEFLEET_TRY_DO(check_range(name, "focal_length", truth.focal_length, 1, kFocalLengthMax));
  POSEFLEET_TRY_DO(
      check_range(name, "frames_per_second", truth.frames_per_second, 1e-3, kFramesPerSecondMax));
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  const std::string& hash = truth.body_sha256;
  if (hash.size() != kHashDigits || !std::all_of(hash.begin(), hash.end(), is_digit)) {
    return rejected(name + ": body_sha256 is '" + hash.substr(0, 80) +
                    "', expected: 64 lower-case hex digits");
  }
  if (truth.made_by.size() > kMadeByMax) {
    return rejected(fmt::format("{}: made_by has {} bytes, at most {} are allowed", name,
                                truth.made_by.size(), kMadeByMax));
  }
  return done();
}

Status check_box(const std::string& where, const PersonBox& box) {
  for (const float side : {box.x0, box.y0, box.x1, box.y1}) {
    POSEFLEET_TRY_DO(check_range(where, "box", side, -kBoxPixelMax, kBoxPixelMax));
  }
  // The written file has hundredths, so a thinner box would come back empty.
  if (box.x1 - box.x0 >= kTruthBoxError && box.y1 - box.y0 >= kTruthBoxError) return done();
  return rejected(fmt::format("{}: box is [{}, {}, {}, {}], expected: x0 < x1 and y0 < y1", where,
                              box.x0, box.y0, box.x1, box.y1));
}

Status check_person(const std::string& where, const TruePerson& person) {
  POSEFLEET_TRY_DO(check_box(where, person.box));
  POSEFLEET_TRY_DO(check_range(where, "visible", person.visible, 0, 1));
  for (const float beta : person.pose.betas) {
    POSEFLEET_TRY_DO(check_range(where, "betas", beta, -kBetaMax, kBetaMax));
  }
  for (const float metres : person.translation) {
    POSEFLEET_TRY_DO(check_range(where, "translation", metres, -kTranslationMax, kTranslationMax));
  }
  const auto is_good = [](const Rotation& rotation) { return is_rotation(rotation, 1e-3); };
  if (!is_good(person.pose.global_orient) ||
      !std::all_of(person.pose.body_pose.begin(), person.pose.body_pose.end(), is_good)) {
    return rejected(where + ": pose holds a matrix that is no rotation");
  }
  return done();
}

// The shortest text of `value` rounded to so many units a one; never "-0", which would make equal
// files differ.
std::string rounded(double value, double units) {
  const double near = std::round(value * units) / units;
  return fmt::format("{}", near == 0 ? 0.0 : near);
}

constexpr double kUnitsOfAngle = 1e5;
constexpr double kUnitsOfLength = 1e5;
constexpr double kUnitsOfBox = 1e2;
constexpr double kUnitsOfShare = 1e4;

template <typename Numbers>
std::string list_text(const Numbers& numbers, double units) {
  std::string text = "[";
  for (const double number : numbers) {
    if (text.size() > 1) text += ',';
    text += rounded(number, units);
  }
  return text + "]";
}

std::string person_text(const TruePerson& person) {
  const PersonBox& box = person.box;
  std::string text = fmt::format(
      R"({{"id":{},"box":{},"visible":{},"translation":{},"betas":{},"pose":[{})", person.id,
      list_text(std::array{box.x0, box.y0, box.x1, box.y1}, kUnitsOfBox),
      rounded(person.visible, kUnitsOfShare), list_text(person.translation, kUnitsOfLength),
      list_text(person.pose.betas, kUnitsOfLength),
      list_text(axis_angle_of(person.pose.global_orient), kUnitsOfAngle));
  for (const Rotation& rotation : person.pose.body_pose) {
    text += ',' + list_text(axis_angle_of(rotation), kUnitsOfAngle);
  }
  return text + "]}";
}

}  // namespace

Status check_frame(const TruthFrame& frame, std::size_t index, const std::string& name) {
  const std::string where = name + ": frame " + std::to_string(index);
  if (frame.frame != index) {
    return rejected(fmt::format(
        "{}: its number is {}; frames must be 0, 1, 2 ... without a gap, empty ones too", where,
        frame.frame));
  }
  if (frame.people.size() > kTruthPeopleMax) {
    return rejected(fmt::format("{}: {} people, at most {} are allowed", where, frame.people.size(),
                                kTruthPeopleMax));
  }
  std::set<std::int64_t> ids;
  for (const TruePerson& person : frame.people) {
    const std::string whose = where + ", person " + std::to_string(person.id);
    if (!ids.insert(person.id).second) return rejected(whose + " is there twice");
    POSEFLEET_TRY_DO(check_person(whose, person));
  }
  return done();
}

Status check_truth(const Truth& truth, const std::string& name) {
  POSEFLEET_TRY_DO(check_header(truth, name));
  for (std::size_t i = 0; i < truth.frames.size(); ++i) {
    POSEFLEET_TRY_DO(check_frame(truth.frames[i], i, name));
  }
  return done();
}

Result<std::string> truth_to_text(const Truth& truth, const std::string& name) {
  POSEFLEET_TRY_DO(check_truth(truth, name));
  // Bytes that are no UTF-8 become a question mark; the text is for people.
  const std::string made_by =
      nlohmann::json(truth.made_by).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  std::string text =
      fmt::format(R"({{"format":"{}","version":{},"width":{},"height":{},"focal_length":{},)"
                  R"("frames_per_second":{},"body_sha256":"{}","made_by":{},"frames":[)",
                  kTruthFormat, kTruthVersion, truth.width, truth.height, truth.focal_length,
                  truth.frames_per_second, truth.body_sha256, made_by);
  for (const TruthFrame& frame : truth.frames) {
    text +=
        fmt::format("{}\n{{\"frame\":{},\"people\":[", frame.frame == 0 ? "" : ",", frame.frame);
    for (std::size_t i = 0; i < frame.people.size(); ++i) {
      text += (i == 0 ? "" : ",") + person_text(frame.people[i]);
    }
    text += "]}";
  }
  return text + "\n]}\n";
}

Result<Truth> read_truth(const std::filesystem::path& path) {
  POSEFLEET_TRY(const std::string text, read_whole_file(path, kTruthBytesMax));
  return truth_of_text(text, path.string());
}

Status write_truth(const std::filesystem::path& path, const Truth& truth) {
  POSEFLEET_TRY(const std::string text, truth_to_text(truth, path.string()));
  if (text.size() > kTruthBytesMax) {
    return rejected(
        fmt::format("{}: the truth takes {} bytes, at most {} are allowed; cut the "
                    "video into parts",
                    path.string(), text.size(), kTruthBytesMax));
  }
  return write_file_durably(path, text);
}

}  // namespace posefleet
