#include "common/media/http_fetch.h"

#include <string_view>

#include <fmt/format.h>

#include "common/media/av.h"

namespace posefleet::av {
namespace {

struct Close {
  void operator()(AVIOContext* context) const { avio_close(context); }
};

int ask_whether_over(void* is_over) {
  return (*static_cast<const std::function<bool()>*>(is_over))() ? 1 : 0;
}

// FFmpeg's words hold the address, whose token is nobody else's business: only its code is told.
Error cannot_fetch(int code) {
  switch (code) {
    case AVERROR_EXIT:
      return retry("no answer in time");
    case AVERROR_HTTP_NOT_FOUND:
    case AVERROR_HTTP_FORBIDDEN:
    case AVERROR_HTTP_UNAUTHORIZED:
      return rejected("it does not serve this source (its job may be over)");
    case AVERROR_HTTP_BAD_REQUEST:
    case AVERROR_HTTP_OTHER_4XX:
      return rejected("it refuses to serve this source: the file changed or is gone");
    case AVERROR_PROTOCOL_NOT_FOUND:
      return rejected("the address is not an http:// one");
    default:
      break;
  }
  char text[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(code, text, sizeof text);
  return retry(text);
}

}  // namespace

Result<std::string> fetch_http(const HttpPiece& piece, const std::function<bool()>& is_over) {
  if (std::string_view(piece.url).substr(0, 7) != "http://") {
    return cannot_fetch(AVERROR_PROTOCOL_NOT_FOUND);
  }
  const LogScope log;
  Options options;
  options.set("protocol_whitelist", "http,tcp");
  options.set("offset", std::to_string(piece.offset));
  options.set("end_offset", std::to_string(piece.offset + piece.length));
  options.set("icy", "0");
  // Not a proxy's address, so that none is used, whatever the environment says.
  options.set("http_proxy", "none");
  const AVIOInterruptCB interrupt{ask_whether_over, const_cast<std::function<bool()>*>(&is_over)};
  AVIOContext* raw = nullptr;
  int code = avio_open2(&raw, piece.url.c_str(), AVIO_FLAG_READ, &interrupt, options.get());
  if (code < 0) return cannot_fetch(code);
  const std::unique_ptr<AVIOContext, Close> context(raw);
  const std::int64_t size = avio_size(raw);
  if (size != static_cast<std::int64_t>(piece.size)) {
    return rejected(fmt::format("it serves {} bytes where {} are expected", size, piece.size));
  }
  std::string bytes(piece.length, '\0');
  std::size_t have = 0;
  while (have < bytes.size()) {
    code = avio_read(raw, reinterpret_cast<unsigned char*>(bytes.data()) + have,
                     static_cast<int>(bytes.size() - have));
    if (code == 0 || code == AVERROR_EOF) code = AVERROR(EPIPE);
    if (code < 0) return cannot_fetch(code);
    have += static_cast<std::size_t>(code);
  }
  return bytes;
}

}  // namespace posefleet::av
