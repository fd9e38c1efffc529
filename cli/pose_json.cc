#include "cli/pose_json.h"

#include <cmath>

#include <nlohmann/json.hpp>

#include "common/body/angles.h"
#include "common/body/camera.h"

namespace posefleet::cli {
namespace {

using Json = nlohmann::ordered_json;

// JSON has no word for "not a number".
Json number_json(float value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

template <typename Numbers>
Json list_json(const Numbers& numbers) {
  Json list = Json::array();
  for (const float value : numbers) list.push_back(number_json(value));
  return list;
}

template <typename Points>
Json points_json(const Points& points) {
  Json list = Json::array();
  for (const auto& point : points) list.push_back(list_json(point));
  return list;
}

Json rotation_json(const Rotation& rotation) {
  Json rows = Json::array();
  for (int row = 0; row < 3; ++row) {
    Json numbers = Json::array();
    for (int column = 0; column < 3; ++column) {
      numbers.push_back(number_json(rotation[static_cast<std::size_t>(3 * row + column)]));
    }
    rows.push_back(std::move(numbers));
  }
  return rows;
}

Json person_json(const PersonPose& person, const PosedBody& body, FrameSize frame) {
  Json json;
  json["box"] = {person.box.x0, person.box.y0, person.box.x1, person.box.y1};
  json["score"] = person.box.score;
  json["global_orient"] = rotation_json(person.global_orient);
  Json& body_pose = json["body_pose"] = Json::array();
  for (const Rotation& rotation : person.body_pose) body_pose.push_back(rotation_json(rotation));
  json["betas"] = list_json(person.betas);
  json["pred_cam"] = list_json(person.pred_cam);
  json["camera_translation"] = list_json(person.camera_translation);
  json["focal_length"] = person.focal_length;
  json["keypoints_3d"] = points_json(body.keypoints_3d);
  const FrameCamera camera{person.camera_translation, person.focal_length, frame};
  json["keypoints_2d"] = points_json(project(body.keypoints_3d, camera));
  const auto angles = joint_angles_deg(body.joints45);
  Json& angles_json = json["joint_angles_deg"] = Json::object();
  for (std::size_t i = 0; i < angles.size(); ++i) {
    angles_json[std::string(kAngleNames[i])] = number_json(angles[i]);
  }
  return json;
}

}  // namespace

std::string to_json(const FramePoses& poses, const std::vector<PosedBody>& bodies,
                    std::uint32_t width, std::uint32_t height) {
  Json json;
  json["image"] = {{"width", width}, {"height", height}};
  json["people"] = Json::array();
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    json["people"].push_back(person_json(poses.people[i], bodies[i], {width, height}));
  }
  return json.dump();
}

std::string vertices_npy(const FramePoses& poses, const std::vector<PosedBody>& bodies) {
  const std::size_t vertices = bodies.empty() ? 0 : bodies.front().vertices.size();
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" +
                       std::to_string(bodies.size()) + ", " + std::to_string(vertices) + ", 3), }";
  // Magic, version and length take 10 bytes; the whole head is a multiple of 64 and ends in a line
  // feed (NumPy's format specification).
  while ((10 + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += static_cast<char>(header.size() & 0xff);
  bytes += static_cast<char>(header.size() >> 8);
  bytes += header;
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    for (Point3 vertex : bodies[i].vertices) {
      for (std::size_t axis = 0; axis < 3; ++axis) {
        vertex[axis] += poses.people[i].camera_translation[axis];
      }
      bytes.append(reinterpret_cast<const char*>(vertex.data()), sizeof vertex);
    }
  }
  return bytes;
}

}  // namespace posefleet::cli
