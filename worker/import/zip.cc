#include "worker/import/zip.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>

#include <fmt/format.h>
#include <zlib.h>

namespace posefleet {
namespace {

// Signatures and sizes of the format's records (PKWARE's APPNOTE.TXT 6.3, section 4.3).
constexpr std::uint32_t kLocalSignature = 0x04034b50;
constexpr std::uint32_t kCentralSignature = 0x02014b50;
constexpr std::uint32_t kEndSignature = 0x06054b50;
constexpr std::uint32_t kEnd64Signature = 0x06064b50;
constexpr std::uint32_t kLocatorSignature = 0x07064b50;
constexpr std::size_t kLocalSize = 30;
constexpr std::size_t kCentralSize = 46;
constexpr std::size_t kEndSize = 22;
constexpr std::size_t kEnd64Size = 56;
constexpr std::size_t kLocatorSize = 20;
constexpr std::size_t kCommentSizeMax = 65535;
// A checkpoint with its optimizer holds a few thousand entries.
constexpr std::uint64_t kEntryCountMax = 1u << 18;
// Deflate cannot pack more tightly than this (258 bytes in two bits), so a larger claim is a lie.
constexpr std::uint64_t kDeflateRatioMax = 1032;

// A field at a place that has been checked to lie in `text`.
template <typename T>
T field(std::string_view text, std::size_t at) {
  T value{};
  std::memcpy(&value, text.data() + at, sizeof(T));
  return value;
}

bool fits(std::string_view file, std::uint64_t at, std::uint64_t size) {
  return at <= file.size() && size <= file.size() - at;
}

struct Directory {
  std::uint64_t at = 0;
  std::uint64_t size = 0;
  std::uint64_t count = 0;
};

// The end record lies before a comment of unknown length: look for it from the back.
std::optional<std::size_t> find_end(std::string_view file) {
  if (file.size() < kEndSize) return std::nullopt;
  const std::size_t last = file.size() - kEndSize;
  const std::size_t first = last > kCommentSizeMax ? last - kCommentSizeMax : 0;
  for (std::size_t at = last + 1; at-- > first;) {
    if (field<std::uint32_t>(file, at) == kEndSignature &&
        field<std::uint16_t>(file, at + 20) == file.size() - at - kEndSize) {
      return at;
    }
  }
  return std::nullopt;
}

Result<Directory> find_directory(std::string_view file) {
  const auto end = find_end(file);
  if (!end) return rejected("no zip archive, or it was cut: its directory is not there");
  Directory directory{.at = field<std::uint32_t>(file, *end + 16),
                      .size = field<std::uint32_t>(file, *end + 12),
                      .count = field<std::uint16_t>(file, *end + 10)};
  if (*end >= kLocatorSize &&
      field<std::uint32_t>(file, *end - kLocatorSize) == kLocatorSignature) {
    const auto at = field<std::uint64_t>(file, *end - kLocatorSize + 8);
    if (!fits(file, at, kEnd64Size) || field<std::uint32_t>(file, at) != kEnd64Signature) {
      return rejected("its 64-bit end record is not where the archive says");
    }
    directory = {.at = field<std::uint64_t>(file, at + 48),
                 .size = field<std::uint64_t>(file, at + 40),
                 .count = field<std::uint64_t>(file, at + 32)};
  }
  if (!fits(file, directory.at, directory.size)) {
    return rejected("its directory lies outside the file; it was cut");
  }
  if (directory.count > kEntryCountMax) {
    return rejected(
        fmt::format("{} entries, above the limit of {}", directory.count, kEntryCountMax));
  }
  return directory;
}

// Fields that do not fit into 32 bits are all ones, and stand in the extra block 1 instead, in this
// order and only those that are needed.
Status read_large_fields(std::string_view extra, ZipEntry& entry) {
  constexpr std::uint64_t kElsewhere = std::numeric_limits<std::uint32_t>::max();
  std::uint64_t* const fields[] = {&entry.size, &entry.packed_size, &entry.header_at};
  while (extra.size() >= 4) {
    const auto id = field<std::uint16_t>(extra, 0);
    const auto size = field<std::uint16_t>(extra, 2);
    extra.remove_prefix(4);
    if (size > extra.size()) return rejected("an extra field that is cut");
    std::string_view block = extra.substr(0, size);
    extra.remove_prefix(size);
    if (id != 1) continue;
    for (std::uint64_t* target : fields) {
      if (*target != kElsewhere) continue;
      if (block.size() < 8) return rejected("a 64-bit field that is cut");
      *target = field<std::uint64_t>(block, 0);
      block.remove_prefix(8);
    }
    return done();
  }
  return done();
}

struct Listed {
  std::string name;
  ZipEntry entry;
};

// Takes one record off the front of `directory`.
Result<Listed> next_entry(std::string_view& directory) {
  if (directory.size() < kCentralSize || field<std::uint32_t>(directory, 0) != kCentralSignature) {
    return rejected("its directory is damaged");
  }
  const auto flags = field<std::uint16_t>(directory, 8);
  const auto method = field<std::uint16_t>(directory, 10);
  const std::size_t name_size = field<std::uint16_t>(directory, 28);
  const std::size_t extra_size = field<std::uint16_t>(directory, 30);
  const std::size_t comment_size = field<std::uint16_t>(directory, 32);
  if (kCentralSize + name_size + extra_size + comment_size > directory.size()) {
    return rejected("its directory is damaged");
  }
  Listed listed{.name = std::string(directory.substr(kCentralSize, name_size)),
                .entry = {.is_deflated = method == 8,
                          .crc = field<std::uint32_t>(directory, 16),
                          .packed_size = field<std::uint32_t>(directory, 20),
                          .size = field<std::uint32_t>(directory, 24),
                          .header_at = field<std::uint32_t>(directory, 42)}};
  const auto extra = directory.substr(kCentralSize + name_size, extra_size);
  if (const auto status = read_large_fields(extra, listed.entry); !status) {
    return in_context(fmt::format("entry '{}' has", listed.name), status.error());
  }
  if ((flags & 1) != 0) return rejected(fmt::format("entry '{}' is encrypted", listed.name));
  if (method != 0 && method != 8) {
    return rejected(
        fmt::format("entry '{}' is packed by method {}; stored and deflated entries "
                    "are read",
                    listed.name, method));
  }
  directory.remove_prefix(kCentralSize + name_size + extra_size + comment_size);
  return listed;
}

std::uint32_t crc_of(std::string_view bytes) {
  uLong crc = crc32_z(0, nullptr, 0);
  crc = crc32_z(crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
  return static_cast<std::uint32_t>(crc);
}

// Raw deflate, no zlib head. The whole size is known, so one call does it, in pieces of what fits
// into zlib's 32-bit counts.
Result<std::string> inflate_all(std::string_view packed, std::uint64_t size) {
  std::string bytes(size, '\0');
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return internal_error("zlib does not start");
  constexpr std::size_t kPiece = 1u << 30;
  std::size_t read = 0;
  std::size_t written = 0;
  int status = Z_OK;
  while (status == Z_OK) {
    const std::size_t in = std::min(kPiece, packed.size() - read);
    const std::size_t out = std::min(kPiece, bytes.size() - written);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data() + read));
    stream.avail_in = static_cast<uInt>(in);
    stream.next_out = reinterpret_cast<Bytef*>(bytes.data() + written);
    stream.avail_out = static_cast<uInt>(out);
    // Without progress zlib answers Z_BUF_ERROR, which ends the loop.
    status = inflate(&stream, Z_NO_FLUSH);
    read += in - stream.avail_in;
    written += out - stream.avail_out;
  }
  inflateEnd(&stream);
  if (status != Z_STREAM_END || written != size) return rejected("its packed bytes are damaged");
  return bytes;
}

}  // namespace

