// Private to common/media: video files opened for reading, their streams, a running decoder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>

#include "common/base/result.h"
#include "common/media/av.h"
#include "common/media/remote_stream.h"

namespace posefleet::av {

// Opens a local file as a video container and finds its streams. Only containers from a fixed list
// and only this one file: play lists and the like could make FFmpeg open other files and addresses.
Result<InputContext> open_input(const std::filesystem::path& path);

// The same for a source that is read through `stream`, which must outlive the result.
Result<InputContext> open_input(const std::string& name, RemoteStream& stream);

// The stream that players show; not a cover picture. Negative when there is none.
int find_video_stream(AVFormatContext& context);

// Packets of other streams are skipped, mostly without being read.
void keep_only_stream(AVFormatContext& context, int stream_index);
void keep_only_kind(AVFormatContext& context, AVMediaType kind);

// Containers mark hidden frames differently; VP8 has packets that decode to no picture and that
// only their own first byte tells.
bool shows_a_picture(const AVPacket& packet, AVCodecID codec);

// An open file, its video stream and a decoder on it. One owner, one thread. Made by `open` only.
class VideoReader final {
 public:
  struct Options {
    int threads = 1;
    // Bounds what a picture may allocate, whatever its header claims.
    std::int64_t pixels_max = 0;
  };
  // `stream_index` negative: find it.
  static Result<std::unique_ptr<VideoReader>> open(const VideoLocation& location, int stream_index,
                                                   const Options& options);

  // Moves to a packet that decoding may start at, wanted at `pts` or before it. True when the
  // reader now stands on a key packet with a time that `is_key_time` knows; false when the
  // container leads elsewhere: then the position is undefined, open again.
  template <typename IsKeyTime>
  bool seek_to_key(std::int64_t pts, IsKeyTime is_key_time) {
    if (!seek(pts) || !peek()) return false;
    const AVPacket& packet = *pending_;
    return (packet.flags & AV_PKT_FLAG_KEY) != 0 && packet.pts != AV_NOPTS_VALUE &&
           packet.pts <= pts && is_key_time(packet.pts);
  }

  // Passes over the first packets of a freshly opened file, undecoded. False when there are fewer.
  bool skip_packets(std::uint32_t count);

  // The next picture in the decoder's order; null at the end. Damaged packets are passed over: the
  // caller notices the missing time. What the decoder complained of last is in `complaint`.
  Frame next();

  // Decoding began at the video's packet of this ordinal, a key packet shown at `pts`: what is
  // shown before it may lack its references, and is not damaged for that. Without this call,
  // decoding began at the start of the file.
  void began_at(std::uint32_t ordinal, std::int64_t pts);
  // The last damage met so far, as the ordinal of the packet that was read last when it showed: a
  // packet marked as damaged, refused by the decoder or complained of by it, or a picture that the
  // decoder says it made up in part. The log is listened to because HEVC, VP9 and others hide
  // errors and say so nowhere else.
  std::optional<std::uint32_t> last_damage() const { return last_damage_; }
  // Whether this picture, given by next(), is not wholly what was encoded.
  bool is_damaged(const AVFrame& frame) const;
  // When the packet is shown that comes next, after a seek that succeeded.
  std::int64_t pending_pts() const { return pending_->pts; }

  const std::string& complaint() const { return complaint_; }
  // Why bytes could not be had: then everything else that this reader says is doubtful.
  std::optional<Error> failure() const { return remote_ ? remote_->failure() : std::nullopt; }
  AVStream& stream() { return *stream_; }
  AVFormatContext& context() { return *input_; }

 private:
  bool seek(std::int64_t pts);
  bool peek();
  bool read_packet(AVPacket& packet);
  void feed();
  void listen(const LogScope& log);
  void note_damage(std::int64_t pts);

  std::unique_ptr<RemoteStream> remote_;  // null for a file; before what reads from it
  InputContext input_;
  CodecContext decoder_;
  AVStream* stream_ = nullptr;
  Packet pending_;  // read to be looked at, not yet decoded
  bool draining_ = false;
  std::uint32_t errors_while_draining_ = 0;
  std::uint32_t packets_read_ = 0;  // of the video; the last one's ordinal is one less
  std::int64_t began_at_pts_ = INT64_MIN;
  std::optional<std::uint32_t> last_damage_;
  std::int64_t sent_pts_ = AV_NOPTS_VALUE;  // of the packet that was sent last
  std::set<std::int64_t> damaged_pts_;      // of pictures not yet given
  std::string complaint_;
};

}  // namespace posefleet::av
