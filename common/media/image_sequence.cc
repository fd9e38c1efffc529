#include "common/media/image_sequence.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "common/base/check.h"
#include "common/files/files.h"
#include "common/media/av.h"
#include "common/media/temporary_file.h"

namespace posefleet {
namespace {

namespace fs = std::filesystem;

// As many as a video may have.
constexpr std::size_t kFilesMax = 2'000'000;

// Digits that fit into 64 bits.
constexpr std::size_t kDigitsMax = 18;

bool is_digit(char letter) {
  return letter >= '0' && letter <= '9';
}

std::string lower(std::string text) {
  for (char& letter : text) {
    letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  }
  return text;
}

bool is_jpeg_name(const std::string& extension) {
  return extension == ".jpg" || extension == ".jpeg";
}

// The last run of digits in a name, and what is around it.
struct Numbered {
  std::string prefix;
  std::string digits;
  std::string suffix;
};

std::optional<Numbered> number_in(const std::string& name) {
  const std::size_t stem = name.rfind('.') == std::string::npos ? name.size() : name.rfind('.');
  std::size_t end = stem;
  while (end > 0 && !is_digit(name[end - 1])) --end;
  std::size_t begin = end;
  while (begin > 0 && is_digit(name[begin - 1])) --begin;
  if (begin == end || end - begin > kDigitsMax) return std::nullopt;
  return Numbered{name.substr(0, begin), name.substr(begin, end - begin), name.substr(end)};
}

// Runs of digits by their value, the rest by its letters: a2 before a10.
bool natural_less(const std::string& a, const std::string& b) {
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() && j < b.size()) {
    if (!is_digit(a[i]) || !is_digit(b[j])) {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i;
      ++j;
      continue;
    }
    const auto run = [](const std::string& text, std::size_t& at) {
      while (at < text.size() && text[at] == '0') ++at;
      const std::size_t begin = at;
      while (at < text.size() && is_digit(text[at])) ++at;
      return text.substr(begin, at - begin);
    };
    const std::string x = run(a, i);
    const std::string y = run(b, j);
    if (x.size() != y.size()) return x.size() < y.size();
    if (x != y) return x < y;
  }
  if (i == a.size() && j == b.size()) return a < b;  // 01 and 1: some order, always the same
  return i == a.size();
}

Result<std::vector<std::string>> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (auto entry = fs::directory_iterator(folder, error);
       !error && entry != fs::directory_iterator(); entry.increment(error)) {
    std::error_code ignored;
    if (!entry->is_regular_file(ignored)) continue;
    names.push_back(entry->path().filename().string());
    if (names.size() > kFilesMax) {
      return rejected(fmt::format("{} holds more than {} files", folder.string(), kFilesMax));
    }
  }
  if (error) {
    return rejected(fmt::format("cannot read the folder {}: {}", folder.string(), error.message()));
  }
  return names;
}

// The files by number; an error names the first that is missing.
Result<std::vector<fs::path>> without_gaps(const fs::path& folder,
                                           const std::vector<std::string>& names) {
  std::map<std::uint64_t, std::string> by_number;
  for (const std::string& name : names) {
    const std::uint64_t number = std::stoull(number_in(name)->digits);
    const auto [other, is_new] = by_number.emplace(number, name);
    if (!is_new) {
      return rejected(
          fmt::format("{}: {} and {} have the same number", folder.string(), other->second, name));
    }
  }
  std::vector<fs::path> files;
  std::optional<std::uint64_t> expected;
  for (const auto& [number, name] : by_number) {
    if (expected && number != *expected) {
      const std::uint64_t missing = number - *expected;
      return rejected(fmt::format("{}: picture {} is missing before {} ({} missing there)",
                                  folder.string(), *expected, name, missing));
    }
    expected = number + 1;
    files.push_back(folder / name);
  }
  return files;
}

Result<std::vector<fs::path>> list_folder(const fs::path& folder) {
  POSEFLEET_TRY(std::vector<std::string> names, names_in(folder));
  std::string png;
  std::string jpeg;
  std::erase_if(names, [&](const std::string& name) {
    const std::string extension = lower(fs::path(name).extension().string());
    if (name.starts_with('.')) return true;
    if (extension == ".png") png = name;
    if (is_jpeg_name(extension)) jpeg = name;
    return extension != ".png" && !is_jpeg_name(extension);
  });
  if (names.empty()) {
    return rejected(fmt::format("{} holds no PNG or JPEG pictures", folder.string()));
  }
  if (!png.empty() && !jpeg.empty()) {
    return rejected(
        fmt::format("{} holds PNG and JPEG pictures ({}, {}); name one kind by a "
                    "pattern such as %05d.png",
                    folder.string(), png, jpeg));
  }
  const auto first = number_in(names.front());
  const bool all_numbered = std::all_of(names.begin(), names.end(), [&](const std::string& name) {
    const auto number = number_in(name);
    return number && first && number->prefix == first->prefix && number->suffix == first->suffix;
  });
  if (all_numbered) return without_gaps(folder, names);
  std::sort(names.begin(), names.end(), natural_less);
  std::vector<fs::path> files;
  for (const std::string& name : names) files.push_back(folder / name);
  return files;
}

