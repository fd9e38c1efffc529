#include "coordinator/server/postponed.h"

#include <algorithm>

namespace posefleet {
namespace {

bool is_row_of(const core::Command& command, JobId job) {
  const auto* row = std::get_if<core::PersistJob>(&command);
  return row != nullptr && row->job.id == job;
}

}  // namespace

void Postponed::add(core::Command command, Instant now) {
  if (const auto* row = std::get_if<core::PersistJob>(&command)) forget_row(row->job.id);
  entries_.push_back({now + kPause, std::move(command)});
}

void Postponed::forget_row(JobId job) {
  std::erase_if(entries_, [&](const Entry& entry) { return is_row_of(entry.command, job); });
}

bool Postponed::has_row(JobId job) const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [&](const Entry& entry) { return is_row_of(entry.command, job); });
}

core::Commands Postponed::take_due(Instant now) {
  core::Commands due;
  for (Entry& entry : entries_) {
    if (entry.due <= now) due.push_back(std::move(entry.command));
  }
  std::erase_if(entries_, [&](const Entry& entry) { return entry.due <= now; });
  return due;
}

}  // namespace posefleet
