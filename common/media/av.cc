#include "common/media/av.h"

extern "C" {
#include <libavutil/log.h>
}

#include <cstdarg>
#include <mutex>

#include <fmt/format.h>

#include "common/base/check.h"

namespace posefleet::av {
namespace {

thread_local LogScope* current_scope = nullptr;

}  // namespace

// Called by FFmpeg on whatever thread complains.
void keep_complaint(void* object, int level, const char* format, va_list arguments) {
  if (level > AV_LOG_ERROR || current_scope == nullptr) return;
  if (!current_scope->complaint_.empty()) return;  // the first one names the cause
  char line[300];
  int print_prefix = 0;  // the prefix holds an address, which would differ from run to run
  av_log_format_line2(object, level, format, arguments, line, sizeof line, &print_prefix);
  std::string text(line);
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  for (char& letter : text) {
    if (static_cast<unsigned char>(letter) < ' ') letter = ' ';  // file names come from outside
  }
  current_scope->complaint_ = text;
}

LogScope::LogScope() : outer_(current_scope) {
  static std::once_flag installed;
  std::call_once(installed, [] { av_log_set_callback(keep_complaint); });
  current_scope = this;
}

LogScope::~LogScope() {
  current_scope = outer_;
}

std::string LogScope::explain(int code) const {
  char text[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(code, text, sizeof text);
  if (complaint_.empty()) return text;
  return fmt::format("{} ({})", text, complaint_);
}

Packet make_packet() {
  Packet packet(av_packet_alloc());
  POSEFLEET_CHECK(packet != nullptr);
  return packet;
}

Frame make_frame() {
  Frame frame(av_frame_alloc());
  POSEFLEET_CHECK(frame != nullptr);
  return frame;
}

Frame share(const AVFrame& frame) {
  Frame shared(av_frame_clone(&frame));
  POSEFLEET_CHECK(shared != nullptr);
  return shared;
}

ErrorCode code_of(int av_error) {
  switch (av_error) {
    case AVERROR(ENOMEM):
      return ErrorCode::Internal;
    case AVERROR(EIO):
    case AVERROR(ENOSPC):
    case AVERROR(EDQUOT):
    case AVERROR(EMFILE):
    case AVERROR(ENFILE):
      return ErrorCode::Retry;
    default:
      return ErrorCode::Rejected;
  }
}

std::string frame_name(const FrameTable& table, std::size_t index) {
  return fmt::format("frame {} ({:.6f} s)", index,
                     static_cast<double>(table.pts[index]) *
                         static_cast<double>(table.time_base.num) /
                         static_cast<double>(table.time_base.den));
}

}  // namespace posefleet::av