Error ZipArchive::broken(const std::string& name, std::string_view what) const {
  return rejected(fmt::format("{}: entry '{}': {}", path().string(), name, what));
}

Result<std::unique_ptr<const ZipArchive>> ZipArchive::open(const std::filesystem::path& path) {
  POSEFLEET_TRY(auto file, MappedFile::open(path));
  std::unique_ptr<ZipArchive> archive(new ZipArchive(std::move(file)));
  if (Status status = archive->read_directory(); !status) {
    return in_context(path.string(), status.error());
  }
  return std::unique_ptr<const ZipArchive>(std::move(archive));
}

Status ZipArchive::read_directory() {
  const std::string_view file = file_->text();
  POSEFLEET_TRY(const Directory place, find_directory(file));
  std::string_view directory = file.substr(place.at, place.size);
  std::uint64_t left = file.size();
  for (std::uint64_t i = 0; i < place.count; ++i) {
    POSEFLEET_TRY(Listed listed, next_entry(directory));
    // Entries that share bytes let a small archive unpack to any size, and be checked for ever.
    if (listed.entry.packed_size > left) {
      return rejected(fmt::format(
          "its entries up to '{}' have more bytes together than the file; it is damaged or forged",
          listed.name));
    }
    left -= listed.entry.packed_size;
    const bool is_new = entries_.emplace(listed.name, listed.entry).second;
    if (!is_new) return rejected(fmt::format("entry '{}' is there twice", listed.name));
  }
  return done();
}

