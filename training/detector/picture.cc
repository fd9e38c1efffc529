#include "training/detector/picture.h"

#include <algorithm>
#include <cmath>

#include "common/base/check.h"
#include "worker/detect/letterbox.h"

namespace posefleet::training::detect {
namespace {

std::size_t size_of(int width, int height) {
  return std::size_t{3} * static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
}

std::uint8_t to_byte(float value) {
  return static_cast<std::uint8_t>(std::clamp(value + 0.5f, 0.0f, 255.0f));
}

float area_of(const std::array<float, 4>& box) {
  return std::max(0.0f, box[2] - box[0]) * std::max(0.0f, box[3] - box[1]);
}

// 1-2-1 across and down; edges repeat.
std::vector<std::uint8_t> softened(const Picture& picture) {
  const int width = picture.width;
  const int height = picture.height;
  std::vector<int> across(picture.rgb.size());
  for (int y = 0; y < height; ++y) {
    const std::uint8_t* row = picture.rgb.data() + size_of(width, y);
    int* out = across.data() + size_of(width, y);
    for (int x = 0; x < width; ++x) {
      const int left = std::max(0, x - 1);
      const int right = std::min(width - 1, x + 1);
      for (int c = 0; c < 3; ++c) {
        out[3 * x + c] = row[3 * left + c] + 2 * row[3 * x + c] + row[3 * right + c];
      }
    }
  }
  std::vector<std::uint8_t> result(picture.rgb.size());
  for (int y = 0; y < height; ++y) {
    const int* above = across.data() + size_of(width, std::max(0, y - 1));
    const int* here = across.data() + size_of(width, y);
    const int* below = across.data() + size_of(width, std::min(height - 1, y + 1));
    std::uint8_t* out = result.data() + size_of(width, y);
    for (int i = 0; i < 3 * width; ++i) {
      out[i] = static_cast<std::uint8_t>((above[i] + 2 * here[i] + below[i] + 8) / 16);
    }
  }
  return result;
}

void sharpen(Picture& picture, float amount) {
  const std::vector<std::uint8_t> soft = softened(picture);
  for (std::size_t i = 0; i < soft.size(); ++i) {
    const auto value = static_cast<float>(picture.rgb[i]);
    picture.rgb[i] = to_byte(value + amount * (value - static_cast<float>(soft[i])));
  }
}

// The same amount for bright and dark; four bytes of a random number make one roughly normal one.
void add_noise(Picture& picture, float deviation, Random& random) {
  constexpr float kFourBytes = 147.8f;  // deviation of the sum of four uniform bytes
  const float scale = deviation / kFourBytes;
  for (std::size_t i = 0; i < picture.rgb.size(); i += 2) {
    const std::uint64_t bits = random.next();
    for (std::size_t k = 0; k < 2 && i + k < picture.rgb.size(); ++k) {
      const auto part = static_cast<std::uint32_t>(bits >> (32 * k));
      const int sum =
          static_cast<int>((part & 255) + (part >> 8 & 255) + (part >> 16 & 255) + (part >> 24)) -
          510;
      picture.rgb[i + k] =
          to_byte(static_cast<float>(picture.rgb[i + k]) + scale * static_cast<float>(sum));
    }
  }
}

}  // namespace

Picture draw_picture(const DrawScene& draw, std::uint64_t seed, std::uint64_t index, int width,
                     int height) {
  Picture picture{width, height, std::vector<std::uint8_t>(size_of(width, height)), {}};
  picture.people = draw(seed, index, width, height, picture.rgb);
  return picture;
}

Picture resized_picture(const Picture& picture, int width, int height) {
  if (picture.width == width && picture.height == height) return picture;
  // Which channel is first makes no difference to the arithmetic.
  const BgrView view{picture.rgb.data(), picture.width, picture.height,
                     std::ptrdiff_t{3} * picture.width};
  Picture result{width, height, resized(view, width, height), picture.people};
  const float scale_x = static_cast<float>(width) / static_cast<float>(picture.width);
  const float scale_y = static_cast<float>(height) / static_cast<float>(picture.height);
  for (DrawnPerson& person : result.people) {
    for (std::size_t i = 0; i < 4; ++i) person.box[i] *= i % 2 == 0 ? scale_x : scale_y;
  }
  return result;
}

Picture window_of(const Picture& picture, int x, int y, int width, int height) {
  POSEFLEET_CHECK(x >= 0 && y >= 0 && x + width <= picture.width && y + height <= picture.height);
  Picture result{width, height, std::vector<std::uint8_t>(size_of(width, height)), {}};
  for (int row = 0; row < height; ++row) {
    const std::uint8_t* from = picture.rgb.data() + size_of(picture.width, y + row) + 3 * x;
    std::copy_n(from, 3 * width, result.rgb.data() + size_of(width, row));
  }
  const auto right = static_cast<float>(width);
  const auto bottom = static_cast<float>(height);
  for (DrawnPerson person : picture.people) {
    const float whole = area_of(person.box);
    person.box = {std::max(0.0f, person.box[0] - static_cast<float>(x)),
                  std::max(0.0f, person.box[1] - static_cast<float>(y)),
                  std::min(right, person.box[2] - static_cast<float>(x)),
                  std::min(bottom, person.box[3] - static_cast<float>(y))};
    const float left = area_of(person.box);
    if (left <= 0 || whole <= 0) continue;
    person.visible *= left / whole;
    result.people.push_back(person);
  }
  return result;
}

void paste(const Picture& part, int x, int y, Picture& onto) {
  POSEFLEET_CHECK(x >= 0 && y >= 0 && x + part.width <= onto.width &&
                  y + part.height <= onto.height);
  for (int row = 0; row < part.height; ++row) {
    std::copy_n(part.rgb.data() + size_of(part.width, row), 3 * part.width,
                onto.rgb.data() + size_of(onto.width, y + row) + 3 * x);
  }
  for (DrawnPerson person : part.people) {
    for (std::size_t i = 0; i < 4; ++i) person.box[i] += static_cast<float>(i % 2 == 0 ? x : y);
    onto.people.push_back(person);
  }
}

void mirror(Picture& picture) {
  for (int y = 0; y < picture.height; ++y) {
    std::uint8_t* row = picture.rgb.data() + size_of(picture.width, y);
    for (int left = 0, right = picture.width - 1; left < right; ++left, --right) {
      std::swap_ranges(row + 3 * left, row + 3 * left + 3, row + 3 * right);
    }
  }
  const auto width = static_cast<float>(picture.width);
  for (DrawnPerson& person : picture.people) {
    person.box = {width - person.box[2], person.box[1], width - person.box[0], person.box[3]};
  }
}

void vary_colours(Picture& picture, Random& random) {
  const double light = 0.75 + 0.5 * random.unit();
  const double gamma = std::exp(0.3 * (2 * random.unit() - 1));
  const double floor = 20 * (2 * random.unit() - 1);
  std::array<std::array<std::uint8_t, 256>, 3> table{};
  for (auto& channel : table) {
    const double gain = light * (0.9 + 0.2 * random.unit());
    for (std::size_t p = 0; p < 256; ++p) {
      const double value = 255 * std::pow(static_cast<double>(p) / 255, gamma) * gain + floor;
      channel[p] = to_byte(static_cast<float>(value));
    }
  }
  // 0: grey, 1: as it is.
  const float colour = random.chance(0.04) ? 0.0f : static_cast<float>(0.6 + 0.7 * random.unit());
  for (std::size_t i = 0; i < picture.rgb.size(); i += 3) {
    std::array<float, 3> value{};
    for (std::size_t c = 0; c < 3; ++c) {
      value[c] = static_cast<float>(table[c][picture.rgb[i + c]]);
    }
    const float grey = 0.3f * value[0] + 0.59f * value[1] + 0.11f * value[2];
    for (std::size_t c = 0; c < 3; ++c) {
      picture.rgb[i + c] = to_byte(grey + colour * (value[c] - grey));
    }
  }
}

void vary_sharpness(Picture& picture, Random& random) {
  const double what = random.unit();
  if (what < 0.15) {
    picture.rgb = softened(picture);
    if (random.chance(0.4)) picture.rgb = softened(picture);
  } else if (what < 0.3) {
    sharpen(picture, static_cast<float>(0.3 + 0.9 * random.unit()));
  }
  if (random.chance(0.3)) add_noise(picture, static_cast<float>(2 + 8 * random.unit()), random);
}

}  // namespace posefleet::training::detect
