#include "cli/pose_json.h"

#include <cmath>
#include <cstring>
#include <limits>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace posefleet::cli {
namespace {

using Json = nlohmann::json;

struct Picture {
  FramePoses poses;
  std::vector<PosedBody> bodies;
};

// People who differ in every number that the tests look at.
Picture picture_of(std::size_t people) {
  Picture picture;
  for (std::size_t i = 0; i < people; ++i) {
    PersonPose person;
    person.box = {10, 20, 30.5f, 40, 0.1f};
    person.global_orient = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    person.camera_translation = {0, 0, 5 + static_cast<float>(i)};
    person.focal_length = 5000;
    PosedBody body;
    body.vertices = {{1, 2, 3}, {4, 5, 6}};
    picture.poses.people.push_back(person);
    picture.bodies.push_back(body);
  }
  return picture;
}

Json json_of(const Picture& picture) {
  return Json::parse(to_json(picture.poses, picture.bodies, 640, 360));
}

TEST(PoseJson, HasTheShapeThatIsPromised) {
  const Json json = json_of(picture_of(2));
  EXPECT_EQ(json["image"], (Json{{"width", 640}, {"height", 360}}));
  ASSERT_EQ(json["people"].size(), 2u);
  const Json& person = json["people"][0];
  EXPECT_EQ(person["box"], (Json{10, 20, 30.5, 40}));
  EXPECT_EQ(person["global_orient"], (Json{{1, 2, 3}, {4, 5, 6}, {7, 8, 9}}));
  ASSERT_EQ(person["body_pose"].size(), 23u);
  EXPECT_EQ(person["body_pose"][22].size(), 3u);
  EXPECT_EQ(person["body_pose"][22][2].size(), 3u);
  EXPECT_EQ(person["betas"].size(), 10u);
  EXPECT_EQ(person["pred_cam"].size(), 3u);
  EXPECT_EQ(person["camera_translation"], (Json{0, 0, 5}));
  EXPECT_EQ(person["focal_length"], 5000);
  ASSERT_EQ(person["keypoints_3d"].size(), 44u);
  EXPECT_EQ(person["keypoints_3d"][43].size(), 3u);
  ASSERT_EQ(person["keypoints_2d"].size(), 44u);
  // A point on the axis falls into the picture's middle.
  EXPECT_EQ(person["keypoints_2d"][0], (Json{320, 180}));
  EXPECT_TRUE(person["joint_angles_deg"].is_object());
  EXPECT_FALSE(person["joint_angles_deg"].empty());
}

TEST(PoseJson, NumbersReadBackAsTheSameFloats) {
  const Json json = json_of(picture_of(1));
  EXPECT_EQ(json["people"][0]["score"].get<float>(), 0.1f);
}

TEST(PoseJson, WhatIsNoNumberIsNull) {
  Picture picture = picture_of(1);
  picture.poses.people[0].betas[3] = std::numeric_limits<float>::quiet_NaN();
  picture.bodies[0].keypoints_3d[7] = {0, 0, -100};  // behind the camera
  picture.bodies[0].keypoints_3d[8] = {0, std::numeric_limits<float>::infinity(), 0};
  const Json json = json_of(picture);
  EXPECT_TRUE(json["people"][0]["betas"][3].is_null());
  EXPECT_TRUE(json["people"][0]["keypoints_2d"][7][0].is_null());
  EXPECT_TRUE(json["people"][0]["keypoints_3d"][8][1].is_null());
}

TEST(PoseJson, NobodyIsAnEmptyList) {
  EXPECT_EQ(json_of(picture_of(0))["people"], Json::array());
}

TEST(VerticesNpy, IsANumPyFileOfVersion1) {
  struct Case {
    std::size_t people;
    const char* shape;
  };
  for (const Case& one : {Case{0, "(0, 0, 3)"}, Case{1, "(1, 2, 3)"}, Case{3, "(3, 2, 3)"}}) {
    SCOPED_TRACE(one.shape);
    const Picture picture = picture_of(one.people);
    const std::string bytes = vertices_npy(picture.poses, picture.bodies);
    ASSERT_GE(bytes.size(), 10u);
    EXPECT_EQ(bytes.substr(0, 8), std::string("\x93NUMPY\x01\0", 8));
    const std::size_t size = static_cast<unsigned char>(bytes[8]) +
                             256 * static_cast<std::size_t>(static_cast<unsigned char>(bytes[9]));
    EXPECT_EQ((10 + size) % 64, 0u);
    ASSERT_EQ(bytes.size(), 10 + size + one.people * 2 * 3 * sizeof(float));
    const std::string header = bytes.substr(10, size);
    EXPECT_TRUE(header.starts_with(
        "{'descr': '<f4', 'fortran_order': False, 'shape': " + std::string(one.shape) + ", }"))
        << header;
    EXPECT_EQ(header.back(), '\n');
  }
}

TEST(VerticesNpy, VerticesStandInTheCamerasAxes) {
  const Picture picture = picture_of(2);
  const std::string bytes = vertices_npy(picture.poses, picture.bodies);
  std::array<float, 12> numbers{};
  std::memcpy(numbers.data(), bytes.data() + bytes.size() - sizeof numbers, sizeof numbers);
  EXPECT_EQ(numbers, (std::array<float, 12>{1, 2, 8, 4, 5, 11, 1, 2, 9, 4, 5, 12}));
}

}  // namespace
}  // namespace posefleet::cli
