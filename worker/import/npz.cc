#include "worker/import/npz.h"

#include <charconv>
#include <cstring>
#include <optional>

#include <fmt/format.h>

#include "worker/import/zip.h"

namespace posefleet {
namespace {

constexpr std::uint64_t kTotalSizeMax = std::uint64_t{1} << 30;
constexpr std::string_view kMagic = "\x93NUMPY";

// Reads the header, which is a Python dictionary of a fixed form:
// {'descr': '<f4', 'fortran_order': False, 'shape': (7, 2), }
class HeaderReader final {
 public:
  explicit HeaderReader(std::string_view text) : text_(text) {}

  struct Header {
    std::string dtype;
    bool is_fortran_order = false;
    Shape shape;
  };

  std::optional<Header> read() {
    Header header;
    bool has_dtype = false;
    bool has_order = false;
    bool has_shape = false;
    if (!take("{")) return std::nullopt;
    while (!take("}")) {
      const auto key = quoted();
      if (!key || !take(":")) return std::nullopt;
      if (*key == "descr") {
        const auto dtype = quoted();
        if (!dtype) return std::nullopt;
        header.dtype = *dtype;
        has_dtype = true;
      } else if (*key == "fortran_order") {
        header.is_fortran_order = take("True");
        has_order = header.is_fortran_order || take("False");
      } else if (*key == "shape") {
        has_shape = read_shape(header.shape);
      } else {
        return std::nullopt;
      }
      if (!take(",") && !starts_with("}")) return std::nullopt;
    }
    if (!has_dtype || !has_order || !has_shape) return std::nullopt;
    return header;
  }

 private:
  void skip_spaces() {
    const std::size_t at = text_.find_first_not_of(" \n");
    text_.remove_prefix(at == std::string_view::npos ? text_.size() : at);
  }
  bool starts_with(std::string_view word) {
    skip_spaces();
    return text_.starts_with(word);
  }
  bool take(std::string_view word) {
    if (!starts_with(word)) return false;
    text_.remove_prefix(word.size());
    return true;
  }
  std::optional<std::string> quoted() {
    if (!take("'")) return std::nullopt;
    const std::size_t end = text_.find('\'');
    if (end == std::string_view::npos) return std::nullopt;
    std::string value(text_.substr(0, end));
    text_.remove_prefix(end + 1);
    return value;
  }
  bool read_shape(Shape& shape) {
    if (!take("(")) return false;
    while (!take(")")) {
      skip_spaces();
      std::int64_t size = 0;
      const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), size);
      if (error != std::errc() || size < 0 || shape.size() >= 32) return false;
      text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
      shape.push_back(size);
      take("L");  // Python 2 wrote 7L
      if (!take(",") && !starts_with(")")) return false;
    }
    return true;
  }

  std::string_view text_;
};

}  // namespace

Result<NdArray> parse_npy(std::string_view bytes) {
  if (!bytes.starts_with(kMagic) || bytes.size() < 12) return rejected("no .npy array");
  const int version = static_cast<unsigned char>(bytes[6]);
  if (version < 1 || version > 3) {
    return rejected(fmt::format(".npy version {}, known are 1 to 3", version));
  }
  std::uint32_t header_size = 0;
  const std::size_t field_size = version == 1 ? 2 : 4;
  std::memcpy(&header_size, bytes.data() + 8, field_size);
  const std::size_t header_at = 8 + field_size;
  if (header_size > bytes.size() - header_at) return rejected("its .npy header is cut");
  const auto header = HeaderReader(bytes.substr(header_at, header_size)).read();
  if (!header) return rejected("its .npy header is damaged");
  POSEFLEET_TRY(const NumberType type, number_type_of(header->dtype));
  return make_array(type, header->shape, header->is_fortran_order,
                    bytes.substr(header_at + header_size));
}

Result<std::map<std::string, NdArray>> read_npz(const std::filesystem::path& path) {
  POSEFLEET_TRY(const auto archive, ZipArchive::open(path));
  std::map<std::string, NdArray> arrays;
  constexpr std::string_view kSuffix = ".npy";
  std::uint64_t left = kTotalSizeMax;
  for (const auto& [name, entry] : archive->entries()) {
    if (!name.ends_with(kSuffix)) continue;
    if (entry.size > left) {
      return rejected(fmt::format("{}: its arrays take more than {} bytes together", path.string(),
                                  kTotalSizeMax));
    }
    left -= entry.size;
    POSEFLEET_TRY(const std::string bytes, archive->read(name, kTotalSizeMax));
    auto array = parse_npy(bytes);
    if (!array) {
      return in_context(fmt::format("{}: entry '{}'", path.string(), name), array.error());
    }
    arrays[name.substr(0, name.size() - kSuffix.size())] = std::move(*array);
  }
  return arrays;
}

}  // namespace posefleet
