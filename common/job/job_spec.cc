#include "common/job/job_spec.h"

#include <cmath>
#include <functional>
#include <map>
#include <span>

#include <nlohmann/json.hpp>

#include "common/base/json_nesting.h"
#include "common/job/detector_json.h"
#include "common/job/draw_json.h"
#include "common/protocol/output_codec.h"

namespace posefleet {
namespace {

using Json = nlohmann::json;

// Limits on what a client may ask for. 256 crops are more than fills any device; a range of a
// million frames is a whole film.
constexpr std::uint32_t kBatchMax = 256;
constexpr std::uint32_t kRangeFramesMax = 1'000'000;
constexpr std::size_t kBoxesMax = 4'000'000;
constexpr std::int64_t kPriorityMax = 100;
constexpr std::int64_t kWorkersMax = 1'000'000;

// Our specs nest 3 deep: boxes, a row, a number.
constexpr int kNestingMax = 16;

Error wrong(const std::string& field, const Json& value, const std::string& allowed) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return rejected("job spec: " + field + " is " + text + ", allowed: " + allowed);
}

Result<std::string> text_of(const std::string& field, const Json& value) {
  if (!value.is_string()) return wrong(field, value, "a text");
  return value.get<std::string>();
}

Result<std::string> one_of(const std::string& field, const Json& value,
                           const std::vector<std::string>& allowed) {
  std::string list;
  for (const std::string& choice : allowed) {
    if (value.is_string() && value.get<std::string>() == choice) return choice;
    list += (list.empty() ? "" : ", ") + choice;
  }
  return wrong(field, value, list);
}

Result<std::int64_t> integer(const std::string& field, const Json& value, std::int64_t low,
                             std::int64_t high) {
  const std::string allowed = std::to_string(low) + " to " + std::to_string(high);
  if (!value.is_number_integer()) return wrong(field, value, allowed);
  const auto number = value.get<std::int64_t>();
  if (number < low || number > high) return wrong(field, value, allowed);
  return number;
}

// Rows of [frame, x0, y0, x1, y1] or with a score as the sixth number.
Result<std::vector<FrameBoxes>> boxes_of(const Json& value) {
  if (!value.is_array() || value.size() > kBoxesMax) {
    return wrong("boxes", value, "a list of at most " + std::to_string(kBoxesMax) + " rows");
  }
  std::map<std::uint32_t, std::vector<PersonBox>> by_frame;
  for (std::size_t row = 0; row < value.size(); ++row) {
    const Json& numbers = value[row];
    const std::string field = "boxes[" + std::to_string(row) + "]";
    const std::string allowed = "[frame, x0, y0, x1, y1] or [frame, x0, y0, x1, y1, score]";
    if (!numbers.is_array() || numbers.size() < 5 || numbers.size() > 6) {
      return wrong(field, numbers, allowed);
    }
    for (const Json& number : numbers) {
      if (!number.is_number()) return wrong(field, numbers, allowed);
    }
    POSEFLEET_TRY(const std::int64_t frame, integer(field + "[0]", numbers[0], 0, UINT32_MAX - 1));
    const PersonBox box{numbers[1].get<float>(), numbers[2].get<float>(), numbers[3].get<float>(),
                        numbers[4].get<float>(),
                        numbers.size() == 6 ? numbers[5].get<float>() : 1.0f};
    const bool is_finite = std::isfinite(box.x0) && std::isfinite(box.y0) &&
                           std::isfinite(box.x1) && std::isfinite(box.y1) &&
                           std::isfinite(box.score);
    if (!is_finite || box.x1 <= box.x0 || box.y1 <= box.y0) {
      return wrong(field, numbers, "x0 < x1 and y0 < y1, in pixels");
    }
    by_frame[static_cast<std::uint32_t>(frame)].push_back(box);
  }
  std::vector<FrameBoxes> boxes;
  for (auto& [frame, list] : by_frame) boxes.push_back({frame, std::move(list)});
  return boxes;
}

std::vector<std::string> texts(std::span<const std::string_view> names) {
  return {names.begin(), names.end()};
}

std::vector<std::string> containers() {
  return {"mp4", "m4v", "mov", "mkv", "webm", "png"};
}

Result<bool> flag(const std::string& field, const Json& value) {
  if (!value.is_boolean()) return wrong(field, value, "true or false");
  return value.get<bool>();
}

// Each value by itself; whether they go together is asked once all are known.
Result<EncodeSettings> encode_settings_of(const Json& value) {
  constexpr std::int64_t kCrfMax = 63;  // of any codec
  const std::string known = "codec, preset, crf, tune, keep_depth, overlay, encoder";
  if (!value.is_object()) return wrong("encode", value, "an object of " + known);
  EncodeSettings settings;
  for (const auto& [key, setting] : value.items()) {
    const std::string field = "encode." + key;
    if (key == "codec") {
      POSEFLEET_TRY(settings.codec, text_of(field, setting));
    } else if (key == "preset") {
      POSEFLEET_TRY(settings.preset, one_of(field, setting, texts(encoder_presets())));
    } else if (key == "crf") {
      POSEFLEET_TRY(const std::int64_t crf, integer(field, setting, 0, kCrfMax));
      settings.crf = static_cast<std::int32_t>(crf);
    } else if (key == "tune") {
      POSEFLEET_TRY(settings.tune, text_of(field, setting));
    } else if (key == "keep_depth") {
      POSEFLEET_TRY(settings.keep_depth, flag(field, setting));
    } else if (key == "overlay") {
      POSEFLEET_TRY(settings.is_overlay, flag(field, setting));
    } else if (key == "encoder") {
      POSEFLEET_TRY(settings.encoder, one_of(field, setting, texts(encoder_kinds())));
    } else {
      return rejected("job spec: unknown field " + field + ", allowed: " + known);
    }
  }
  return settings;
}

Json json_of(const EncodeSettings& settings) {
  Json json = {{"codec", settings.codec},
               {"preset", settings.preset},
               {"keep_depth", settings.keep_depth},
               {"overlay", settings.is_overlay},
               {"encoder", settings.encoder}};
  if (settings.crf != kCrfOfCodec) json["crf"] = settings.crf;
  if (!settings.tune.empty()) json["tune"] = settings.tune;
  return json;
}

// A number of seconds, or a text as people write times.
Result<std::chrono::microseconds> time_of(const std::string& field, const Json& value) {
  if (!value.is_number() && !value.is_string()) {
    return wrong(field, value, "seconds, or a text as 1:30.5");
  }
  auto time = parse_time(value.is_string() ? value.get<std::string>() : value.dump());
  if (!time) return in_context("job spec: " + field, time.error());
  return time;
}

Result<Rational> rate_of(const std::string& field, const Json& value) {
  if (!value.is_number() && !value.is_string()) {
    return wrong(field, value, "frames a second, or a text as 30000/1001");
  }
  auto rate = parse_rate(value.is_string() ? value.get<std::string>() : value.dump());
  if (!rate) return in_context("job spec: " + field, rate.error());
  return rate;
}

// As text, because the same number of seconds must come back.
std::string text_of(std::chrono::microseconds time) {
  const std::string fraction = std::to_string(1'000'000 + time.count() % 1'000'000);
  return std::to_string(time.count() / 1'000'000) + "." + fraction.substr(1);
}

void add_selection(const FrameSelection& frames, Json& json) {
  if (frames.fps) {
    json["fps"] = std::to_string(frames.fps->num) + "/" + std::to_string(frames.fps->den);
  }
  if (frames.start) json["start"] = text_of(*frames.start);
  if (frames.end) json["end"] = text_of(*frames.end);
  if (frames.max_frames) json["max_frames"] = *frames.max_frames;
}

using FieldParser = std::function<Status(JobSpec&, const Json&)>;

const std::map<std::string, FieldParser>& field_parsers() {
  static const std::map<std::string, FieldParser> parsers = {
      {"pipeline",
       [](JobSpec& spec, const Json& value) -> Status {
         POSEFLEET_TRY(const std::string name, one_of("pipeline", value, {"mesh", "pose"}));
         spec.pipeline = name == "mesh" ? Pipeline::Mesh : Pipeline::Pose;
         return done();
       }},
      {"source",
       [](JobSpec& spec, const Json& value) -> Status {
         if (!value.is_object() || !value.contains("path") || value.size() != 1) {
           return wrong("source", value, "{\"path\": \"/absolute/path\"}");
         }
         POSEFLEET_TRY(spec.source_path, text_of("source.path", value["path"]));
         if (!spec.source_path.starts_with('/')) {
           return wrong("source.path", value["path"], "an absolute path");
         }
         return done();
       }},
      {"is_image",
       [](JobSpec& spec, const Json& value) -> Status {
         if (!value.is_boolean()) return wrong("is_image", value, "true or false");
         spec.is_image = value.get<bool>();
         return done();
       }},
      {"fps",
       [](JobSpec& spec, const Json& value) -> Status {
         POSEFLEET_TRY(spec.frames.fps, rate_of("fps", value));
         return done();
       }},
      {"start",
       [](JobSpec& spec, const Json& value) -> Status {
         POSEFLEET_TRY(spec.frames.start, time_of("start", value));
         return done();
       }},
      {"end",
       [](JobSpec& spec, const Json& value) -> Status {
         POSEFLEET_TRY(spec.frames.end, time_of("end", value));
         return done();
       }},
      {"max_frames",
       [](JobSpec& spec, const Json& value) -> Status {
         POSEFLEET_TRY(const std::int64_t count, integer("max_frames", value, 1, UINT32_MAX));
         spec.frames.max_frames = static_cast<std::uint32_t>(count);
         return done();
       }},
      {"model",
       [](JobSpec& spec, const Json& value) -> Status {
         POSEFLEET_TRY(spec.model_hash, text_of("model", value));
         return done();
       }},
      {"precision",
       [](JobSpec& spec, const Json& value) -> Status {
         POSEFLEET_TRY(const std::string name,
                       one_of("precision", value, {"float32", "bfloat16", "float16"}));
         spec.precision = *parse_precision(name);
         return done();
       }},
      {"batch_size",
       [](JobSpec& spec, const Json& value) -> Status {
         POSEFLEET_TRY(const std::int64_t size, integer("batch_size", value, 1, kBatchMax));
         spec.batch_size = static_cast<std::uint32_t>(size);
         return done();
       }},
      {"range_frames",
       [](JobSpec& spec, const Json& value) -> Status {
         POSEFLEET_TRY(const std::int64_t size, integer("range_frames", value, 0, kRangeFramesMax));
         spec.range_frames = static_cast<std::uint32_t>(size);
         return done();
       }},
      {"boxes",
       [](JobSpec& spec, const Json& value) -> Status {
         POSEFLEET_TRY(spec.boxes, boxes_of(value));
         spec.box_source = BoxSource::Given;
         return done();
       }},
      {"detector",
       [](JobSpec& spec, const Json& value) -> Status {
         POSEFLEET_TRY(spec.detector, detector_of(value));
         if (spec.box_source == BoxSource::WholeFrame) spec.box_source = BoxSource::Detect;
         return done();
       }},
      {"draw",
       [](JobSpec& spec, const Json& value) -> Status {
         POSEFLEET_TRY(spec.draw, draw_settings_of(value));
         return done();
       }},
      {"encode",
       [](JobSpec& spec, const Json& value) -> Status {
         POSEFLEET_TRY(spec.encode, encode_settings_of(value));
         return done();
       }},
      {"container",
       [](JobSpec& spec, const Json& value) -> Status {
         POSEFLEET_TRY(spec.container, one_of("container", value, containers()));
         return done();
       }},
      {"live",
       [](JobSpec& spec, const Json& value) -> Status {
         POSEFLEET_TRY(spec.live, flag("live", value));
         return done();
       }},
      {"priority",
       [](JobSpec& spec, const Json& value) -> Status {
         POSEFLEET_TRY(const std::int64_t priority, integer("priority", value, 0, kPriorityMax));
         spec.priority = static_cast<std::uint32_t>(priority);
         return done();
       }},
      {"num_workers",
       [](JobSpec& spec, const Json& value) -> Status {
         POSEFLEET_TRY(const std::int64_t count, integer("num_workers", value, 0, kWorkersMax));
         spec.workers_max = static_cast<std::uint32_t>(count);
         return done();
       }},
      {"on_quarantine",
       [](JobSpec& spec, const Json& value) -> Status {
         POSEFLEET_TRY(const std::string what, one_of("on_quarantine", value, {"keep", "fail"}));
         spec.on_quarantine = what == "keep" ? OnQuarantine::Keep : OnQuarantine::Fail;
         return done();
       }},
      {"steady",
       [](JobSpec& spec, const Json& value) -> Status {
         if (!value.is_boolean()) return wrong("steady", value, "true or false");
         spec.steady = value.get<bool>();
         return done();
       }},
  };
  return parsers;
}

}  // namespace

