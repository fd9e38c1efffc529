#include "tests/training/footage/bodies.h"

#include "training/body/free_body.h"

namespace posefleet::training::tests {

const BodyData& free_body_data() {
  static const BodyData body = make_free_body();
  return body;
}

const Dresser& dresser() {
  static const std::unique_ptr<const Dresser> made = Dresser::create(free_body_data()).value();
  return *made;
}

const CropSource& crops() {
  static const CropSource source = CropSource::create(free_body_data()).value();
  return source;
}

const SceneSource& scenes() {
  static const SceneSource source = SceneSource::create(free_body_data()).value();
  return source;
}

}  // namespace posefleet::training::tests
