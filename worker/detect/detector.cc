#include "worker/detect/detector.h"

#include <algorithm>

#include <fmt/format.h>

#include "common/base/check.h"
#include "worker/detect/decode.h"
#include "worker/detect/frame_tiles.h"
#include "worker/detect/letterbox.h"
#include "worker/detect/nms.h"

namespace posefleet {
namespace {

// A box this near to its tile's edge, in input pixels, ends there: the coarsest grid cell is 32
// pixels wide, and a regressed edge is good to about a tenth of it.
constexpr float kCutMargin = 3;

// Squares of one call are at most so large together; more are looked at one call after the other.
constexpr std::size_t kInputBytesMax = std::size_t{512} << 20;

// One square that the network looks at.
struct Input {
  std::size_t picture = 0;
  FrameTile tile;
  InputGeometry geometry;
};

// The settings with the network's own numbers where the job names none.
struct Rules {
  double conf = 0;
  double iou = 0;
  int side = 0;
};

std::size_t input_floats(int side) {
  return std::size_t{3} * static_cast<std::size_t>(side) * static_cast<std::size_t>(side);
}

Rules rules_of(const DetectorSettings& settings, const DetectorTraits& traits) {
  return {settings.conf > 0 ? settings.conf : traits.conf,
          settings.iou > 0 ? settings.iou : traits.iou,
          settings.imgsz > 0 ? static_cast<int>(settings.imgsz) : traits.side};
}

BgrView part_of(const BgrView& picture, const FrameTile& tile) {
  return {picture.row(tile.y) + std::ptrdiff_t{3} * tile.x, tile.width, tile.height,
          picture.stride};
}

std::vector<Input> inputs_of(std::span<const BgrView> pictures, const DetectorSettings& settings,
                             int side, DetectorResize resize) {
  std::vector<Input> inputs;
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    for (const FrameTile& tile :
         frame_tiles(pictures[i].width, pictures[i].height, settings.tiles)) {
      inputs.push_back({i, tile, input_geometry(tile.width, tile.height, side, resize)});
    }
  }
  return inputs;
}

// What the network saw in one input, in the frame's pixels.
Result<std::vector<Candidate>> candidates_of(const RawOutput& output, const DetectorTraits& traits,
                                             const Rules& rules, const Input& input,
                                             const BgrView& picture) {
  POSEFLEET_TRY(const DetectorDecoder layout, layout_of(output, traits));
  POSEFLEET_TRY(std::vector<Candidate> candidates,
                decode_people(output, layout, traits, {.side = rules.side, .conf = rules.conf}));
  // The other layouts come from networks that say each object once.
  if (layout == DetectorDecoder::YoloRaw) {
    candidates = without_overlaps(candidates, rules.iou, kPeopleMax);
  }
  const auto margin =
      static_cast<float>(kCutMargin / std::min(input.geometry.scale_x, input.geometry.scale_y));
  for (Candidate& candidate : candidates) {
    candidate.box = to_frame(candidate.box, input.geometry, input.tile.width, input.tile.height);
    for (std::size_t i = 0; i < 4; ++i) {
      candidate.box[i] += static_cast<float>(i % 2 == 0 ? input.tile.x : input.tile.y);
    }
    candidate.is_cut = is_cut(candidate.box, input.tile, picture.width, picture.height, margin);
  }
  return candidates;
}

// The best of a picture's candidates that can be cropped.
std::vector<PersonBox> people_of(const std::vector<Candidate>& candidates, const BgrView& picture,
                                 const DetectorSettings& settings) {
  std::vector<PersonBox> people;
  for (const Candidate& candidate : candidates) {
    if (people.size() == settings.max_people) break;
    const PersonBox box{candidate.box[0], candidate.box[1], candidate.box[2], candidate.box[3],
                        candidate.score};
    if (box.x1 - box.x0 < settings.min_width || box.y1 - box.y0 < settings.min_height) continue;
    if (crop_geometry(box, picture.width, picture.height)) people.push_back(box);
  }
  return people;
}

bool is_picture(const BgrView& picture) {
  return picture.pixels != nullptr && picture.width >= 1 && picture.height >= 1 &&
         picture.stride >= std::ptrdiff_t{3} * picture.width;
}

}  // namespace

Status Detector::check(const DetectorSettings& settings) const {
  POSEFLEET_TRY_DO(check_detector_settings(settings));
  const DetectorTraits& traits = network_->traits();
  const int side = rules_of(settings, traits).side;
  if (side != traits.side && !traits.is_dynamic) {
    return rejected(fmt::format(
        "detector imgsz is {}, but the model's detector was exported for {} pixels alone; use {}, "
        "or import one exported with imgsz={} or dynamic=True",
        side, traits.side, traits.side, side));
  }
  if (side % traits.stride != 0) {
    return rejected(
        fmt::format("detector imgsz is {}, allowed: multiples of {}", side, traits.stride));
  }
  return done();
}

Result<std::vector<std::vector<PersonBox>>> Detector::detect(std::span<const BgrView> pictures,
                                                             const DetectorSettings& settings,
                                                             const OnProgress& on_progress) {
  POSEFLEET_TRY_DO(check(settings));
  for (const BgrView& picture : pictures) POSEFLEET_CHECK(is_picture(picture));
  const DetectorTraits& traits = network_->traits();
  const Rules rules = rules_of(settings, traits);
  const std::size_t input_size = input_floats(rules.side);
  const std::vector<Input> inputs = inputs_of(pictures, settings, rules.side, traits.resize);
  const std::size_t room = std::max<std::size_t>(1, kInputBytesMax / (input_size * sizeof(float)));
  const std::size_t step =
      std::min({static_cast<std::size_t>(network_->pictures_at_once()), room, inputs.size()});
  std::vector<float> numbers(step * input_size);
  std::vector<std::vector<Candidate>> candidates(pictures.size());
  for (std::size_t first = 0; first < inputs.size(); first += step) {
    const std::size_t count = std::min(step, inputs.size() - first);
    for (std::size_t i = 0; i < count; ++i) {
      const Input& input = inputs[first + i];
      make_input(part_of(pictures[input.picture], input.tile), input.geometry, traits,
                 std::span(numbers).subspan(i * input_size, input_size));
    }
    POSEFLEET_TRY(const std::vector<RawOutput> outputs,
                  network_->run(std::span(numbers).first(count * input_size),
                                static_cast<int>(count), rules.side));
    POSEFLEET_CHECK(outputs.size() == count);
    for (std::size_t i = 0; i < count; ++i) {
      const Input& input = inputs[first + i];
      POSEFLEET_TRY(const std::vector<Candidate> found,
                    candidates_of(outputs[i], traits, rules, input, pictures[input.picture]));
      std::vector<Candidate>& all = candidates[input.picture];
      all.insert(all.end(), found.begin(), found.end());
    }
    POSEFLEET_TRY_DO(on_progress());
  }
  std::vector<std::vector<PersonBox>> people;
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    if (settings.tiles > 1) candidates[i] = merged_tiles(std::move(candidates[i]), rules.iou);
    people.push_back(people_of(candidates[i], pictures[i], settings));
  }
  return people;
}

}  // namespace posefleet
