// Written words as coverage masks. FreeType behind it.
//
// The outlines come from a font file of the machine; nothing of it is stored here. FreeType's own
// smooth renderer without hinting gives the same bytes for the same font file and version.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace posefleet {

// A line of text. Both masks have the same size; the halo is the letters grown by a border, for
// contrast on any ground.
struct TextMask {
  int width = 0;                      // pixels
  int height = 0;                     // the same for all texts of a size
  std::vector<std::uint8_t> letters;  // rows of `width`, 0..255
  std::vector<std::uint8_t> halo;
};

// Owned and called by one thread.
class Font final {
 public:
  // Where Debian and most others keep DejaVu Sans; POSEFLEET_FONT names another file.
  static std::filesystem::path usual_file();

  // Rejected, naming the file and what to install, when it is not there or no font.
  static Result<Font> open(const std::filesystem::path& file);
  Font(Font&&) noexcept;
  Font& operator=(Font&&) noexcept;
  ~Font();

  // `size`: of the letters' box (em), pixels, 4 to 512. UTF-8; what the font lacks is shown as its
  // sign for that. Longer texts than 200 signs are cut.
  Result<TextMask> render(std::string_view text, int size);

 private:
  class Impl;
  explicit Font(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace posefleet
