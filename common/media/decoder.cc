#include "common/media/decoder.h"

#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "common/media/av.h"
#include "common/media/input.h"

namespace posefleet {
namespace {

// Key frames to step back before decoding from the start. One step was enough for every kind of
// file tried (open GOP, intra refresh, edit lists); each costs a group of pictures.
constexpr int kStepsBackMax = 3;

}  // namespace

class RangeDecoder::Session final {
 public:
  Session(const VideoLocation& location, const FrameTable& table, FrameRange range,
          const DecodeOptions& options)
      : location_(location),
        name_(name_of(location)),
        table_(table),
        range_(range),
        options_(options),
        next_(range.first) {
    // The last key packet, in file order, that is not shown after the range's first frame.
    if (table_.needs_sequential_decode) return;
    for (std::size_t i = 0; i < table_.keys.size(); ++i) {
      if (table_.keys[i].pts <= table_.pts[range_.first]) key_ = i;
    }
  }

  Status start() { return key_ == 0 ? start_from_the_beginning() : start_at_key(); }

  Result<std::optional<VideoFrame>> next() {
    if (failure_.has_value()) return *failure_;
    if (next_ == range_.end) return std::optional<VideoFrame>();
    for (;;) {
      av::Frame frame = reader_->next();
      // Before the frame is believed: a packet that was cut short decodes to a wrong picture.
      if (reader_->failure()) return fail(*reader_->failure());
      const Meaning meaning = judge(frame.get());
      if (meaning == Meaning::Before) continue;
      if (meaning == Meaning::Wanted) return deliver(std::move(frame));
      // The wanted frame did not come. It may if the decoder starts earlier.
      if (at_beginning_) return fail(missing_frame());
      if (Status restarted = step_back(); !restarted) return fail(restarted.error());
    }
  }

 private:
  enum class Meaning { Before, Wanted, TooLate };

  Status open_reader() {
    // A picture may be larger than the table says only by the codec's padding to blocks.
    const std::int64_t pixels_max =
        std::int64_t{table_.width + 256} * std::int64_t{table_.height + 256};
    POSEFLEET_TRY(reader_,
                  av::VideoReader::open(location_, table_.stream_index,
                                        {.threads = options_.threads, .pixels_max = pixels_max}));
    decoded_ = 0;
    at_beginning_ = false;
    return done();
  }

  Status start_from_the_beginning() {
    POSEFLEET_TRY_DO(open_reader());
    at_beginning_ = true;
    return done();
  }

  Status start_at_key() {
    POSEFLEET_TRY_DO(open_reader());
    const KeyPacket& key = table_.keys[key_];
    const auto is_key_time = [this](std::int64_t pts) {
      return std::any_of(table_.keys.begin(), table_.keys.end(),
                         [pts](const KeyPacket& known) { return known.pts == pts; });
    };
    if (reader_->seek_to_key(key.pts, is_key_time)) return done();
    if (reader_->failure()) return *reader_->failure();
    // The container's index leads elsewhere: count packets instead, which costs reading only.
    POSEFLEET_TRY_DO(open_reader());
    if (reader_->skip_packets(key.ordinal)) return done();
    if (reader_->failure()) return *reader_->failure();
    return rejected(
        fmt::format("{} has become shorter: its key packet {} is not there", name_, key.ordinal));
  }

  Status step_back() {
    if (key_ <= 1 || ++steps_back_ > kStepsBackMax) return start_from_the_beginning();
    --key_;
    return start_at_key();
  }

  Meaning judge(const AVFrame* frame) {
    if (frame == nullptr) return Meaning::TooLate;
    if (table_.needs_sequential_decode) {
      return decoded_++ < next_ ? Meaning::Before : Meaning::Wanted;
    }
    const std::int64_t pts = frame->best_effort_timestamp;
    // Frames without a time, and those before: leading pictures of an open group, or delivered.
    if (pts == AV_NOPTS_VALUE || pts < table_.pts[next_]) return Meaning::Before;
    return pts == table_.pts[next_] ? Meaning::Wanted : Meaning::TooLate;
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

  Error missing_frame() const {
    const std::string& complaint = reader_->complaint();
    return rejected(fmt::format("{} of {} cannot be decoded{}{}", av::frame_name(table_, next_),
                                name_, complaint.empty() ? "" : ": ", complaint));
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
  std::uint32_t next_;   // index in the table of the frame to deliver
  std::size_t key_ = 0;  // index in the table's keys of where decoding began
  int steps_back_ = 0;
  bool at_beginning_ = false;
  std::uint32_t decoded_ = 0;  // pictures since the start of the file, when order is all we have
  std::unique_ptr<av::VideoReader> reader_;
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

}  // namespace posefleet
