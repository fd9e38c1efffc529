// Whether this machine can encode what is asked for: told before a job begins, since hardware that
// is not there would fail each of its ranges, one after the other.
#pragma once

#include "common/base/result.h"
#include "common/protocol/video.h"

namespace posefleet {

// Opens the encoder for a small picture and closes it again. The settings were checked. The error
// says what is missing.
Status check_encoder_is_here(const EncodeSettings& settings);

}  // namespace posefleet