std::string to_json(const JobSpec& spec) {
  Json json = {{"pipeline", spec.pipeline == Pipeline::Mesh ? "mesh" : "pose"},
               {"source", {{"path", spec.source_path}}},
               {"is_image", spec.is_image},
               {"model", spec.model_hash},
               {"precision", name_of(spec.precision)},
               {"batch_size", spec.batch_size},
               {"range_frames", spec.range_frames},
               {"draw", to_json(spec.draw)},
               {"encode", json_of(spec.encode)},
               {"container", spec.container},
               {"live", spec.live},
               {"priority", spec.priority},
               {"num_workers", spec.workers_max},
               {"on_quarantine", spec.on_quarantine == OnQuarantine::Keep ? "keep" : "fail"}};
  add_selection(spec.frames, json);
  if (spec.steady) json["steady"] = *spec.steady;
  if (spec.box_source == BoxSource::Given) {
    json["boxes"] = Json::array();
    for (const FrameBoxes& frame : spec.boxes) {
      for (const PersonBox& box : frame.boxes) {
        json["boxes"].push_back({frame.frame, box.x0, box.y0, box.x1, box.y1, box.score});
      }
    }
  }
  if (spec.box_source == BoxSource::Detect) json["detector"] = to_json(spec.detector);
  // A path need not be UTF-8, JSON must be: such a path is then not found, by a clear message.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<JobSpec> parse_job_spec(std::string_view text) {
  if (json_nests_deeper(text, kNestingMax)) {
    return rejected("job spec: it nests deeper than " + std::to_string(kNestingMax) + " levels");
  }
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return rejected("job spec: this is no valid JSON");
  if (!json.is_object()) return rejected("job spec: it is not a JSON object");
  JobSpec spec;
  for (const auto& [key, value] : json.items()) {
    const auto parser = field_parsers().find(key);
    if (parser == field_parsers().end()) {
      std::string known;
      for (const auto& [name, unused] : field_parsers())
        known += (known.empty() ? "" : ", ") + name;
      return rejected("job spec: unknown field " + key + ", allowed: " + known);
    }
    POSEFLEET_TRY_DO(parser->second(spec, value));
  }
  if (spec.source_path.empty()) return rejected("job spec: source is missing");
  if (spec.model_hash.empty()) return rejected("job spec: model is missing");
  if (spec.is_image && spec.pipeline != Pipeline::Pose) {
    return rejected("job spec: a picture has no mesh pipeline, only pose");
  }
  for (const Status& checked :
       {check_encode_settings(spec.encode), check_container(spec.encode, spec.container)}) {
    if (!checked) return in_context("job spec", checked.error());
  }
  if (spec.live && (spec.pipeline != Pipeline::Mesh || !can_grow(spec.encode))) {
    return rejected(
        "job spec: live is true, but only videos in h264, hevc or av1 can be watched while they "
        "grow");
  }
  if (spec.is_image && !spec.frames.is_all()) {
    return rejected("job spec: a picture has no fps, start, end or max_frames");
  }
  if (const Status checked = check_selection(spec.frames); !checked) {
    return in_context("job spec", checked.error());
  }
  return spec;
}

}  // namespace posefleet
