#include "common/accuracy/person_error.h"

#include <algorithm>
#include <cmath>

#include <Eigen/Dense>

#include "common/base/check.h"

namespace posefleet {
namespace {

using Points = Eigen::Matrix<double, 3, Eigen::Dynamic>;

constexpr double kMillimetres = 1000;

Eigen::Vector3d vector_of(const Point3& point) {
  return {point[0], point[1], point[2]};
}

Points matrix_of(std::span<const Point3> points) {
  Points matrix(3, static_cast<Eigen::Index>(points.size()));
  for (std::size_t i = 0; i < points.size(); ++i) {
    matrix.col(static_cast<Eigen::Index>(i)) = vector_of(points[i]);
  }
  return matrix;
}

// After `shift` was taken from each difference.
double mean_distance_mm(std::span<const Point3> found, std::span<const Point3> truth,
                        const Eigen::Vector3d& shift) {
  POSEFLEET_CHECK(found.size() == truth.size() && !found.empty());
  double sum = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    sum += (vector_of(found[i]) - vector_of(truth[i]) - shift).norm();
  }
  return kMillimetres * sum / static_cast<double>(found.size());
}

Eigen::Vector3d pelvis_shift(const Keypoints& found, const Keypoints& truth) {
  return vector_of(found[kPelvisKeypoint]) - vector_of(truth[kPelvisKeypoint]);
}

// The turn that brings centred `points` nearest to centred `targets`, times the best scale: the
// singular vectors of their products (Umeyama 1991). A mirror would fit a left arm onto a right
// one, so that the last direction, the weakest, is flipped where a mirror is the best fit.
Eigen::Matrix3d turn_and_scale(const Points& points, const Points& targets) {
  const double spread = points.squaredNorm();
  if (!(spread > 0)) return Eigen::Matrix3d::Zero();
  const Eigen::Matrix3d products = targets * points.transpose();
  const Eigen::JacobiSVD<Eigen::Matrix3d> svd(products, Eigen::ComputeFullU | Eigen::ComputeFullV);
  const bool is_mirror = svd.matrixU().determinant() * svd.matrixV().determinant() < 0;
  const Eigen::Vector3d signs(1, 1, is_mirror ? -1 : 1);
  const double scale = svd.singularValues().dot(signs) / spread;
  return scale * svd.matrixU() * signs.asDiagonal() * svd.matrixV().transpose();
}

}  // namespace

JudgedPoints judged_points(const Keypoints& keypoints) {
  JudgedPoints points;
  for (std::size_t i = 0; i < points.size(); ++i) {
    points[i] = keypoints[static_cast<std::size_t>(kJudgedKeypoints[i])];
  }
  return points;
}

double joint_error_mm(const Keypoints& found, const Keypoints& truth) {
  return mean_distance_mm(judged_points(found), judged_points(truth), pelvis_shift(found, truth));
}

std::vector<Point3> aligned_by_similarity(std::span<const Point3> points,
                                          std::span<const Point3> targets) {
  POSEFLEET_CHECK(points.size() == targets.size() && !points.empty());
  const Points from = matrix_of(points);
  const Points to = matrix_of(targets);
  const Eigen::Vector3d from_middle = from.rowwise().mean();
  const Eigen::Vector3d to_middle = to.rowwise().mean();
  const Points centred = from.colwise() - from_middle;
  const Eigen::Matrix3d turn = turn_and_scale(centred, to.colwise() - to_middle);
  const Points moved = (turn * centred).colwise() + to_middle;
  std::vector<Point3> aligned(points.size());
  for (std::size_t i = 0; i < aligned.size(); ++i) {
    const Eigen::Vector3f point = moved.col(static_cast<Eigen::Index>(i)).cast<float>();
    aligned[i] = {point.x(), point.y(), point.z()};
  }
  return aligned;
}

double joint_error_after_alignment_mm(const Keypoints& found, const Keypoints& truth) {
  const JudgedPoints targets = judged_points(truth);
  return mean_distance_mm(aligned_by_similarity(judged_points(found), targets), targets,
                          Eigen::Vector3d::Zero());
}

double vertex_error_mm(const PosedBody& found, const PosedBody& truth) {
  return mean_distance_mm(found.vertices, truth.vertices,
                          pelvis_shift(found.keypoints_3d, truth.keypoints_3d));
}

KeypointHits keypoint_hits(const Keypoints& found, const FrameCamera& found_camera,
                           const Keypoints& truth, const FrameCamera& true_camera,
                           const PersonBox& true_box) {
  const std::vector<Point2> seen = project(judged_points(found), found_camera);
  const std::vector<Point2> real = project(judged_points(truth), true_camera);
  const double side =
      std::max(double{true_box.x1} - true_box.x0, double{true_box.y1} - true_box.y0);
  KeypointHits hits;
  for (std::size_t i = 0; i < real.size(); ++i) {
    if (!std::isfinite(real[i][0])) continue;
    ++hits.counted;
    // Not a number, which is never within anything, for a found joint behind the camera.
    const double distance =
        std::hypot(double{seen[i][0]} - real[i][0], double{seen[i][1]} - real[i][1]);
    hits.within_005 += distance <= 0.05 * side ? 1 : 0;
    hits.within_010 += distance <= 0.10 * side ? 1 : 0;
  }
  return hits;
}

Facing facing_of(const Rotation& global_orient) {
  // The body's z axis, forward in its rest frame, in camera axes: the third column. Facing the
  // camera is along -z.
  const double to_right = global_orient[2];
  const double to_camera = -double{global_orient[8]};
  if (std::abs(to_right) > std::abs(to_camera)) return to_right > 0 ? Facing::Right : Facing::Left;
  return to_camera >= 0 ? Facing::Towards : Facing::Away;
}

}  // namespace posefleet