// "img%05d.png": what is before and behind the number, and its least number of digits.
struct Pattern {
  std::string prefix;
  std::string suffix;
  std::size_t digits_min = 1;
};

std::optional<Pattern> parse_pattern(const std::string& name) {
  const std::size_t percent = name.find('%');
  if (percent == std::string::npos || name.find('%', percent + 1) != std::string::npos) {
    return std::nullopt;
  }
  std::size_t at = percent + 1;
  Pattern pattern{.prefix = name.substr(0, percent), .suffix = ""};
  if (at < name.size() && name[at] == '0') {
    ++at;
    if (at == name.size() || name[at] < '1' || name[at] > '9') return std::nullopt;
    pattern.digits_min = static_cast<std::size_t>(name[at++] - '0');
  }
  if (at == name.size() || name[at] != 'd') return std::nullopt;
  pattern.suffix = name.substr(at + 1);
  return pattern;
}

bool matches(const std::string& name, const Pattern& pattern) {
  if (name.size() <= pattern.prefix.size() + pattern.suffix.size()) return false;
  if (!name.starts_with(pattern.prefix) || !name.ends_with(pattern.suffix)) return false;
  const std::string digits = name.substr(
      pattern.prefix.size(), name.size() - pattern.prefix.size() - pattern.suffix.size());
  if (!std::all_of(digits.begin(), digits.end(), is_digit) || digits.size() > kDigitsMax) {
    return false;
  }
  if (digits.size() == pattern.digits_min) return true;
  return digits.size() > pattern.digits_min && digits.front() != '0';
}

Result<std::vector<fs::path>> list_pattern(const fs::path& source) {
  const auto pattern = parse_pattern(source.filename().string());
  const bool has_number_last =
      pattern &&
      std::none_of(pattern->suffix.begin(),
                   std::find(pattern->suffix.begin(), pattern->suffix.end(), '.'), is_digit);
  if (!has_number_last) {
    return rejected(
        fmt::format("{}: the pattern needs one number, as in frames/%05d.png or "
                    "frames/shot-%d.jpg",
                    source.string()));
  }
  const fs::path folder = source.has_parent_path() ? source.parent_path() : fs::path(".");
  POSEFLEET_TRY(std::vector<std::string> names, names_in(folder));
  std::erase_if(names, [&](const std::string& name) { return !matches(name, *pattern); });
  if (names.empty()) {
    return rejected(fmt::format("no file is called {}", source.string()));
  }
  return without_gaps(folder, names);
}

struct PictureHead {
  AVCodecID codec = AV_CODEC_ID_NONE;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
};

std::uint32_t big_endian(std::string_view bytes, std::size_t at, std::size_t count) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    value = value << 8 | static_cast<std::uint8_t>(bytes[at + i]);
  }
  return value;
}

// The size in a JPEG's frame header (ITU T.81, B.2.2), behind any number of other segments.
PictureHead jpeg_head(std::string_view bytes) {
  std::size_t at = 2;
  while (at + 9 < bytes.size() && static_cast<std::uint8_t>(bytes[at]) == 0xff) {
    const auto marker = static_cast<std::uint8_t>(bytes[at + 1]);
    if (marker == 0xff) {
      ++at;  // fill byte
      continue;
    }
    const bool is_frame =
        marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
    if (is_frame) {
      return {AV_CODEC_ID_MJPEG, big_endian(bytes, at + 7, 2), big_endian(bytes, at + 5, 2)};
    }
    at += 2 + big_endian(bytes, at + 2, 2);
  }
  return {};
}

// Read from its first bytes: whether the rest can be decoded shows when it is.
PictureHead head_of(std::string_view bytes) {
  constexpr std::string_view kPng("\x89PNG\r\n\x1a\n", 8);
  if (bytes.starts_with(kPng) && bytes.size() >= 24) {
    return {AV_CODEC_ID_PNG, big_endian(bytes, 16, 4), big_endian(bytes, 20, 4)};
  }
  if (bytes.starts_with("\xff\xd8\xff")) return jpeg_head(bytes);
  return {};
}

Status check_head(const fs::path& file, const PictureHead& head, const PictureHead& first,
                  const ImageSequenceLimits& limits) {
  const std::string name = file.string();
  if (head.codec == AV_CODEC_ID_NONE || head.width == 0 || head.height == 0) {
    return rejected(fmt::format("{} is not a PNG or JPEG picture", name));
  }
  if (head.width > limits.side_max || head.height > limits.side_max) {
    return rejected(fmt::format("{} is {}x{} pixels; at most {} on a side are accepted", name,
                                head.width, head.height, limits.side_max));
  }
  if (head.width != first.width || head.height != first.height) {
    return rejected(fmt::format("{} is {}x{} pixels, the pictures before it {}x{}", name,
                                head.width, head.height, first.width, first.height));
  }
  if (head.codec != first.codec) {
    return rejected(fmt::format("{} is {}, the pictures before it {}", name,
                                avcodec_get_name(head.codec), avcodec_get_name(first.codec)));
  }
  return done();
}

