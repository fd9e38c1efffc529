#include "worker/text/font.h"

#include <algorithm>
#include <cstdlib>
#include <string>

#include <ft2build.h>
#include FT_FREETYPE_H

namespace posefleet {
namespace {

constexpr int kSizeMin = 4;
constexpr int kSizeMax = 512;
constexpr std::size_t kSignsMax = 200;

// The next code point of UTF-8; bytes that are none count one each, as U+FFFD.
char32_t next_sign(std::string_view& text) {
  constexpr char32_t kReplacement = 0xFFFD;
  const auto first = static_cast<unsigned char>(text.front());
  const int more = first < 0x80       ? 0
                   : first >> 5 == 6  ? 1
                   : first >> 4 == 14 ? 2
                   : first >> 3 == 30 ? 3
                                      : -1;
  if (more < 0 || text.size() <= static_cast<std::size_t>(more)) {
    text.remove_prefix(1);
    return kReplacement;
  }
  char32_t sign = more == 0 ? first : first & (0x3F >> more);
  for (int i = 1; i <= more; ++i) {
    sign = sign << 6 | (static_cast<unsigned char>(text[static_cast<std::size_t>(i)]) & 0x3F);
  }
  text.remove_prefix(static_cast<std::size_t>(more) + 1);
  return sign;
}

// Every pixel takes the largest coverage within `radius` of it, in a disc.
std::vector<std::uint8_t> grown(const std::vector<std::uint8_t>& mask, int width, int height,
                                int radius) {
  std::vector<std::uint8_t> wide(mask.size());
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const std::uint8_t here = mask[static_cast<std::size_t>(y) * width + x];
      if (here == 0) continue;
      for (int dy = -radius; dy <= radius; ++dy) {
        for (int dx = -radius; dx <= radius; ++dx) {
          if (dx * dx + dy * dy > radius * radius + radius) continue;
          const int to_x = x + dx, to_y = y + dy;
          if (to_x < 0 || to_y < 0 || to_x >= width || to_y >= height) continue;
          std::uint8_t& to = wide[static_cast<std::size_t>(to_y) * width + to_x];
          to = std::max(to, here);
        }
      }
    }
  }
  return wide;
}

}  // namespace

class Font::Impl final {
 public:
  ~Impl() {
    if (face != nullptr) FT_Done_Face(face);
    if (library != nullptr) FT_Done_FreeType(library);
  }
  FT_Library library = nullptr;
  FT_Face face = nullptr;
};

Font::Font(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Font::Font(Font&&) noexcept = default;
Font& Font::operator=(Font&&) noexcept = default;
Font::~Font() = default;

std::filesystem::path Font::usual_file() {
  const char* named = std::getenv("POSEFLEET_FONT");
  if (named != nullptr && *named != '\0') return named;
  for (const char* file : {"/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
                           "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans.ttf",
                           "/usr/share/fonts/TTF/DejaVuSans.ttf"}) {
    std::error_code ignored;
    if (std::filesystem::exists(file, ignored)) return file;
  }
  return "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf";
}

Result<Font> Font::open(const std::filesystem::path& file) {
  auto impl = std::make_unique<Impl>();
  if (FT_Init_FreeType(&impl->library) != 0) return internal_error("FreeType does not start");
  if (FT_New_Face(impl->library, file.c_str(), 0, &impl->face) != 0) {
    return rejected(file.string() +
                    " is not there or no font: labels need one. Install fonts-dejavu-core, or name "
                    "a font file in POSEFLEET_FONT");
  }
  return Font(std::move(impl));
}

Result<TextMask> Font::render(std::string_view text, int size) {
  if (size < kSizeMin || size > kSizeMax) {
    return rejected("letters of " + std::to_string(size) + " pixels, allowed " +
                    std::to_string(kSizeMin) + " to " + std::to_string(kSizeMax));
  }
  FT_Face face = impl_->face;
  if (FT_Set_Pixel_Sizes(face, 0, static_cast<FT_UInt>(size)) != 0) {
    return rejected("the font has no letters of " + std::to_string(size) + " pixels");
  }
  const int border = std::max(1, size / 10);
  const int ascent = static_cast<int>(face->size->metrics.ascender >> 6);
  const int descent = -static_cast<int>(face->size->metrics.descender >> 6);
  struct Sign {
    FT_UInt glyph;
    int x;  // 1/64 pixel
  };
  std::vector<Sign> signs;
  FT_Pos advance = 0;
  while (!text.empty() && signs.size() < kSignsMax) {
    const FT_UInt glyph = FT_Get_Char_Index(face, next_sign(text));
    if (FT_Load_Glyph(face, glyph, FT_LOAD_NO_HINTING) != 0) continue;
    signs.push_back({glyph, static_cast<int>(advance)});
    advance += face->glyph->linearHoriAdvance >> 10;
  }
  TextMask mask;
  mask.width = static_cast<int>(advance >> 6) + 2 * border + size / 2;
  mask.height = ascent + descent + 2 * border;
  mask.letters.resize(static_cast<std::size_t>(mask.width) * mask.height);
  for (const Sign& sign : signs) {
    if (FT_Load_Glyph(face, sign.glyph, FT_LOAD_NO_HINTING | FT_LOAD_RENDER) != 0) continue;
    const FT_GlyphSlot slot = face->glyph;
    if (slot->bitmap.pixel_mode != FT_PIXEL_MODE_GRAY) continue;
    const int left = border + (sign.x + 32) / 64 + slot->bitmap_left;
    const int top = border + ascent - slot->bitmap_top;
    for (int y = 0; y < static_cast<int>(slot->bitmap.rows); ++y) {
      for (int x = 0; x < static_cast<int>(slot->bitmap.width); ++x) {
        const int to_x = left + x, to_y = top + y;
        if (to_x < 0 || to_y < 0 || to_x >= mask.width || to_y >= mask.height) continue;
        std::uint8_t& to = mask.letters[static_cast<std::size_t>(to_y) * mask.width + to_x];
        to = std::max(to, slot->bitmap.buffer[y * slot->bitmap.pitch + x]);
      }
    }
  }
  mask.halo = grown(mask.letters, mask.width, mask.height, border);
  return mask;
}

}  // namespace posefleet
