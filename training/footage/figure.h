// A person, dressed and posed, ready to be drawn.
//
// A Person is what stays over a film: build, clothes, gear. A Figure is that person in one moment
// before one camera: meshes for the rasteriser, with the memory behind them.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "common/base/result.h"
#include "common/body/body_model.h"
#include "training/footage/body_parts.h"
#include "training/footage/dice.h"
#include "training/footage/gear.h"
#include "training/footage/motion.h"
#include "training/footage/outfit.h"
#include "training/footage/stance.h"
#include "worker/render/rasteriser.h"

namespace posefleet::training {

struct Person {
  std::array<float, kBetaCount> betas{};
  Outfit outfit;
  std::vector<GearItem> gear;
};

// Rectangle, in whatever units its maker says; x right, y down.
struct Bounds {
  float x0 = 0, y0 = 0, x1 = 0, y1 = 0;
  float width() const { return x1 - x0; }
  float height() const { return y1 - y0; }
};

struct Figure {
  const Person* person = nullptr;
  BodyPose pose;
  PosedBody body;                        // before the translation
  Point3 translation{};                  // metres, camera axes
  std::vector<float> skin;               // the clothed body, x, y, z a vertex, with the translation
  std::vector<std::vector<float>> gear;  // likewise, in the order of the person's

  // Of the clothed body without its gear, in the picture of a camera of focal length 1 whose axis
  // meets (0, 0). The body must be before the camera.
  Bounds bounds() const;
  // The least dot product of `up` with a point of the person and the gear, poles left out: they go
  // into the snow, and hands let them hang. Metres.
  float lowest(const Point3& up) const;
  // Share of the clothed body's vertices inside a picture of this size whose middle the camera's
  // axis meets; focal length in pixels.
  float share_inside(float focal_length, float width, float height) const;
};

// Everything that is needed to make people of one body. Immutable; shared by threads.
class Dresser final {
 public:
  static Result<std::unique_ptr<const Dresser>> create(BodyData body);

  const BodyModel& model() const { return *model_; }
  const BodyParts& parts() const { return parts_; }
  const Poser& poser() const { return poser_; }

  // Somebody who might do such a thing: riders have boards.
  Person random_person(Dice& dice, Motion motion) const;

  // `pose` as Poser makes it; the person's betas are put in.
  Figure figure(const Person& person, BodyPose pose, const Point3& translation) const;
  // Moves a figure, which is cheaper than making it anew.
  static void move(Figure& figure, const Point3& by);

  // The figure's parts, body first. Borrowed from the figure and its person.
  std::vector<Mesh> meshes(const Figure& figure) const;

 private:
  Dresser(std::shared_ptr<const BodyModel> model, BodyParts parts, Poser poser,
          MeshTopology topology);
  void dress(const Person& person, Figure& figure) const;

  std::shared_ptr<const BodyModel> model_;
  BodyParts parts_;
  Poser poser_;
  MeshTopology topology_;
  GearShapes shapes_;
};

}  // namespace posefleet::training