// The file that is being made. Owned by the function that packs; one thread.
class Packing final {
 public:
  ~Packing() {
    if (context_ == nullptr) return;
    if (context_->pb != nullptr) avio_closep(&context_->pb);
    avformat_free_context(context_);
  }
  Packing() = default;
  Packing(const Packing&) = delete;
  Packing& operator=(const Packing&) = delete;

  Status open(const fs::path& path, const PictureHead& head, const Rational& rate) {
    name_ = path.string();
    rate_ = rate;
    const std::string url = "file:" + name_;
    POSEFLEET_CHECK(avformat_alloc_output_context2(&context_, nullptr, "mov", url.c_str()) >= 0);
    AVStream* stream = avformat_new_stream(context_, nullptr);
    POSEFLEET_CHECK(stream != nullptr);
    stream->codecpar->codec_type = AVMEDIA_TYPE_VIDEO;
    stream->codecpar->codec_id = head.codec;
    stream->codecpar->width = static_cast<int>(head.width);
    stream->codecpar->height = static_cast<int>(head.height);
    stream->time_base = {static_cast<int>(rate.den), static_cast<int>(rate.num)};
    stream->avg_frame_rate = av::to_av(rate);
    context_->flags |= AVFMT_FLAG_BITEXACT;
    av::Options options;
    // One tick of the file is one of the rate's numerator: every time is exact. An edit list would
    // only repeat, in coarser units, how long the video is.
    options.set("video_track_timescale", std::to_string(rate.num));
    options.set("use_editlist", "0");
    const av::LogScope log;
    int status = avio_open(&context_->pb, url.c_str(), AVIO_FLAG_WRITE);
    if (status >= 0) status = avformat_write_header(context_, options.get());
    return status < 0 ? Status(failed(status, log)) : done();
  }

  Status add(std::string_view bytes) {
    const av::Packet packet = av::make_packet();
    POSEFLEET_CHECK(av_new_packet(packet.get(), static_cast<int>(bytes.size())) >= 0);
    std::memcpy(packet->data, bytes.data(), bytes.size());
    packet->pts = packet->dts = count_++;
    packet->duration = 1;
    packet->flags |= AV_PKT_FLAG_KEY;
    av_packet_rescale_ts(packet.get(),
                         AVRational{static_cast<int>(rate_.den), static_cast<int>(rate_.num)},
                         context_->streams[0]->time_base);
    const av::LogScope log;
    const int status = av_write_frame(context_, packet.get());
    return status < 0 ? Status(failed(status, log)) : done();
  }

  Status finish() {
    const av::LogScope log;
    int status = av_write_trailer(context_);
    const int closed = avio_closep(&context_->pb);
    if (status >= 0) status = closed;
    return status < 0 ? Status(failed(status, log)) : done();
  }

 private:
  Error failed(int status, const av::LogScope& log) const {
    return {av::code_of(status), fmt::format("cannot write {}: {}", name_, log.explain(status))};
  }

  std::string name_;
  Rational rate_;
  AVFormatContext* context_ = nullptr;
  std::int64_t count_ = 0;
};

}  // namespace

bool is_image_sequence(const fs::path& source) {
  std::error_code error;
  if (fs::is_directory(source, error)) return true;
  return source.filename().string().find('%') != std::string::npos && !fs::exists(source, error);
}

Result<std::vector<fs::path>> list_image_sequence(const fs::path& source) {
  std::error_code error;
  return fs::is_directory(source, error) ? list_folder(source) : list_pattern(source);
}

Status pack_image_sequence(const std::vector<fs::path>& files, const Rational& rate,
                           const fs::path& out, const ImageSequenceLimits& limits) {
  if (files.empty()) return rejected(fmt::format("{}: there are no pictures", out.string()));
  const av::TemporaryFile temporary(out);
  Packing packing;
  PictureHead first;
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto read = read_whole_file(files[i], limits.file_bytes_max);
    if (!read) return read.error();
    const std::string_view bytes = *read;
    const PictureHead head = head_of(bytes);
    if (i == 0) first = head;
    POSEFLEET_TRY_DO(check_head(files[i], head, first, limits));
    if (i == 0) POSEFLEET_TRY_DO(packing.open(temporary.path(), head, rate));
    total += bytes.size();
    if (total > limits.total_bytes_max) {
      return rejected(fmt::format("the pictures up to {} have more than {} bytes together",
                                  files[i].string(), limits.total_bytes_max));
    }
    POSEFLEET_TRY_DO(packing.add(bytes));
  }
  POSEFLEET_TRY_DO(packing.finish());
  return publish_file(temporary.path(), out);
}

}  // namespace posefleet
