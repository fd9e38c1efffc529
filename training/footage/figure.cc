#include "training/footage/figure.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace posefleet::training {
namespace {

GearItem item_of(Dice& dice, GearKind kind, int side = 0) {
  GearItem item = {.kind = kind, .side = side};
  for (float& number : item.manner) number = dice.in(0, 1);
  for (Colour& colour : item.colours) colour = drawn_colour(random_cloth(dice));
  return item;
}

void add_sport_gear(Dice& dice, Motion motion, Person& person) {
  const bool rides = motion == Motion::Ride || (motion == Motion::Jump && dice.chance(0.4f)) ||
                     (motion == Motion::Fall && dice.chance(0.3f));
  if (rides && dice.chance(0.85f)) person.gear.push_back(item_of(dice, GearKind::Board));
  if (motion == Motion::Ski) {
    const GearItem ski = item_of(dice, GearKind::Ski);
    for (const int side : {kLeft, kRight}) {
      person.gear.push_back(ski);
      person.gear.back().side = side;
    }
    if (dice.chance(0.8f)) {
      for (const int side : {kLeft, kRight}) {
        person.gear.push_back(item_of(dice, GearKind::Pole, side));
      }
    }
  }
  if (motion == Motion::Reach && dice.chance(0.4f)) {
    person.gear.push_back(item_of(dice, GearKind::Ball, kLeft));
  }
}

void add_common_gear(Dice& dice, Dress dress, Person& person) {
  if (dice.chance(0.16f)) person.gear.push_back(item_of(dice, GearKind::Pack));
  if (dress == Dress::Winter && dice.chance(0.3f)) {
    GearItem hood = item_of(dice, GearKind::Hood);
    if (!person.outfit.paints.empty() && dice.chance(0.7f)) {
      hood.colours[0] = drawn_colour(person.outfit.accent);
    }
    person.gear.push_back(hood);
  }
  if (dice.chance(0.2f)) {
    GearItem tail = item_of(dice, GearKind::Ponytail);
    tail.colours[0] = drawn_colour(person.outfit.hair);
    person.gear.push_back(tail);
  }
  if (person.outfit.has_headgear && dress == Dress::Casual && dice.chance(0.7f)) {
    person.gear.push_back(item_of(dice, GearKind::Peak));
  }
  if (dress == Dress::Casual && dice.chance(0.09f)) {
    person.gear.push_back(item_of(dice, GearKind::Skirt));
  }
}

// Sums of the faces' normals, as long as their areas, at each vertex.
std::vector<Point3> vertex_normals(const std::vector<Point3>& vertices, const BodyParts& parts) {
  std::vector<Point3> normals(vertices.size(), Point3{});
  for (const auto& [a, b, c] : parts.faces) {
    const Point3 n = cross(vertices[b] - vertices[a], vertices[c] - vertices[a]);
    for (const std::uint32_t v : {a, b, c}) normals[v] = normals[v] + n;
  }
  return normals;
}

}  // namespace

Bounds Figure::bounds() const {
  Bounds box = {1e9f, 1e9f, -1e9f, -1e9f};
  for (std::size_t i = 0; i < skin.size(); i += 3) {
    const float x = skin[i] / skin[i + 2], y = skin[i + 1] / skin[i + 2];
    box.x0 = std::min(box.x0, x), box.x1 = std::max(box.x1, x);
    box.y0 = std::min(box.y0, y), box.y1 = std::max(box.y1, y);
  }
  return box;
}

float Figure::lowest(const Point3& up) const {
  float least = 1e9f;
  const auto look_at = [&](const std::vector<float>& points) {
    for (std::size_t i = 0; i < points.size(); i += 3) {
      least = std::min(least, dot(up, {points[i], points[i + 1], points[i + 2]}));
    }
  };
  look_at(skin);
  for (std::size_t i = 0; i < gear.size(); ++i) {
    if (person->gear[i].kind != GearKind::Pole) look_at(gear[i]);
  }
  return least;
}

