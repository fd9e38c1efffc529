#include "common/media/output_file.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "common/base/check.h"

namespace posefleet::av {
namespace {

struct Container {
  const char* extension;
  const char* format;
  bool keeps_rotation;
};
// FFmpeg 5.1's Matroska writer has no place for the display matrix.
constexpr Container kContainers[] = {{".mp4", "mp4", true},
                                     {".m4v", "mp4", true},
                                     {".mov", "mov", true},
                                     {".mkv", "matroska", false}};

std::optional<Container> container_of(const std::filesystem::path& path) {
  std::string extension = path.extension().string();
  for (char& letter : extension) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  }
  for (const Container& container : kContainers) {
    if (extension == container.extension) return container;
  }
  return std::nullopt;
}

bool can_hold(const AVOutputFormat& format, AVCodecID codec) {
  return avformat_query_codec(&format, codec, FF_COMPLIANCE_EXPERIMENTAL) == 1;
}

// The remedy for sound that the chosen container cannot hold.
std::string containers_for(AVCodecID codec) {
  std::string names;
  for (const Container& container : kContainers) {
    const AVOutputFormat* format = av_guess_format(container.format, nullptr, nullptr);
    if (format == nullptr || !can_hold(*format, codec)) continue;
    names += names.empty() ? container.extension : std::string(" or ") + container.extension;
  }
  return names.empty() ? "take the sound out of the source" : "name the output " + names;
}

// The unit of an MP4's edit lists, which say when a track starts. The writer rounds a start down to
// it and the reader rounds back to the track's nearest tick; so a unit below half of the finest
// tick gives the start back exactly. A multiple of the video's own unit keeps its length exact too.
std::int64_t movie_timescale_for(const AVFormatContext& context, const FrameTable& table) {
  // The writer doubles a video unit until it reaches this.
  constexpr std::int64_t kVideoTimescaleMin = 10000;
  std::int64_t video = std::max<std::int64_t>(1, table.time_base.den);
  while (video < kVideoTimescaleMin) video *= 2;
  std::int64_t finest = video;
  for (unsigned i = 1; i < context.nb_streams; ++i) {
    finest = std::max<std::int64_t>(finest, context.streams[i]->codecpar->sample_rate);
  }
  const std::int64_t wanted = (3 * finest + video - 1) / video * video;
  return std::min<std::int64_t>(wanted, std::numeric_limits<std::int32_t>::max());
}

}  // namespace

Result<std::unique_ptr<OutputFile>> OutputFile::create(const std::filesystem::path& path,
                                                       const std::filesystem::path& final_name,
                                                       const FrameTable& table,
                                                       const PictureFormat& format,
                                                       const AudioReader& sound) {
  const auto container = container_of(final_name);
  if (!container.has_value()) {
    return rejected(fmt::format("{}: the output's name must end in .mp4, .m4v, .mov or .mkv",
                                final_name.string()));
  }
  auto file = std::make_unique<OutputFile>();
  file->name_ = final_name.string();
  const std::string url = "file:" + path.string();
  POSEFLEET_CHECK(avformat_alloc_output_context2(&file->context_, nullptr, container->format,
                                                 url.c_str()) >= 0);
  POSEFLEET_TRY_DO(file->add_video(table, format, sound.context()));
  if (table.rotation_quarters != 0 && !container->keeps_rotation) {
    file->warnings_.push_back(
        fmt::format("{} cannot say that the picture is to be turned by {} degrees; use .mp4",
                    file->name_, table.rotation_quarters * 90));
  }
  for (int i = 0; i < sound.stream_count(); ++i) {
    POSEFLEET_TRY_DO(file->add_audio(sound.stream(i)));
  }
  const LogScope log;
  const int status = avio_open(&file->context_->pb, url.c_str(), AVIO_FLAG_WRITE);
  if (status < 0) return file->failed(status, log);
  POSEFLEET_TRY_DO(file->write_header(table));
  return file;
}

OutputFile::~OutputFile() {
  if (context_ == nullptr) return;
  if (context_->pb != nullptr) avio_closep(&context_->pb);
  avformat_free_context(context_);
}

