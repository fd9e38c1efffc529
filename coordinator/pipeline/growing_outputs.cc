#include "coordinator/pipeline/growing_outputs.h"

#include <utility>

#include "common/wire/codec.h"
#include "coordinator/pipeline/select.h"

namespace posefleet {

void GrowingOutputs::add(JobId job, const JobPlan& plan, const std::filesystem::path& folder,
                         RangeFile segment) {
  const auto [found, is_new] = outputs_.try_emplace(job);
  Output& output = found->second;
  if (is_new) {
    output.path = folder / kLiveFile;
    output.table = plan.table;
    output.file =
        std::make_unique<GrowingFile>(plan.source.path, output_table(plan.table), output.path);
  }
  if (output.file == nullptr || segment.frames.first < output.file->frames()) return;
  output.segments.insert_or_assign(segment.frames.first, std::move(segment));
}

bool GrowingOutputs::has_next(const Output& output) {
  return output.file != nullptr && !output.segments.empty() &&
         output.segments.begin()->first == output.file->frames();
}

Status GrowingOutputs::append_next(Output& output) {
  const RangeFile range = std::move(output.segments.extract(output.segments.begin()).mapped());
  POSEFLEET_TRY(const std::string bytes, read_range_file(range));
  POSEFLEET_TRY(EncodedSegment segment, decode_segment(bytes));
  move_to_output(output.table, segment);
  return output.file->append(segment);
}

void GrowingOutputs::give_up(Output& output) {
  output.file = nullptr;
  output.segments.clear();
  std::error_code ignored;
  std::filesystem::remove(output.path, ignored);
}

Result<bool> GrowingOutputs::advance(JobId job, int segments_max) {
  const auto found = outputs_.find(job);
  if (found == outputs_.end()) return false;
  Output& output = found->second;
  for (int i = 0; i < segments_max && has_next(output); ++i) {
    const Status appended = append_next(output);
    if (appended) continue;
    give_up(output);
    return appended.error();
  }
  return has_next(output);
}

void GrowingOutputs::remove(JobId job) {
  const auto found = outputs_.find(job);
  if (found == outputs_.end()) return;
  give_up(found->second);
  outputs_.erase(found);
}

}  // namespace posefleet
