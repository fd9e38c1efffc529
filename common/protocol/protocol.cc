// Keeps the headers of this folder compiling by themselves.
#include "common/protocol/ids.h"
#include "common/protocol/poses.h"
#include "common/protocol/video.h"