float Figure::share_inside(float focal_length, float width, float height) const {
  std::size_t inside = 0;
  const float half_width = 0.5f * width / focal_length;
  const float half_height = 0.5f * height / focal_length;
  for (std::size_t i = 0; i < skin.size(); i += 3) {
    const float depth = skin[i + 2];
    inside +=
        std::fabs(skin[i]) <= half_width * depth && std::fabs(skin[i + 1]) <= half_height * depth;
  }
  return static_cast<float>(inside) / static_cast<float>(skin.size() / 3);
}

Dresser::Dresser(std::shared_ptr<const BodyModel> model, BodyParts parts, Poser poser,
                 MeshTopology topology)
    : model_(std::move(model)),
      parts_(std::move(parts)),
      poser_(std::move(poser)),
      topology_(std::move(topology)),
      shapes_(GearShapes::make()) {}

Result<std::unique_ptr<const Dresser>> Dresser::create(BodyData body) {
  POSEFLEET_TRY_DO(check_body(body));
  BodyParts parts = body_parts(body);
  Poser poser(body);
  std::vector<std::uint32_t> faces;
  for (const auto& face : parts.faces) faces.insert(faces.end(), face.begin(), face.end());
  POSEFLEET_TRY(MeshTopology topology, MeshTopology::create(faces, parts.vertices.size()));
  POSEFLEET_TRY(std::shared_ptr<const BodyModel> model, BodyModel::make(std::move(body)));
  return std::unique_ptr<const Dresser>(
      new Dresser(std::move(model), std::move(parts), std::move(poser), std::move(topology)));
}

Person Dresser::random_person(Dice& dice, Motion motion) const {
  Person person;
  for (float& beta : person.betas) beta = std::clamp(dice.normal(1), -2.5f, 2.5f);
  const bool is_winter = motion == Motion::Ride || motion == Motion::Ski || dice.chance(0.35f);
  const Dress dress = is_winter ? Dress::Winter : Dress::Casual;
  person.outfit = random_outfit(dice, parts_, dress);
  add_sport_gear(dice, motion, person);
  add_common_gear(dice, dress, person);
  return person;
}

Figure Dresser::figure(const Person& person, BodyPose pose, const Point3& translation) const {
  Figure figure;
  figure.person = &person;
  pose.betas = person.betas;
  figure.pose = pose;
  figure.body = model_->pose(pose);
  figure.translation = translation;
  dress(person, figure);
  return figure;
}

void Dresser::dress(const Person& person, Figure& figure) const {
  const std::vector<Point3>& vertices = figure.body.vertices;
  const std::vector<Point3> normals = vertex_normals(vertices, parts_);
  figure.skin.resize(3 * vertices.size());
  for (std::size_t v = 0; v < vertices.size(); ++v) {
    const Point3 p =
        vertices[v] + unit(normals[v]) * person.outfit.thickness[v] + figure.translation;
    std::copy(p.begin(), p.end(), figure.skin.begin() + static_cast<std::ptrdiff_t>(3 * v));
  }
  PosedJointFrames joints;
  joints.turns = joint_turns(figure.pose);
  std::copy_n(figure.body.joints45.begin(), kJointCount, joints.places.begin());
  for (const GearItem& item : person.gear) {
    figure.gear.push_back(
        placed_gear(item, shapes_.of(item.kind), joints, parts_, figure.translation));
  }
}

void Dresser::move(Figure& figure, const Point3& by) {
  figure.translation = figure.translation + by;
  const auto shift = [&by](std::vector<float>& vertices) {
    for (std::size_t i = 0; i < vertices.size(); ++i) vertices[i] += by[i % 3];
  };
  shift(figure.skin);
  for (std::vector<float>& vertices : figure.gear) shift(vertices);
}

std::vector<Mesh> Dresser::meshes(const Figure& figure) const {
  std::vector<Mesh> meshes;
  const Outfit& outfit = figure.person->outfit;
  meshes.push_back({.topology = &topology_,
                    .vertices = figure.skin,
                    .paints = outfit.paints,
                    .face_paints = outfit.face_paints});
  for (std::size_t i = 0; i < figure.gear.size(); ++i) {
    const GearItem& item = figure.person->gear[i];
    const GearShapes::Shape& shape = shapes_.of(item.kind);
    meshes.push_back({.topology = &shape.topology,
                      .vertices = figure.gear[i],
                      .paints = item.colours,
                      .face_paints = shape.face_paints});
  }
  return meshes;
}

}  // namespace posefleet::training
