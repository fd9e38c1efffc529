#include "training/detector/unseen.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>

#include "common/files/sha256.h"
#include "training/detector/picture.h"
#include "training/detector/trainer.h"
#include "worker/detect/decode.h"

namespace posefleet::training::detect {
namespace {

// Boxes with lower scores would change the area below the curve by less than a thousandth.
constexpr double kLowestConf = 0.02;

constexpr int kPicturesAtOnce = 8;

UnseenPicture letterboxed(Picture film, int side) {
  UnseenPicture result;
  result.geometry = input_geometry(film.width, film.height, side, DetectorResize::Letterbox);
  const InputGeometry& to = result.geometry;
  for (std::size_t i = 0; i < film.rgb.size(); i += 3) std::swap(film.rgb[i], film.rgb[i + 2]);
  result.bgr = resized({film.rgb.data(), film.width, film.height, std::ptrdiff_t{3} * film.width},
                       to.width, to.height);
  for (const DrawnPerson& person : film.people) {
    TruthBox somebody;
    somebody.is_ignored =
        person.visible < kVisibleMin || person.box[3] - person.box[1] < kTallEnough;
    somebody.box = {static_cast<float>(to.left + person.box[0] * to.scale_x),
                    static_cast<float>(to.top + person.box[1] * to.scale_y),
                    static_cast<float>(to.left + person.box[2] * to.scale_x),
                    static_cast<float>(to.top + person.box[3] * to.scale_y)};
    result.truth.push_back(somebody);
  }
  return result;
}

}  // namespace

std::vector<UnseenPicture> make_unseen(const DrawScene& draw, std::uint64_t seed, int side,
                                       int count) {
  std::vector<UnseenPicture> pictures;
  for (int i = 0; i < count; ++i) {
    const bool is_upright = i % 5 == 4;
    const int width = is_upright ? kFilmHeight : kFilmWidth;
    const int height = is_upright ? kFilmWidth : kFilmHeight;
    pictures.push_back(
        letterboxed(draw_picture(draw, seed, static_cast<std::uint64_t>(i), width, height), side));
  }
  return pictures;
}

std::string fingerprint_of(const std::vector<UnseenPicture>& pictures) {
  Sha256 hash;
  for (const UnseenPicture& picture : pictures) {
    const auto& bytes = picture.bgr;
    hash.add({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    for (const TruthBox& person : picture.truth) {
      const auto& box = person.box;
      hash.add(fmt::format("{} {} {} {} {}\n", box[0], box[1], box[2], box[3], person.is_ignored));
    }
  }
  return hash.hex();
}

Result<std::vector<Finding>> find_in(const std::vector<UnseenPicture>& pictures, Trainer& trainer) {
  std::vector<Finding> findings;
  const DetectorTraits traits;
  for (std::size_t first = 0; first < pictures.size(); first += kPicturesAtOnce) {
    const std::size_t count = std::min<std::size_t>(kPicturesAtOnce, pictures.size() - first);
    const int side = pictures[first].geometry.side;
    const std::size_t size =
        std::size_t{3} * static_cast<std::size_t>(side) * static_cast<std::size_t>(side);
    std::vector<float> numbers(count * size);
    for (std::size_t i = 0; i < count; ++i) {
      const UnseenPicture& picture = pictures[first + i];
      const InputGeometry& geometry = picture.geometry;
      // Of the right size already: production's code only sorts the channels and adds the border.
      make_input(
          {picture.bgr.data(), geometry.width, geometry.height, std::ptrdiff_t{3} * geometry.width},
          geometry, traits, std::span(numbers).subspan(i * size, size));
    }
    POSEFLEET_TRY(const std::vector<RawOutput> outputs,
                  trainer.look(numbers, static_cast<int>(count), side, side));
    for (std::size_t i = 0; i < count; ++i) {
      POSEFLEET_TRY(std::vector<Candidate> candidates,
                    decode_people(outputs[i], DetectorDecoder::YoloRaw, traits,
                                  {.side = side, .conf = kLowestConf}));
      findings.push_back({std::move(candidates), pictures[first + i].truth});
    }
  }
  return findings;
}

}  // namespace posefleet::training::detect
