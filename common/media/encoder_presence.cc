#include "common/media/encoder_presence.h"

#include <fmt/format.h>

#include "common/base/check.h"
#include "common/media/av.h"
#include "common/media/encoder_choice.h"

namespace posefleet {

Status check_encoder_is_here(const EncodeSettings& settings) {
  POSEFLEET_TRY(const av::EncoderChoice choice, av::choose_encoder(settings, AV_PIX_FMT_YUV420P));
  const av::LogScope log;
  const av::CodecContext encoder(avcodec_alloc_context3(choice.encoder));
  POSEFLEET_CHECK(encoder != nullptr);
  encoder->width = 640;  // NVENC refuses pictures below 145 columns
  encoder->height = 360;
  encoder->pix_fmt = choice.target.format;
  encoder->time_base = {1, 25};
  encoder->thread_count = 1;
  encoder->profile = choice.profile;
  av::Options options;
  for (const auto& [key, value] : choice.options) options.set(key.c_str(), value);
  const int status = avcodec_open2(encoder.get(), choice.encoder, options.get());
  if (status >= 0) return done();
  return rejected(fmt::format("this machine cannot encode by {}: {}; use --encoder software",
                              choice.encoder->name, log.explain(status)));
}

}  // namespace posefleet
