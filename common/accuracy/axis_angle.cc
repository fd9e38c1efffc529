#include "common/accuracy/axis_angle.h"

#include <cmath>

#include <Eigen/Geometry>

namespace posefleet {
namespace {

using Matrix = Eigen::Matrix<double, 3, 3, Eigen::RowMajor>;

Matrix matrix_of(const Rotation& rotation) {
  return Eigen::Map<const Eigen::Matrix<float, 3, 3, Eigen::RowMajor>>(rotation.data())
      .cast<double>();
}

}  // namespace

Rotation rotation_of(const AxisAngle& axis_angle) {
  const Eigen::Vector3d vector(axis_angle[0], axis_angle[1], axis_angle[2]);
  const double angle = vector.norm();
  Matrix matrix = Matrix::Identity();
  if (angle > 0) matrix = Eigen::AngleAxisd(angle, vector / angle).toRotationMatrix();
  Rotation rotation;
  Eigen::Map<Eigen::Matrix<float, 3, 3, Eigen::RowMajor>>(rotation.data()) = matrix.cast<float>();
  return rotation;
}

AxisAngle axis_angle_of(const Rotation& rotation) {
  // By way of a quaternion: its conversion divides by the largest of four numbers, never by one
  // that is near zero.
  Eigen::Quaterniond turn(Eigen::Matrix3d(matrix_of(rotation)));
  turn.normalize();
  if (turn.w() < 0) turn.coeffs() = -turn.coeffs();
  const double sine = turn.vec().norm();
  if (sine == 0) return {0, 0, 0};
  const double angle = 2 * std::atan2(sine, turn.w());
  const Eigen::Vector3d vector = turn.vec() * (angle / sine);
  return {vector.x(), vector.y(), vector.z()};
}

bool is_rotation(const Rotation& rotation, double tolerance) {
  const Matrix matrix = matrix_of(rotation);
  if (!matrix.allFinite()) return false;
  const double error = (matrix * matrix.transpose() - Matrix::Identity()).cwiseAbs().maxCoeff();
  return error <= tolerance && matrix.determinant() > 0;
}

}  // namespace posefleet
