#include "common/media/decoder.h"

extern "C" {
#include <libavutil/imgutils.h>
}

#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "common/media/av.h"
#include "common/media/input.h"

namespace posefleet {
namespace {

// Where packets are damaged, and where the first frame does not come, decoding starts this many key
// packets before the one that a frame hangs on. One was enough for every kind of file tried (open
// groups, intra refresh, edit lists); each costs a group of pictures.
constexpr std::size_t kKeysBefore = 3;

// What is shown where nothing can be decoded: black in the stream's own format.
Result<av::Frame> black_frame(const AVCodecParameters& parameters, const FrameTable& table) {
  av::Frame frame = av::make_frame();
  frame->format = parameters.format >= 0 ? parameters.format : AV_PIX_FMT_YUV420P;
  frame->width = static_cast<int>(table.width);
  frame->height = static_cast<int>(table.height);
  frame->color_range = parameters.color_range;
  frame->color_primaries = parameters.color_primaries;
  frame->color_trc = parameters.color_trc;
  frame->colorspace = parameters.color_space;
  frame->chroma_location = parameters.chroma_location;
  if (av_frame_get_buffer(frame.get(), 0) < 0) {
    return rejected(
        fmt::format("no picture of {}x{} pixels can be made", frame->width, frame->height));
  }
  const std::ptrdiff_t strides[4] = {frame->linesize[0], frame->linesize[1], frame->linesize[2],
                                     frame->linesize[3]};
  if (av_image_fill_black(frame->data, strides, static_cast<AVPixelFormat>(frame->format),
                          frame->color_range, frame->width, frame->height) < 0) {
    return rejected("no black picture can be made in the video's pixel format");
  }
  return frame;
}

}  // namespace

// A run of the decoder from some key packet on; replaced by another when it turns out to have begun
// too late or to have met damage on the way.
class RangeDecoder::Session final {
 public:
  Session(const VideoLocation& location, const FrameTable& table, FrameRange range,
          const DecodeOptions& options)
      : location_(location),
        name_(name_of(location)),
        table_(table),
        range_(range),
        options_(options),
        next_(range.first) {}

  Status start() { return start_at(key_of(next_), Exactly::No); }

  Result<std::optional<VideoFrame>> next() {
    if (failure_.has_value()) return *failure_;
    if (next_ == range_.end) return std::optional<VideoFrame>();
    for (;;) {
      if (picture_ == nullptr && !at_end_) {
        picture_ = reader_->next();
        at_end_ = picture_ == nullptr;
      }
      // Before the frame is believed: a packet that was cut short decodes to a wrong picture.
      if (reader_->failure()) return fail(*reader_->failure());
      if (damage_is_near() && !is_safe_start()) {
        if (Status restarted = start_safely(); !restarted) return fail(restarted.error());
        continue;
      }
      switch (judge()) {
        case Meaning::Before:
          before_ = std::move(picture_);
          continue;
        case Meaning::Wanted:
          if (reader_->is_damaged(*picture_)) damaged_.push_back(next_);
          before_.reset();
          gave_before_ = true;
          return deliver(std::move(picture_));
        case Meaning::TooLate:
          break;
      }
      // The wanted frame did not come. It may if the decoder starts earlier.
      if (!is_safe_start()) {
        if (Status restarted = start_safely(); !restarted) return fail(restarted.error());
        continue;
      }
      POSEFLEET_TRY(av::Frame substitute, find_substitute());
      if (substitute == nullptr) continue;
      damaged_.push_back(next_);
      return deliver(std::move(substitute));
    }
  }

  const std::vector<std::uint32_t>& damaged() const { return damaged_; }

 private:
  enum class Meaning { Before, Wanted, TooLate };
  enum class Exactly { No, Yes };

