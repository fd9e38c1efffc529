// What is really in a video: its people's bodies, boxes and camera, frame by frame, as a file.
//
// Whoever draws a video by a program knows every number that Posefleet is to find in it. This file
// carries those numbers from the program that draws to `posefleet evaluate`. It is JSON, so that
// any language writes it, and has one frame a line, so that two of them can be compared by diff:
//
//   {"format":"posefleet-truth","version":1,"width":..,"height":..,"focal_length":..,
//    "frames_per_second":..,"body_sha256":"..","made_by":"..","frames":[
//   {"frame":0,"people":[{"id":..,"box":[x0,y0,x1,y1],"visible":..,"translation":[x,y,z],
//    "betas":[10 numbers],"pose":[[x,y,z], 24 times]}]},
//   ...]}
//
// `pose` holds rotations as axis times angle in radians, global_orient first: three numbers cannot
// fail to be a rotation, nine can. The reader takes the keys in any order and any layout of lines,
// and nothing that is not listed here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/body/body_model.h"
#include "common/body/points.h"
#include "common/protocol/poses.h"

namespace posefleet {

// How far a number may move from write_truth to read_truth. Half a unit of the last written
// decimal, and float32's own rounding. Rotations: radians of each of the three numbers (five
// decimals); at a metre from the joint that is a hundredth of a millimetre.
inline constexpr double kTruthRotationError = 1e-5;
inline constexpr double kTruthLengthError = 1e-5;  // translation, metres; betas, their unit
inline constexpr double kTruthBoxError = 1e-2;     // box, pixels
inline constexpr double kTruthShareError = 1e-4;   // visible

// One person in one frame. A value.
struct TruePerson {
  // The same person has the same number in all frames; no two of a frame share one.
  std::int64_t id = 0;
  // What the body covers in the picture, frame pixels, not clipped to the frame. The score is not
  // kept: it is always 1.
  PersonBox box;
  // Share of the silhouette that is inside the frame and behind nothing, 0 to 1.
  double visible = 1;
  // Rotations in camera axes: x right, y down, z away from the camera.
  BodyPose pose;
  // Added to the posed body's vertices, they lie in the camera's axes; metres.
  Point3 translation{};
};

struct TruthFrame {
  std::uint32_t frame = 0;  // index into the video's frames, displayed order
  std::vector<TruePerson> people;
};

// Vertices plus translation project with `focal_length`; the principal point is (width/2,
// height/2), as in FrameCamera.
struct Truth {
  std::uint32_t width = 0;  // of the video, pixels
  std::uint32_t height = 0;
  double focal_length = 0;  // pixels
  double frames_per_second = 0;
  // Of the body.safetensors that was drawn: 64 lower-case hex digits, as in a model's manifest.
  // Betas and vertices mean something with that body only.
  std::string body_sha256;
  std::string made_by;  // for people: the command and seed that made the video
  // Frames 0, 1, 2 ... without a gap, those without people too.
  std::vector<TruthFrame> frames;
};

// Rejects what is no truth file, a cut or overly large one (256 MiB), unknown or missing keys,
// numbers that are not finite or out of range; the message names file, frame, person and value, or
// line and column where the text is no JSON. Memory is bounded by a small multiple of the file's
// size. Equal files give equal truths.
Result<Truth> read_truth(const std::filesystem::path& path);

// Writes durably; equal truths give equal bytes. Rejects what read_truth would, and rotations that
// are not orthonormal within 1e-3.
Status write_truth(const std::filesystem::path& path, const Truth& truth);

// What write_truth writes, and read_truth reads; `name` stands for the file in messages.
Result<std::string> truth_to_text(const Truth& truth, const std::string& name);
Result<Truth> truth_of_text(const std::string& text, const std::string& name);

}  // namespace posefleet
