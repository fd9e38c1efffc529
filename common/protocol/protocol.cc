// Keeps the headers of this folder compiling by themselves.
#include "common/protocol/client.h"
#include "common/protocol/ids.h"
#include "common/protocol/messages.h"
#include "common/protocol/output_codec.h"
#include "common/protocol/poses.h"
#include "common/protocol/precision.h"
#include "common/protocol/tasks.h"
#include "common/protocol/video.h"
