#include "worker/figures/figure_painter.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "worker/figures/figures.h"
#include "worker/figures/lettering.h"
#include "worker/render/rasteriser.h"

namespace posefleet {
namespace {

using namespace figures;  // NOLINT: the folder's own parts

// The newest ghost's share of the present body's opacity; the oldest has almost nothing.
constexpr float kGhostStrength = 0.45f;
// A wireframe's bodies are just visible behind their edges.
constexpr float kWireBody = 0.25f;
// Of the grey of a depth map: a body's own relief, so far before and behind the pelvis.
constexpr float kReliefMetres = 0.5f;
constexpr float kReliefDarkest = 0.35f;
constexpr int kGreys = 256;

Result<MeshTopology> topology_of(const BodyModel& body) {
  std::vector<std::uint32_t> faces;
  faces.reserve(body.faces().size() * 3);
  for (const auto& face : body.faces()) {
    for (const std::int32_t vertex : face) faces.push_back(static_cast<std::uint32_t>(vertex));
  }
  return MeshTopology::create(faces, static_cast<std::size_t>(body.vertex_count()));
}

View view_of(DrawStyle style) {
  if (style == DrawStyle::SideView) return View::FromSide;
  if (style == DrawStyle::TopView) return View::FromAbove;
  return View::FromCamera;
}

bool has_bodies(DrawStyle style) {
  return style != DrawStyle::Skeleton;
}

bool has_skeleton(DrawStyle style) {
  return style == DrawStyle::Skeleton || style == DrawStyle::MeshSkeleton;
}

// Ambient light alone, so that paints are shown as they are.
Look unlit_look() {
  Look look;
  look.ambient = 1;
  return look;
}

FlatColour flat(const Rgb& colour) {
  return {static_cast<float>(colour[0]) / 255, static_cast<float>(colour[1]) / 255,
          static_cast<float>(colour[2]) / 255, 1};
}

FrameSize size_of(const Canvas& canvas) {
  return std::visit(
      [](const auto& planes) {
        return FrameSize{static_cast<std::uint32_t>(planes.width),
                         static_cast<std::uint32_t>(planes.height)};
      },
      canvas);
}

// Everybody that can be drawn, and how many cannot.
FramePoses drawable(const FramePoses& poses, FigureReport& report) {
  FramePoses kept = {poses.frame, {}};
  for (const PersonPose& person : poses.people) {
    if (is_drawable(person)) {
      kept.people.push_back(person);
    } else {
      ++report.people_skipped;
    }
  }
  return kept;
}

}  // namespace

class FigurePainter::Impl final {
 public:
  Impl(std::shared_ptr<const BodyModel> body, const DrawSettings& settings, MeshTopology topology,
       Rasteriser rasteriser, std::optional<Lettering> lettering)
      : body_(std::move(body)),
        settings_(settings),
        topology_(std::move(topology)),
        rasteriser_(std::move(rasteriser)),
        lettering_(std::move(lettering)),
        edges_(body_->faces()) {
    for (int i = 0; i < kGreys; ++i) {
      const auto linear = static_cast<float>(std::pow(i / double{kGreys - 1}, 2.2));
      greys_.push_back({linear, linear, linear});
    }
  }

  Result<FigureReport> paint(const FigureFrame& frame, const Canvas& canvas) {
    FigureReport report;
    const FrameSize size = size_of(canvas);
    POSEFLEET_TRY_DO(fill_ground(canvas));
    POSEFLEET_TRY_DO(draw_trail(frame, size, canvas));
    const FramePoses poses = drawable(*frame.poses, report);
    const std::vector<Figure> people = figures_of(poses, *body_, size, view_of(settings_.style));
    if (has_bodies(settings_.style) && !people.empty()) {
      const float wire = settings_.style == DrawStyle::Wireframe ? kWireBody : 1.f;
      POSEFLEET_TRY_DO(
          draw_bodies(people, poses.people.front().focal_length, wire, canvas, report));
    }
    return draw_lines(frame, people, poses, size, canvas, report);
  }

 private:
  Status draw_layer(const Canvas& canvas) {
    return std::visit([&](const auto& planes) { return layer_.draw(planes); }, canvas);
  }

  Status fill_ground(const Canvas& canvas) {
    if (shows_source(settings_.style) || std::holds_alternative<RgbaPlane>(canvas)) return done();
    const bool is_depth = settings_.style == DrawStyle::Depth;
    layer_.clear();
    const FrameSize size = size_of(canvas);
    layer_.add_box({0, 0}, {static_cast<float>(size.width), static_cast<float>(size.height)},
                   flat(is_depth ? Rgb{} : settings_.ground));
    return draw_layer(canvas);
  }

  // Each pose by itself and the oldest first, so that newer ones lie over it.
  Status draw_trail(const FigureFrame& frame, const FrameSize& size, const Canvas& canvas) {
    if (settings_.trail == 0 || frame.before == nullptr) return done();
    const RangePoses& before = *frame.before;
    FigureReport ignored;
    for (std::uint32_t i = settings_.trail; i > 0; --i) {
      const std::size_t back = std::size_t{i} * settings_.trail_step;
      if (back > before.size()) continue;
      const FramePoses poses = drawable(before[before.size() - back], ignored);
      if (poses.people.empty()) continue;
      const float strength =
          kGhostStrength * (1 - static_cast<float>(i - 1) / static_cast<float>(settings_.trail));
      const std::vector<Figure> people = figures_of(poses, *body_, size, view_of(settings_.style));
      if (has_bodies(settings_.style)) {
        POSEFLEET_TRY_DO(
            draw_bodies(people, poses.people.front().focal_length, strength, canvas, ignored));
      } else {
        layer_.clear();
        for (std::size_t k = 0; k < people.size(); ++k) {
          add_skeleton(people[k], flat_colour(settings_, people[k].track, k), strength, size,
                       layer_);
        }
        POSEFLEET_TRY_DO(draw_layer(canvas));
      }
    }
    return done();
  }

