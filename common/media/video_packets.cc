#include "common/media/video_packets.h"

#include <cstring>

#include <fmt/format.h>

#include "common/base/check.h"

namespace posefleet::av {
namespace {

// Matroska's second picture of a frame, behind its number.
void add_alpha(const std::string& alpha, AVPacket& packet) {
  constexpr std::size_t kNumber = 8;
  std::uint8_t* data = av_packet_new_side_data(&packet, AV_PKT_DATA_MATROSKA_BLOCKADDITIONAL,
                                               kNumber + alpha.size());
  POSEFLEET_CHECK(data != nullptr);
  const std::uint8_t number[kNumber] = {0, 0, 0, 0, 0, 0, 0, 1};
  std::memcpy(data, number, kNumber);
  std::memcpy(data + kNumber, alpha.data(), alpha.size());
}

}  // namespace

Result<Packet> VideoPackets::make(const EncodedPacket& from) {
  const std::int64_t dts = next_dts();
  if (dts > from.pts) {
    return rejected(
        fmt::format("the frame at tick {} is stored later than the stream's own reordering depth "
                    "allows",
                    from.pts));
  }
  Packet packet = make_packet();
  POSEFLEET_CHECK(av_new_packet(packet.get(), static_cast<int>(from.bytes.size())) >= 0);
  std::memcpy(packet->data, from.bytes.data(), from.bytes.size());
  packet->pts = from.pts;
  packet->dts = dts;
  packet->duration = timeline_.duration_at(from.pts);
  if (from.is_key) packet->flags |= AV_PKT_FLAG_KEY;
  if (!from.alpha.empty()) add_alpha(from.alpha, *packet);
  ++made_;
  return packet;
}

}  // namespace posefleet::av