Result<std::string_view> ZipArchive::packed(const std::string& name, const ZipEntry& entry) const {
  const std::string_view file = file_->text();
  if (!fits(file, entry.header_at, kLocalSize) ||
      field<std::uint32_t>(file, entry.header_at) != kLocalSignature) {
    return broken(name, "its header is not where the directory says; the file is damaged");
  }
  // The local name and extra field may differ in length from those of the directory.
  const std::uint64_t at = entry.header_at + kLocalSize +
                           field<std::uint16_t>(file, entry.header_at + 26) +
                           field<std::uint16_t>(file, entry.header_at + 28);
  if (!fits(file, at, entry.packed_size)) {
    return broken(name, fmt::format("its {} bytes reach beyond the end of the file; it was cut",
                                    entry.packed_size));
  }
  return file.substr(at, entry.packed_size);
}

Result<std::string_view> ZipArchive::stored(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) return broken(name, "is not in the archive");
  const ZipEntry& entry = found->second;
  if (entry.is_deflated) return broken(name, "is deflated, expected stored");
  if (entry.size != entry.packed_size) return broken(name, "its two sizes differ");
  POSEFLEET_TRY(const std::string_view bytes, packed(name, entry));
  if (crc_of(bytes) != entry.crc) return broken(name, "its checksum is wrong; it is damaged");
  return bytes;
}

Result<std::string> ZipArchive::read(const std::string& name, std::uint64_t size_max) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) return broken(name, "is not in the archive");
  const ZipEntry& entry = found->second;
  if (entry.size > size_max) {
    return broken(name, fmt::format("has {} bytes, at most {} are read", entry.size, size_max));
  }
  if (!entry.is_deflated) {
    POSEFLEET_TRY(const std::string_view bytes, stored(name));
    return std::string(bytes);
  }
  POSEFLEET_TRY(const std::string_view bytes, packed(name, entry));
  if (entry.size / kDeflateRatioMax > bytes.size()) {
    return broken(name, fmt::format("claims {} bytes out of {}", entry.size, bytes.size()));
  }
  auto unpacked = inflate_all(bytes, entry.size);
  if (!unpacked) return broken(name, unpacked.error().message);
  if (crc_of(*unpacked) != entry.crc) return broken(name, "its checksum is wrong; it is damaged");
  return unpacked;
}

}  // namespace posefleet
