#include "common/media/side_streams.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include <fmt/format.h>

#include "common/base/check.h"
#include "common/media/input.h"

namespace posefleet::av {
namespace {

// What the source's container or program says of itself, not of the video. Times of frames, sizes
// and the like that Matroska's programs note down (_STATISTICS, DURATION) are no longer true.
constexpr std::string_view kOwnWords[] = {"encoder",           "major_brand",     "minor_version",
                                          "compatible_brands", "vendor_id",       "duration",
                                          "number_of_frames",  "number_of_bytes", "bps"};

bool is_own_word(std::string key) {
  for (char& letter : key) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  }
  if (key.starts_with("_statistics")) return true;
  // Matroska adds the language: DURATION-eng.
  key = key.substr(0, key.find('-'));
  return std::find(std::begin(kOwnWords), std::end(kOwnWords), key) != std::end(kOwnWords);
}

bool is_matroska(const AVFormatContext& out) {
  return std::strcmp(out.oformat->name, "matroska") == 0;
}

bool can_hold(const AVFormatContext& out, AVCodecID codec) {
  return avformat_query_codec(out.oformat, codec, FF_COMPLIANCE_EXPERIMENTAL) == 1;
}

bool is_cover(const AVStream& stream) {
  return (stream.disposition & AV_DISPOSITION_ATTACHED_PIC) != 0;
}

// The text tracks of a MOV's chapters, which come out as chapters.
bool is_chapter_text(const AVFormatContext& input, const AVStream& stream) {
  return stream.codecpar->codec_id == AV_CODEC_ID_BIN_DATA && input.nb_chapters > 0;
}

const char* kind_of(const AVStream& stream) {
  if (is_cover(stream)) return "a cover picture";
  switch (stream.codecpar->codec_type) {
    case AVMEDIA_TYPE_SUBTITLE:
      return "subtitles";
    case AVMEDIA_TYPE_ATTACHMENT:
      return "an attached file";
    case AVMEDIA_TYPE_VIDEO:
      return "another video";
    default:
      return "data";
  }
}

// Matroska takes cover pictures as attached files.
void make_attachment(const AVStream& from, AVStream& to) {
  const AVPacket& picture = from.attached_pic;
  const bool is_png = from.codecpar->codec_id == AV_CODEC_ID_PNG;
  to.codecpar->codec_type = AVMEDIA_TYPE_ATTACHMENT;
  to.codecpar->codec_id = from.codecpar->codec_id;
  const auto size = static_cast<std::size_t>(picture.size);
  to.codecpar->extradata =
      static_cast<std::uint8_t*>(av_mallocz(size + AV_INPUT_BUFFER_PADDING_SIZE));
  POSEFLEET_CHECK(to.codecpar->extradata != nullptr);
  std::memcpy(to.codecpar->extradata, picture.data, size);
  to.codecpar->extradata_size = picture.size;
  av_dict_set(&to.metadata, "filename", is_png ? "cover.png" : "cover.jpg", 0);
  av_dict_set(&to.metadata, "mimetype", is_png ? "image/png" : "image/jpeg", 0);
}

}  // namespace

void copy_metadata(const AVDictionary* from, AVDictionary** to) {
  const AVDictionaryEntry* entry = nullptr;
  while ((entry = av_dict_get(from, "", entry, AV_DICT_IGNORE_SUFFIX)) != nullptr) {
    if (!is_own_word(entry->key)) av_dict_set(to, entry->key, entry->value, 0);
  }
}

Result<std::unique_ptr<SideStreams>> SideStreams::open(const std::filesystem::path& source,
                                                       const FrameTable& table) {
  auto side = std::make_unique<SideStreams>();
  side->source_name_ = source.string();
  side->packet_ = make_packet();
  side->span_ = table.span;
  side->span_base_ = to_av(table.time_base);
  POSEFLEET_TRY(side->input_, open_input(source));
  return side;
}

void SideStreams::declare(AVFormatContext& out, const std::string& name,
                          std::vector<std::string>& warnings) {
  const int pictures = find_video_stream(*input_);
  for (unsigned i = 0; i < input_->nb_streams; ++i) {
    const AVStream& stream = *input_->streams[i];
    if (static_cast<int>(i) == pictures || is_chapter_text(*input_, stream)) continue;
    if (stream.codecpar->codec_type == AVMEDIA_TYPE_AUDIO) continue;
    if (declare_stream(out, stream)) continue;
    const bool has_remedy = !is_matroska(out) && kind_of(stream) != std::string_view("data") &&
                            kind_of(stream) != std::string_view("another video");
    warnings.push_back(fmt::format("stream {} of {} is {} ({}), which {} does not keep{}", i,
                                   source_name_, kind_of(stream),
                                   avcodec_get_name(stream.codecpar->codec_id), name,
                                   has_remedy ? "; name the output .mkv" : ""));
  }
  copy_metadata(input_->metadata, &out.metadata);
  if (pictures >= 0) copy_metadata(input_->streams[pictures]->metadata, &out.streams[0]->metadata);
  copy_chapters(out);
  for (unsigned i = 0; i < input_->nb_streams; ++i) {
    if (find(static_cast<int>(i)) == nullptr) input_->streams[i]->discard = AVDISCARD_ALL;
  }
  if (subtitles_.empty()) is_over_ = true;
}