  // The last key packet, in file order, that is not shown after the frame: its index in the table.
  std::size_t key_of(std::uint32_t frame) const {
    std::size_t last = 0;
    for (std::size_t i = 0; i < table_.keys.size(); ++i) {
      if (table_.keys[i].pts <= table_.pts[frame]) last = i;
    }
    return last;
  }
  std::size_t safe_key() const {
    const std::size_t key = key_of(next_);
    return key - std::min(key, kKeysBefore);
  }

  // Whether what the wanted frame looks like may depend on where decoding began.
  bool damage_is_near() const {
    if (table_.needs_sequential_decode || !reader_->last_damage()) return false;
    const std::size_t safe = safe_key();
    return safe >= table_.keys.size() || *reader_->last_damage() >= table_.keys[safe].ordinal;
  }
  // Whether decoding began where it begins for this frame in every range.
  bool is_safe_start() const {
    return table_.needs_sequential_decode || started_at_ == safe_key() ||
           forced_to_beginning_for_ == key_of(next_);
  }

  Status start_safely() { return start_at(safe_key(), Exactly::Yes); }

  Status open_reader() {
    // A picture may be larger than the table says only by the codec's padding to blocks.
    const std::int64_t pixels_max =
        std::int64_t{table_.width + 256} * std::int64_t{table_.height + 256};
    POSEFLEET_TRY(reader_,
                  av::VideoReader::open(location_, table_.stream_index,
                                        {.threads = options_.threads, .pixels_max = pixels_max}));
    decoded_ = 0;
    at_end_ = false;
    gave_before_ = false;
    picture_.reset();
    before_.reset();
    return done();
  }

  // `exactly`: not at an earlier key packet either, should the container lead there.
  Status start_at(std::size_t key, Exactly exactly) {
    started_at_ = key;
    if (key == 0 || table_.needs_sequential_decode) return open_reader();
    POSEFLEET_TRY_DO(open_reader());
    const KeyPacket& wanted = table_.keys[key];
    const auto is_key_time = [&](std::int64_t pts) {
      return exactly == Exactly::Yes ? pts == wanted.pts : index_of_key(pts).has_value();
    };
    if (reader_->seek_to_key(wanted.pts, is_key_time)) {
      started_at_ = *index_of_key(reader_->pending_pts());
      reader_->began_at(table_.keys[started_at_].ordinal, table_.keys[started_at_].pts);
      return done();
    }
    if (reader_->failure()) return *reader_->failure();
    // The container's index leads elsewhere: count packets instead, which costs reading only.
    POSEFLEET_TRY_DO(open_reader());
    if (reader_->skip_packets(wanted.ordinal)) {
      reader_->began_at(wanted.ordinal, wanted.pts);
      return done();
    }
    if (reader_->failure()) return *reader_->failure();
    return rejected(fmt::format("{} has become shorter: its key packet {} is not there", name_,
                                wanted.ordinal));
  }

  std::optional<std::size_t> index_of_key(std::int64_t pts) const {
    for (std::size_t i = 0; i < table_.keys.size(); ++i) {
      if (table_.keys[i].pts == pts) return i;
    }
    return std::nullopt;
  }

  Meaning judge() {
    if (picture_ == nullptr) return Meaning::TooLate;
    if (table_.needs_sequential_decode) {
      const std::uint32_t wanted =
          table_.source_frames.empty() ? next_ : table_.source_frames[next_];
      return decoded_++ < wanted ? Meaning::Before : Meaning::Wanted;
    }
    const std::int64_t pts = picture_->best_effort_timestamp;
    // Frames without a time, and those before: leading pictures of an open group, or delivered.
    if (pts == AV_NOPTS_VALUE || pts < table_.pts[next_]) return Meaning::Before;
    return pts == table_.pts[next_] ? Meaning::Wanted : Meaning::TooLate;
  }

