// Single pictures: what the network is given, and PNG and JPEG files.
//
// The channel order is blue, green, red, because the published network code reads its pictures so.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace posefleet {

// A value. `pixels` has height x width x 3 bytes: rows from top to bottom, B G R, no padding.
struct BgrImage {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> pixels;
  bool operator==(const BgrImage&) const = default;
};

// Checked before anything of a picture's size is allocated: a file of 100 bytes can claim any size.
struct ImageLimits {
  int side_max = 16384;                   // pixels; the widest common camera has 12000
  std::int64_t pixels_max = 120'000'000;  // 360 MB as BGR
  std::uint64_t file_bytes_max = 256u << 20;
};

// Reads PNG, JPEG, BMP, WebP, TIFF or GIF (its first picture), told apart by content, not by name.
// Turned upright when the file carries an orientation. Alpha is dropped, 16 bits are rounded to 8.
// A file that is cut off or damaged is an error, not a half grey picture.
Result<BgrImage> read_image(const std::filesystem::path& path, const ImageLimits& limits = {});
// The same of a file's bytes; `name` is for messages.
Result<BgrImage> decode_image(const std::string& name, std::string_view bytes,
                              const ImageLimits& limits = {});

// Written whole or not at all; the same picture gives the same bytes.
Status write_png(const std::filesystem::path& path, const BgrImage& image);

}  // namespace posefleet
