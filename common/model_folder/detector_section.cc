#include "common/model_folder/detector_section.h"

#include <fmt/format.h>

#include "common/model_folder/manifest.h"

namespace posefleet {
namespace {

// Reads into the value that the optional then holds.
template <typename T, typename MakeReader>
ReadValue optional_into(std::optional<T>& target, MakeReader&& make_reader) {
  return [&target, make_reader](const YAML::Node& node) -> Status {
    T value{};
    POSEFLEET_TRY_DO(make_reader(value)(node));
    target = std::move(value);
    return done();
  };
}

ReadValue whole(std::optional<std::int64_t>& target, std::int64_t low, std::int64_t high) {
  return optional_into(target,
                       [low, high](std::int64_t& value) { return integer_into(value, low, high); });
}

ReadValue share(std::optional<double>& target) {
  return optional_into(target, [](double& value) { return number_into(value, 0, 1); });
}

ReadValue three(std::optional<std::vector<float>>& target, double low, double high) {
  return optional_into(target, [low, high](std::vector<float>& value) {
    return three_numbers_into(value, low, high);
  });
}

ReadValue flag(std::optional<bool>& target) {
  return [&target](const YAML::Node& node) -> Status {
    bool value = false;
    if (!node.IsScalar() || !YAML::convert<bool>::decode(node, value)) {
      return rejected("is " + shown(node) + "; allowed: true or false");
    }
    target = value;
    return done();
  };
}

template <typename T, std::size_t kCount>
ReadValue choice(std::optional<T>& target, const std::array<T, kCount>& choices) {
  return [&target, choices](const YAML::Node& node) -> Status {
    std::string allowed;
    for (const T option : choices) {
      if (node.IsScalar() && node.Scalar() == name_of(option)) {
        target = option;
        return done();
      }
      allowed += (allowed.empty() ? "" : ", ") + std::string(name_of(option));
    }
    return rejected("is " + shown(node) + "; allowed: " + allowed);
  };
}

ReadValue classes(std::optional<std::vector<std::int64_t>>& target) {
  return [&target](const YAML::Node& node) -> Status {
    const Error error = rejected(fmt::format("is not a list of 1 to {} class numbers from 0 to {}",
                                             kDetectorPeopleMax, kDetectorClassMax - 1));
    if (!node.IsSequence() || node.size() == 0 || node.size() > kDetectorPeopleMax) return error;
    std::vector<std::int64_t> values;
    for (const auto& item : node) {
      std::int64_t value = 0;
      if (!integer_into(value, 0, kDetectorClassMax - 1)(item)) return error;
      values.push_back(value);
    }
    target = values;
    return done();
  };
}

ReadValue file_name(std::optional<std::string>& target) {
  return [&target](const YAML::Node& node) -> Status {
    if (!node.IsScalar() || !is_plain_file_name(node.Scalar())) {
      return rejected("is " + shown(node) + "; allowed: the name of a file in this folder");
    }
    target = node.Scalar();
    return done();
  };
}

template <typename T>
void write_list(YAML::Emitter& out, const std::vector<T>& values) {
  out << YAML::Flow << YAML::BeginSeq;
  for (const T value : values) out << fmt::format("{}", value);
  out << YAML::EndSeq;
}

}  // namespace

Status read_detector_section(const ManifestReader& reader, const YAML::Node& node,
                             DetectorManifest& d) {
  return reader.read_map(node, "detector",
                         {{"file", true, file_name(d.file)},
                          {"decoder", false, choice(d.decoder, kDetectorDecoders)},
                          {"resize", false, choice(d.resize, kDetectorResizes)},
                          {"scores", false, choice(d.scores, kDetectorScores)},
                          {"imgsz", false, whole(d.imgsz, 1, kDetectorInputMax)},
                          {"stride", false, whole(d.stride, 1, kDetectorInputMax)},
                          {"dynamic", false, flag(d.dynamic)},
                          {"batch", false, whole(d.batch, 1, kDetectorBatchMax)},
                          {"half", false, flag(d.half)},
                          {"people", false, classes(d.people)},
                          {"class_count", false, whole(d.class_count, 1, kDetectorClassMax)},
                          {"mean", false, three(d.mean, 0, 1)},
                          {"std", false, three(d.std, 1e-3, 10)},
                          {"conf", false, share(d.conf)},
                          {"iou", false, share(d.iou)}});
}

void write_detector_section(YAML::Emitter& out, const DetectorManifest& d) {
  const auto scalar = [&](const char* key, const auto& value) {
    if (value) out << YAML::Key << key << YAML::Value << fmt::format("{}", *value);
  };
  const auto named = [&](const char* key, const auto& value) {
    if (value) out << YAML::Key << key << YAML::Value << std::string(name_of(*value));
  };
  const auto numbers = [&](const char* key, const auto& values) {
    if (!values) return;
    out << YAML::Key << key << YAML::Value;
    write_list(out, *values);
  };
  out << YAML::BeginMap;
  out << YAML::Key << "file" << YAML::Value << YAML::DoubleQuoted << d.file.value_or(kDetectorName);
  named("decoder", d.decoder);
  named("resize", d.resize);
  named("scores", d.scores);
  scalar("imgsz", d.imgsz);
  scalar("stride", d.stride);
  scalar("dynamic", d.dynamic);
  scalar("batch", d.batch);
  scalar("half", d.half);
  numbers("people", d.people);
  scalar("class_count", d.class_count);
  numbers("mean", d.mean);
  numbers("std", d.std);
  scalar("conf", d.conf);
  scalar("iou", d.iou);
  out << YAML::EndMap;
}

}  // namespace posefleet