  // A picture for a frame that a safe start does not give; null: decoding began anew, go on.
  Result<av::Frame> find_substitute() {
    if (before_ != nullptr) return av::share(*before_);
    const auto again = [&](const Status& restarted) -> Result<av::Frame> {
      if (!restarted) return fail(restarted.error());
      return av::Frame();
    };
    // The picture before it was given away and cannot be had but by decoding it again.
    if (gave_before_) return again(start_at(started_at_, Exactly::Yes));
    // Nothing came before it although nothing is damaged: some streams need a longer run-up.
    if (started_at_ > 0 && !reader_->last_damage()) {
      forced_to_beginning_for_ = key_of(next_);
      return again(start_at(0, Exactly::Yes));
    }
    if (picture_ != nullptr) return av::share(*picture_);
    auto black = black_frame(*reader_->stream().codecpar, table_);
    if (!black) return fail(in_context(missing_frame(), black.error()));
    return black;
  }

  Result<std::optional<VideoFrame>> deliver(av::Frame frame) {
    if (frame->width != static_cast<int>(table_.width) ||
        frame->height != static_cast<int>(table_.height)) {
      return fail(rejected(fmt::format(
          "{} of {} is {}x{} pixels, the video before it {}x{}; encode the video in one size",
          av::frame_name(table_, next_), name_, frame->width, frame->height, table_.width,
          table_.height)));
    }
    // The container's pixel shape wins over the stream's, as in players.
    frame->sample_aspect_ratio =
        av_guess_sample_aspect_ratio(&reader_->context(), &reader_->stream(), frame.get());
    auto adopted = av::adopt_frame(std::move(frame), table_.pts[next_], options_.depth);
    if (!adopted) return fail(in_context(av::frame_name(table_, next_), adopted.error()));
    ++next_;
    return std::optional<VideoFrame>(std::move(adopted).value());
  }

  std::string missing_frame() const {
    const std::string& complaint = reader_->complaint();
    return fmt::format("{} of {} cannot be decoded{}{}", av::frame_name(table_, next_), name_,
                       complaint.empty() ? "" : ": ", complaint);
  }

  Error fail(Error error) {
    failure_ = std::move(error);
    return *failure_;
  }

  const VideoLocation location_;
  const std::string name_;
  const FrameTable table_;
  const FrameRange range_;
  const DecodeOptions options_;
  std::uint32_t next_;          // index in the table of the frame to deliver
  std::size_t started_at_ = 0;  // index in the table's keys of where decoding began
  // The key whose frames are decoded from the start of the file, since no less is enough.
  std::optional<std::size_t> forced_to_beginning_for_;
  std::uint32_t decoded_ = 0;  // pictures since the start of the file, when order is all we have
  std::unique_ptr<av::VideoReader> reader_;
  av::Frame picture_;         // decoded, not yet judged to be of use
  av::Frame before_;          // the last one before the wanted frame, unless it was given away
  bool gave_before_ = false;  // by this run of the decoder
  bool at_end_ = false;
  std::vector<std::uint32_t> damaged_;
  std::optional<Error> failure_;
};

RangeDecoder::RangeDecoder(std::unique_ptr<Session> session) : session_(std::move(session)) {}
RangeDecoder::RangeDecoder(RangeDecoder&& other) noexcept = default;
RangeDecoder::~RangeDecoder() = default;

Result<RangeDecoder> RangeDecoder::open(const VideoLocation& location, const FrameTable& table,
                                        FrameRange range, const DecodeOptions& options) {
  if (range.first >= range.end || range.end > table.frame_count()) {
    return rejected(fmt::format("frames [{}, {}) of {} cannot be decoded: it has {}", range.first,
                                range.end, name_of(location), table.frame_count()));
  }
  if (options.threads < 1 || options.threads > 64) {
    return rejected(fmt::format("{} decoder threads; 1 to 64 are possible", options.threads));
  }
  auto session = std::make_unique<Session>(location, table, range, options);
  POSEFLEET_TRY_DO(session->start());
  return RangeDecoder(std::move(session));
}

Result<std::optional<VideoFrame>> RangeDecoder::next() {
  return session_->next();
}

const std::vector<std::uint32_t>& RangeDecoder::damaged_frames() const {
  return session_->damaged();
}

}  // namespace posefleet