// FFmpeg frees them with the context.
void SideStreams::copy_chapters(AVFormatContext& out) const {
  if (input_->nb_chapters == 0) return;
  out.chapters = static_cast<AVChapter**>(av_calloc(input_->nb_chapters, sizeof(AVChapter*)));
  POSEFLEET_CHECK(out.chapters != nullptr);
  for (unsigned i = 0; i < input_->nb_chapters; ++i) {
    const AVChapter& source = *input_->chapters[i];
    if (!is_time(source.start) || !is_time(source.end) || source.time_base.num <= 0 ||
        source.time_base.den <= 0) {
      continue;  // of a damaged file
    }
    std::int64_t start = source.start, end = source.end;
    if (span_) {
      const auto in_chapter = [&](std::int64_t time) {
        return av_rescale_q(time, span_base_, source.time_base);
      };
      start = std::max(start, in_chapter(span_->begin));
      end = std::min(end, in_chapter(span_->end));
      if (start >= end) continue;
      start -= in_chapter(span_->shift);
      end -= in_chapter(span_->shift);
    }
    auto* chapter = static_cast<AVChapter*>(av_mallocz(sizeof(AVChapter)));
    POSEFLEET_CHECK(chapter != nullptr);
    chapter->id = source.id;
    chapter->time_base = source.time_base;
    chapter->start = start;
    chapter->end = end;
    copy_metadata(source.metadata, &chapter->metadata);
    out.chapters[out.nb_chapters++] = chapter;
  }
}

// False when the container has no place for it.
bool SideStreams::declare_stream(AVFormatContext& out, const AVStream& from) {
  const AVCodecParameters& parameters = *from.codecpar;
  const bool is_subtitle = parameters.codec_type == AVMEDIA_TYPE_SUBTITLE;
  const bool is_file = parameters.codec_type == AVMEDIA_TYPE_ATTACHMENT;
  const bool is_webm = std::strcmp(out.oformat->name, "webm") == 0;
  if (is_cover(from)) {
    if (is_webm || from.attached_pic.size <= 0) return false;
    if (!is_matroska(out) && !can_hold(out, parameters.codec_id)) return false;
  } else if (is_file) {
    if (!is_matroska(out)) return false;
  } else if (!is_subtitle || !can_hold(out, parameters.codec_id)) {
    return false;
  }
  AVStream* stream = avformat_new_stream(&out, nullptr);
  POSEFLEET_CHECK(stream != nullptr);
  copy_metadata(from.metadata, &stream->metadata);
  if (is_cover(from) && is_matroska(out)) {
    make_attachment(from, *stream);
    return true;
  }
  POSEFLEET_CHECK(avcodec_parameters_copy(stream->codecpar, &parameters) >= 0);
  stream->codecpar->codec_tag = 0;  // the source container's name for the codec; ours may differ
  stream->time_base = from.time_base;
  stream->disposition = from.disposition;
  if (is_cover(from)) covers_.push_back({from.index, stream->index});
  if (is_subtitle) subtitles_.push_back({from.index, stream->index});
  return true;
}

Status SideStreams::write_covers(AVFormatContext& out) {
  for (const Stream& cover : covers_) {
    const Packet packet = make_packet();
    POSEFLEET_CHECK(av_packet_ref(packet.get(), &input_->streams[cover.from]->attached_pic) >= 0);
    packet->stream_index = cover.to;
    packet->pts = packet->dts = 0;
    packet->pos = -1;
    const LogScope log;
    const int status = av_write_frame(&out, packet.get());
    if (status < 0) return Error{code_of(status), "cannot write a cover: " + log.explain(status)};
  }
  return done();
}

SideStreams::Stream* SideStreams::find(int index) {
  const auto found = std::find_if(subtitles_.begin(), subtitles_.end(),
                                  [index](const Stream& stream) { return stream.from == index; });
  return found == subtitles_.end() ? nullptr : &*found;
}

// The next subtitle with usable times; null after the last.
AVPacket* SideStreams::peek() {
  while (!is_loaded_ && !is_over_) {
    av_packet_unref(packet_.get());
    if (av_read_frame(input_.get(), packet_.get()) < 0) {
      is_over_ = true;
      break;
    }
    Stream* stream = find(packet_->stream_index);
    if (stream == nullptr || packet_->size <= 0) continue;
    if (packet_->pts == AV_NOPTS_VALUE) packet_->pts = packet_->dts;
    if (packet_->pts == AV_NOPTS_VALUE || !is_time(packet_->pts)) continue;
    if (span_) {
      const AVRational own = input_->streams[packet_->stream_index]->time_base;
      const bool is_inside = av_compare_ts(packet_->pts, own, span_->begin, span_base_) >= 0 &&
                             av_compare_ts(packet_->pts, own, span_->end, span_base_) < 0;
      if (!is_inside) continue;
      packet_->pts -= av_rescale_q(span_->shift, span_base_, own);
    }
    packet_->dts = packet_->pts;
    if (stream->last_dts != AV_NOPTS_VALUE && packet_->dts < stream->last_dts) continue;
    stream->last_dts = packet_->dts;
    is_loaded_ = true;
  }
  return is_over_ ? nullptr : packet_.get();
}

Status SideStreams::write_until(AVFormatContext& out, std::int64_t time, AVRational time_base) {
  while (AVPacket* packet = peek()) {
    const Stream& stream = *find(packet->stream_index);
    const AVRational own = input_->streams[stream.from]->time_base;
    if (time != AV_NOPTS_VALUE && av_compare_ts(packet->dts, own, time, time_base) > 0) break;
    packet->stream_index = stream.to;
    av_packet_rescale_ts(packet, own, out.streams[stream.to]->time_base);
    packet->pos = -1;
    const LogScope log;
    const int status = av_write_frame(&out, packet);
    if (status < 0) {
      return Error{code_of(status), "cannot write subtitles: " + log.explain(status)};
    }
    is_loaded_ = false;
  }
  return done();
}

}  // namespace posefleet::av
