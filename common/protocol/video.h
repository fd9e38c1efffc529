// What the coordinator, the workers and the assembly tell each other about a video: the exact list
// of its frames, and encoded pieces of a new one. Plain values; FFmpeg stays behind common/media.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace posefleet {

struct Rational {
  std::int64_t num = 0;
  std::int64_t den = 1;
  bool operator==(const Rational&) const = default;
};

// A packet that decoding may start at.
struct KeyPacket {
  std::int64_t pts = 0;
  // Its ordinal among the video stream's packets in file order: how many packets to skip to it.
  std::uint32_t ordinal = 0;
  bool operator==(const KeyPacket&) const = default;
};

// A piece of a source, in ticks of its frame table's time base.
struct PresentationSpan {
  std::int64_t begin = 0;
  std::int64_t end = 0;  // not included
  // What is taken from the source's times in the output, so that a piece from the middle begins
  // when the source does and no player waits for it.
  std::int64_t shift = 0;
  bool operator==(const PresentationSpan&) const = default;
};

// One entry per frame that is to be computed (unless a job selects some: each that is displayed),
// made once by the coordinator from the packets, not the pictures; every range, task and check
// refers to it. Times are in ticks of `time_base` (seconds per tick).
struct FrameTable {
  std::vector<std::int64_t> pts;  // display order, strictly increasing
  std::vector<KeyPacket> keys;    // in file order
  Rational time_base;
  Rational average_rate;  // frames per second as the container says; 0/1 when unknown
  std::int32_t stream_index = 0;
  std::uint32_t width = 0;  // stored orientation, pixels
  std::uint32_t height = 0;
  // How a player turns the stored picture: quarter turns clockwise, 0..3. Mirrors are rare and stay
  // in the display matrix, which the output copies.
  std::int32_t rotation_quarters = 0;
  std::string codec;
  // Packets do not tell the order of this file's frames (missing or repeated times): one sequential
  // decoder found `pts`, and ranges must be decoded from the start.
  bool needs_sequential_decode = false;
  // Of a selection (coordinator/pipeline/select.h): which of the source's frames these are, rising,
  // as many as `pts`. Empty: all of them.
  std::vector<std::uint32_t> source_frames;
  // Of a selection: the sound of this piece goes along. Absent: all of it.
  std::optional<PresentationSpan> span;

  std::uint32_t frame_count() const { return static_cast<std::uint32_t>(pts.size()); }
  bool operator==(const FrameTable&) const = default;
};

// A file's identity as far as it can be checked in no time: workers refuse a source that changed
// while its job was running.
struct SourceFile {
  std::string path;
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;
  bool operator==(const SourceFile&) const = default;
};

struct EncodedPacket {
  std::int64_t pts = 0;  // the source's absolute pts, in the source's time base
  bool is_key = false;
  std::string bytes;
  std::string alpha;  // VP9 keeps transparency as a second picture beside the first; else empty
  bool operator==(const EncodedPacket&) const = default;
};

// A closed piece of the output's video stream: starts with a frame that decoding can start at and
// refers to nothing outside. No container, so that joining is exact (packets in decode order).
struct EncodedSegment {
  std::string codec;  // an OutputCodec's name
  // What the codec says once for all frames (H.264: SPS and PPS in Annex B); equal in all segments
  // of a job but for comments. Empty where every packet says it.
  std::string extradata;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::vector<EncodedPacket> packets;
  bool operator==(const EncodedSegment&) const = default;
};

// Each codec's own usual quality.
inline constexpr std::int32_t kCrfOfCodec = -1;

// Encoder settings; part of a range's plan, because the bytes follow from them. What is allowed
// says output_codec.h.
struct EncodeSettings {
  std::string codec = "h264";
  std::string preset = "veryfast";  // x264's names, for all codecs
  std::int32_t crf = kCrfOfCodec;
  std::string tune;  // empty: none
  // Samples of more than 8 bits stay so. Off by default: few players show 10-bit H.264.
  bool keep_depth = false;
  // Only the drawn bodies, on a transparent ground.
  bool is_overlay = false;
  // Hardware encoders differ from one another, and from one driver to the next; so a job names one
  // kind, and all of its workers must have it.
  std::string encoder = "software";
  bool operator==(const EncodeSettings&) const = default;
};

}  // namespace posefleet