  Status draw_bodies(const std::vector<Figure>& people, float focal_length, float strength,
                     const Canvas& canvas, FigureReport& report) {
    const bool is_depth = settings_.style == DrawStyle::Depth;
    std::vector<std::vector<std::uint8_t>> face_paints(people.size());
    std::vector<Mesh> meshes;
    float nearest = INFINITY;
    for (const Figure& person : people) nearest = std::min(nearest, person.pelvis[2]);
    for (std::size_t i = 0; i < people.size(); ++i) {
      Mesh& mesh = meshes.emplace_back();
      mesh.topology = &topology_;
      mesh.vertices = people[i].vertices;
      mesh.colour = body_colour(settings_, people[i].track, i);
      mesh.opacity = strength * static_cast<float>(settings_.opacity) / 100;
      if (!is_depth) continue;
      face_paints[i] = depth_paints(people[i], nearest);
      mesh.paints = greys_;
      mesh.face_paints = face_paints[i];
    }
    POSEFLEET_TRY(const DrawReport drawn, std::visit(
                                              [&](const auto& planes) {
                                                return rasteriser_.draw(
                                                    meshes, Camera{focal_length}, planes);
                                              },
                                              canvas));
    report.people_skipped += static_cast<std::uint32_t>(drawn.meshes_skipped);
    return done();
  }

  // Brighter the nearer: by the relief of the body itself, darker for those who stand behind.
  std::vector<std::uint8_t> depth_paints(const Figure& person, float nearest) const {
    const float depth = person.pelvis[2];
    const float behind = depth > 0 && nearest > 0 ? std::min(nearest / depth, 1.f) : 1.f;
    std::vector<std::uint8_t> paints;
    paints.reserve(body_->faces().size());
    for (const auto& face : body_->faces()) {
      float sum = 0;
      for (const std::int32_t vertex : face) {
        sum += person.vertices[3 * static_cast<std::size_t>(vertex) + 2];
      }
      const float before_pelvis =
          std::clamp((depth - sum / 3) / (2 * kReliefMetres) + 0.5f, 0.f, 1.f);
      const float grey = behind * (kReliefDarkest + (1 - kReliefDarkest) * before_pelvis);
      paints.push_back(static_cast<std::uint8_t>(std::lround(grey * (kGreys - 1))));
    }
    return paints;
  }

  Result<FigureReport> draw_lines(const FigureFrame& frame, const std::vector<Figure>& people,
                                  const FramePoses& poses, const FrameSize& size,
                                  const Canvas& canvas, const FigureReport& report) {
    layer_.clear();
    if (lettering_) lettering_->begin_frame();
    for (std::size_t i = 0; i < people.size(); ++i) {
      const FlatColour colour = flat_colour(settings_, people[i].track, i);
      if (settings_.style == DrawStyle::Wireframe) {
        edges_.add(people[i], poses.people[i].focal_length, size, colour, layer_);
      }
      if (has_skeleton(settings_.style)) add_skeleton(people[i], colour, 1, size, layer_);
    }
    for (std::size_t i = 0; i < people.size() && !settings_.labels.empty(); ++i) {
      POSEFLEET_TRY_DO(lettering_->add_labels(
          people[i], settings_, flat_colour(settings_, people[i].track, i), size, layer_));
    }
    if (settings_.has_caption) {
      POSEFLEET_TRY_DO(
          lettering_->add_caption({frame.seconds, frame.poses->frame, frame.frames}, size, layer_));
    }
    if (!layer_.is_empty()) POSEFLEET_TRY_DO(draw_layer(canvas));
    return report;
  }

  std::shared_ptr<const BodyModel> body_;
  const DrawSettings settings_;
  MeshTopology topology_;
  Rasteriser rasteriser_;
  std::optional<Lettering> lettering_;  // null: nothing is written
  EdgeList edges_;
  FlatLayer layer_;
  std::vector<Colour> greys_;
};

FigurePainter::FigurePainter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
FigurePainter::FigurePainter(FigurePainter&&) noexcept = default;
FigurePainter& FigurePainter::operator=(FigurePainter&&) noexcept = default;
FigurePainter::~FigurePainter() = default;

Result<FigurePainter> FigurePainter::create(std::shared_ptr<const BodyModel> body,
                                            const DrawSettings& settings) {
  POSEFLEET_TRY(MeshTopology topology, topology_of(*body));
  RasteriserOptions options;
  options.samples = static_cast<int>(settings.samples);
  if (settings.style == DrawStyle::Depth) options.look = unlit_look();
  POSEFLEET_TRY(Rasteriser rasteriser, Rasteriser::create(options));
  std::optional<Lettering> lettering;
  if (!settings.labels.empty() || settings.has_caption) {
    POSEFLEET_TRY(Font font, Font::open(Font::usual_file()));
    lettering.emplace(std::move(font));
  }
  return FigurePainter(std::make_unique<Impl>(std::move(body), settings, std::move(topology),
                                              std::move(rasteriser), std::move(lettering)));
}

Result<FigureReport> FigurePainter::paint(const FigureFrame& frame, const Canvas& canvas) {
  return impl_->paint(frame, canvas);
}

}  // namespace posefleet
