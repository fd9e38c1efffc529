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
                                     {".mkv", "matroska", false},
                                     {".webm", "webm", false}};

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

bool is_matroska(const AVOutputFormat& format) {
  return std::strcmp(format.name, "matroska") == 0 || std::strcmp(format.name, "webm") == 0;
}

bool can_hold(const AVOutputFormat& format, AVCodecID codec) {
  // FFmpeg's writer has tags for these in MOV and then refuses them.
  const bool is_for_mp4_only =
      codec == AV_CODEC_ID_OPUS || codec == AV_CODEC_ID_FLAC || codec == AV_CODEC_ID_TRUEHD;
  if (is_for_mp4_only && std::strcmp(format.name, "mov") == 0) return false;
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

namespace {

Result<Container> find_container(const std::filesystem::path& final_name) {
  if (const auto container = container_of(final_name)) return *container;
  return rejected(fmt::format("{}: the output's name must end in .mp4, .m4v, .mov, .mkv or .webm",
                              final_name.string()));
}

Status check_holds(const AVOutputFormat& format, const std::string& name, AVCodecID codec) {
  if (can_hold(format, codec)) return done();
  return rejected(fmt::format("{} cannot hold the source's sound ({}); {}", name,
                              avcodec_get_name(codec), containers_for(codec)));
}

// Codecs without colours or pixel shape of their own have them from the source's container.
void complete_colours(const AVStream& source, AVCodecParameters& parameters) {
  const AVCodecParameters& from = *source.codecpar;
  if (from.color_space != AVCOL_SPC_RGB && parameters.color_space == AVCOL_SPC_UNSPECIFIED) {
    parameters.color_space = from.color_space;
  }
  if (parameters.color_primaries == AVCOL_PRI_UNSPECIFIED) {
    parameters.color_primaries = from.color_primaries;
  }
  if (parameters.color_trc == AVCOL_TRC_UNSPECIFIED) parameters.color_trc = from.color_trc;
  // ProRes is always limited, and what was RGB is limited when it comes to an encoder.
  if (parameters.color_range == AVCOL_RANGE_UNSPECIFIED && from.color_space != AVCOL_SPC_RGB &&
      parameters.codec_id != AV_CODEC_ID_PRORES) {
    parameters.color_range = from.color_range;
  }
  // The container's word is what players believe, and what the frames were encoded with.
  const AVRational shape =
      source.sample_aspect_ratio.num > 0 ? source.sample_aspect_ratio : from.sample_aspect_ratio;
  if (shape.num > 0 && shape.den > 0 && av_cmp_q(shape, parameters.sample_aspect_ratio) != 0) {
    parameters.sample_aspect_ratio = shape;
  }
}

void copy_side_data(const AVStream& from, AVStream& to, AVPacketSideDataType type) {
  std::size_t size = 0;
  const std::uint8_t* data = av_stream_get_side_data(&from, type, &size);
  if (data == nullptr) return;
  std::uint8_t* copy = av_stream_new_side_data(&to, type, size);
  POSEFLEET_CHECK(copy != nullptr);
  std::memcpy(copy, data, size);
}

}  // namespace

Status check_sound_fits(const AudioReader& sound, const std::filesystem::path& final_name) {
  POSEFLEET_TRY(const Container container, find_container(final_name));
  const AVOutputFormat* format = av_guess_format(container.format, nullptr, nullptr);
  POSEFLEET_CHECK(format != nullptr);
  for (int i = 0; i < sound.stream_count(); ++i) {
    POSEFLEET_TRY_DO(check_holds(*format, final_name.string(), sound.stream(i).codecpar->codec_id));
  }
  return done();
}

Result<std::unique_ptr<OutputFile>> OutputFile::create(const std::filesystem::path& path,
                                                       const std::filesystem::path& final_name,
                                                       const OutputContent& content,
                                                       Layout layout) {
  const FrameTable& table = content.table;
  POSEFLEET_TRY(const Container container, find_container(final_name));
  auto file = std::make_unique<OutputFile>();
  file->name_ = final_name.string();
  const std::string url = "file:" + path.string();
  POSEFLEET_CHECK(
      avformat_alloc_output_context2(&file->context_, nullptr, container.format, url.c_str()) >= 0);
  POSEFLEET_TRY_DO(file->add_video(table, content.format, content.sound.context()));
  if (table.rotation_quarters != 0 && !container.keeps_rotation) {
    file->warnings_.push_back(
        fmt::format("{} cannot say that the picture is to be turned by {} degrees; use .mp4",
                    file->name_, table.rotation_quarters * 90));
  }
  for (int i = 0; i < content.sound.stream_count(); ++i) {
    POSEFLEET_TRY_DO(file->add_audio(content.sound.stream(i)));
  }
  file->side_ = content.side;
  if (content.side != nullptr) {
    content.side->declare(*file->context_, file->name_, file->warnings_);
  }
  const LogScope log;
  const int status = avio_open(&file->context_->pb, url.c_str(), AVIO_FLAG_WRITE);
  if (status < 0) return file->failed(status, log);
  POSEFLEET_TRY_DO(file->write_header(table, layout));
  if (content.side != nullptr) {
    POSEFLEET_TRY_DO(content.side->write_covers(*file->context_));
  }
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
  // Apple's players take HEVC by this name only: parameter sets in the header, none in the stream.
  if (format.parameters->codec_id == AV_CODEC_ID_HEVC && !is_matroska(*context_->oformat)) {
    stream->codecpar->codec_tag = MKTAG('h', 'v', 'c', '1');
  }
  if (format.has_alpha) av_dict_set(&stream->metadata, "alpha_mode", "1", 0);
  stream->disposition = AV_DISPOSITION_DEFAULT;
  if (table.stream_index < 0 || table.stream_index >= static_cast<int>(source.nb_streams)) {
    return rejected(fmt::format("the source of {} has no stream {}; it was replaced meanwhile",
                                name_, table.stream_index));
  }
  const AVStream& from = *source.streams[table.stream_index];
  complete_colours(from, *stream->codecpar);
  stream->sample_aspect_ratio = stream->codecpar->sample_aspect_ratio;
  for (const AVPacketSideDataType type :
       {AV_PKT_DATA_DISPLAYMATRIX, AV_PKT_DATA_MASTERING_DISPLAY_METADATA,
        AV_PKT_DATA_CONTENT_LIGHT_LEVEL}) {
    copy_side_data(from, *stream, type);
  }
  return done();
}

Status OutputFile::add_audio(const AVStream& from) {
  POSEFLEET_TRY_DO(check_holds(*context_->oformat, name_, from.codecpar->codec_id));
  AVStream* stream = avformat_new_stream(context_, nullptr);
  POSEFLEET_CHECK(stream != nullptr);
  POSEFLEET_CHECK(avcodec_parameters_copy(stream->codecpar, from.codecpar) >= 0);
  stream->codecpar->codec_tag = 0;  // the source container's name for the codec; ours may differ
  // Matroska's codec delay, which a reader takes off every time; FFmpeg 5.1 writes it without
  // adding it first, later versions add it. Without it the times stay as they are in all of them.
  if (is_matroska(*context_->oformat)) stream->codecpar->initial_padding = 0;
  stream->time_base = from.time_base;
  stream->disposition = from.disposition;
  copy_metadata(from.metadata, &stream->metadata);
  return done();
}

Status OutputFile::write_header(const FrameTable& table, Layout layout) {
  context_->flags |= AVFMT_FLAG_BITEXACT;
  Options options;
  options.set("avoid_negative_ts", "disabled");
  options.set("strict", "experimental");
  if (!is_matroska(*context_->oformat)) {
    // A fragment ends where `flush` says; the header is written at once, without samples.
    options.set("movflags", layout == Layout::Whole
                                ? "faststart"
                                : "empty_moov+default_base_moof+frag_custom+delay_moov");
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

Status OutputFile::write_side(std::int64_t time, AVRational time_base) {
  return side_ == nullptr ? done() : side_->write_until(*context_, time, time_base);
}

Status OutputFile::flush() {
  const LogScope log;
  // The first time, FFmpeg writes the header alone and wants to be asked again; later the second
  // asking finds nothing to do.
  for (int i = 0; i < 2; ++i) {
    const int status = av_write_frame(context_, nullptr);
    if (status < 0) return failed(status, log);
  }
  avio_flush(context_->pb);
  return context_->pb->error < 0 ? Status(failed(context_->pb->error, log)) : done();
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