Status OutputFile::add_video(const FrameTable& table, const PictureFormat& format,
                             const AVFormatContext& source) {
  AVStream* stream = avformat_new_stream(context_, nullptr);
  POSEFLEET_CHECK(stream != nullptr);
  POSEFLEET_CHECK(avcodec_parameters_copy(stream->codecpar, format.parameters.get()) >= 0);
  stream->time_base = to_av(table.time_base);
  if (table.average_rate.num > 0) stream->avg_frame_rate = to_av(table.average_rate);
  stream->sample_aspect_ratio = format.parameters->sample_aspect_ratio;
  stream->disposition = AV_DISPOSITION_DEFAULT;
  if (table.stream_index < 0 || table.stream_index >= static_cast<int>(source.nb_streams)) {
    return rejected(fmt::format("the source of {} has no stream {}; it was replaced meanwhile",
                                name_, table.stream_index));
  }
  std::size_t size = 0;
  const std::uint8_t* matrix =
      av_stream_get_side_data(source.streams[table.stream_index], AV_PKT_DATA_DISPLAYMATRIX, &size);
  if (matrix != nullptr) {
    std::uint8_t* copy = av_stream_new_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, size);
    POSEFLEET_CHECK(copy != nullptr);
    std::memcpy(copy, matrix, size);
  }
  return done();
}

Status OutputFile::add_audio(const AVStream& from) {
  const AVCodecID codec = from.codecpar->codec_id;
  if (!can_hold(*context_->oformat, codec)) {
    return rejected(fmt::format("{} cannot hold the source's sound ({}); {}", name_,
                                avcodec_get_name(codec), containers_for(codec)));
  }
  AVStream* stream = avformat_new_stream(context_, nullptr);
  POSEFLEET_CHECK(stream != nullptr);
  POSEFLEET_CHECK(avcodec_parameters_copy(stream->codecpar, from.codecpar) >= 0);
  stream->codecpar->codec_tag = 0;  // the source container's name for the codec; ours may differ
  // Matroska's codec delay, which a reader takes off every time; FFmpeg 5.1 writes it without
  // adding it first, later versions add it. Without it the times stay as they are in all of them.
  if (std::strcmp(context_->oformat->name, "matroska") == 0) {
    stream->codecpar->initial_padding = 0;
  }
  stream->time_base = from.time_base;
  stream->disposition = from.disposition;
  if (const AVDictionaryEntry* language = av_dict_get(from.metadata, "language", nullptr, 0)) {
    av_dict_set(&stream->metadata, "language", language->value, 0);
  }
  return done();
}

Status OutputFile::write_header(const FrameTable& table) {
  context_->flags |= AVFMT_FLAG_BITEXACT;
  Options options;
  options.set("avoid_negative_ts", "disabled");
  options.set("strict", "experimental");
  if (std::strcmp(context_->oformat->name, "matroska") != 0) {
    options.set("movflags", "faststart");  // the index first, so that players can start at once
    options.set("movie_timescale", std::to_string(movie_timescale_for(*context_, table)));
  }
  const LogScope log;
  const int status = avformat_write_header(context_, options.get());
  return status < 0 ? Status(failed(status, log)) : done();
}

Status OutputFile::write(AVPacket& packet, AVRational time_base) {
  av_packet_rescale_ts(&packet, time_base, context_->streams[packet.stream_index]->time_base);
  packet.pos = -1;
  const LogScope log;
  const int status = av_write_frame(context_, &packet);
  return status < 0 ? Status(failed(status, log)) : done();
}

Status OutputFile::finish() {
  const LogScope log;
  int status = av_write_trailer(context_);
  const int closed = avio_closep(&context_->pb);  // writes what was buffered: the disk may be full
  if (status >= 0) status = closed;
  return status < 0 ? Status(failed(status, log)) : done();
}

Error OutputFile::failed(int status, const LogScope& log) const {
  return {code_of(status), fmt::format("cannot write {}: {}", name_, log.explain(status))};
}

}  // namespace posefleet::av
