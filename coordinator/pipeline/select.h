// From all frames of a video to those that a job is about.
//
// Everything behind the probe works on a frame table, so a selection is one too: a shorter list of
// times with the same key packets. A range decoder passes over pictures that the table does not
// name; nothing else needs to know. Frame numbers of a job count the selected frames;
// `source_frames` says which frames of the source they are.
//
// Pure: follows from the table and the selection alone.
#pragma once

#include <string>

#include "common/base/result.h"
#include "common/job/frame_selection.h"
#include "common/protocol/video.h"

namespace posefleet {

// `all` is the table of the whole source, called `name` in messages. Rejected when nothing is left.
Result<FrameTable> select_frames(const FrameTable& all, const FrameSelection& selection,
                                 const std::string& name);

// The output's table: the times that the frames have there (PresentationSpan::shift).
FrameTable output_table(const FrameTable& selected);

// Workers' packets carry the source's times: to those of the output table.
void move_to_output(const FrameTable& selected, EncodedSegment& segment);

}  // namespace posefleet
