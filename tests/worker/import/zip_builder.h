// Small zip archives for tests, byte by byte, so that single fields can be made wrong.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <zlib.h>

namespace posefleet::tests {

struct ZipItem {
  std::string name;
  std::string bytes;
  bool deflate = false;
};

template <typename T>
void append_number(std::string& target, T value) {
  target.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

inline std::string deflated(const std::string& bytes) {
  z_stream stream{};
  deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string packed(compressBound(static_cast<uLong>(bytes.size())) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

// The fields that a local header and a directory entry have in common.
inline std::string common_fields(const ZipItem& item, std::size_t packed_size, bool is_large) {
  std::string fields;
  append_number<std::uint16_t>(fields, 0);  // flags
  append_number<std::uint16_t>(fields, item.deflate ? 8 : 0);
  append_number<std::uint32_t>(fields, 0);  // time and date
  append_number<std::uint32_t>(
      fields, static_cast<std::uint32_t>(crc32_z(
                  0, reinterpret_cast<const Bytef*>(item.bytes.data()), item.bytes.size())));
  const auto shown = [&](std::size_t size) {
    return is_large ? 0xffffffffu : static_cast<std::uint32_t>(size);
  };
  append_number(fields, shown(packed_size));
  append_number(fields, shown(item.bytes.size()));
  append_number(fields, static_cast<std::uint16_t>(item.name.size()));
  return fields;
}

// `is_large`: all sizes and places in the 64-bit fields, as in files above 4 GiB.
inline std::string zip_of(const std::vector<ZipItem>& items, bool is_large = false) {
  std::string file;
  std::string directory;
  for (const ZipItem& item : items) {
    const std::string packed = item.deflate ? deflated(item.bytes) : item.bytes;
    const std::uint64_t at = file.size();
    append_number<std::uint32_t>(file, 0x04034b50);
    append_number<std::uint16_t>(file, 45);
    file += common_fields(item, packed.size(), is_large);
    append_number<std::uint16_t>(file, 5);  // an extra field that only the local header has
    file += item.name + "extra" + packed;

    append_number<std::uint32_t>(directory, 0x02014b50);
    append_number<std::uint16_t>(directory, 45);
    append_number<std::uint16_t>(directory, 45);
    directory += common_fields(item, packed.size(), is_large);
    append_number<std::uint16_t>(directory, is_large ? 28 : 0);
    directory += std::string(10, '\0');
    append_number(directory, is_large ? 0xffffffffu : static_cast<std::uint32_t>(at));
    directory += item.name;
    if (is_large) {
      append_number<std::uint16_t>(directory, 1);
      append_number<std::uint16_t>(directory, 24);
      append_number<std::uint64_t>(directory, item.bytes.size());
      append_number<std::uint64_t>(directory, packed.size());
      append_number<std::uint64_t>(directory, at);
    }
  }
  const std::uint64_t directory_at = file.size();
  file += directory;
  const std::uint64_t end_at = file.size();
  if (is_large) {
    append_number<std::uint32_t>(file, 0x06064b50);
    append_number<std::uint64_t>(file, 44);
    file += std::string(12, '\0');
    append_number<std::uint64_t>(file, items.size());
    append_number<std::uint64_t>(file, items.size());
    append_number<std::uint64_t>(file, directory.size());
    append_number<std::uint64_t>(file, directory_at);
    append_number<std::uint32_t>(file, 0x07064b50);
    append_number<std::uint32_t>(file, 0);
    append_number<std::uint64_t>(file, end_at);
    append_number<std::uint32_t>(file, 1);
  }
  append_number<std::uint32_t>(file, 0x06054b50);
  append_number<std::uint32_t>(file, 0);
  append_number(file, static_cast<std::uint16_t>(items.size()));
  append_number(file, static_cast<std::uint16_t>(items.size()));
  append_number(file, static_cast<std::uint32_t>(directory.size()));
  append_number(file, is_large ? 0xffffffffu : static_cast<std::uint32_t>(directory_at));
  append_number<std::uint16_t>(file, 0);
  return file;
}

}  // namespace posefleet::tests
