#include "coordinator/server/pipeline_thread.h"

#include "common/files/files.h"
#include "common/process/log.h"

namespace posefleet {
namespace {

// One entry per job that is probed or assembled at the moment; the rules bound the jobs.
constexpr std::size_t kQueueCapacity = 4096;

Result<JobPlan> probe_and_save(const ProbeWork& work) {
  POSEFLEET_TRY_DO(make_writable_folder(work.folder));
  POSEFLEET_TRY(JobPlan plan, probe_job(work.spec, work.folder));
  POSEFLEET_TRY_DO(save_plan(plan, work.folder));
  return plan;
}

}  // namespace

PipelineThread::PipelineThread(WakeEvent& wake)
    : wake_(wake), work_(kQueueCapacity), outcomes_(kQueueCapacity), thread_([this] { run(); }) {}

PipelineThread::~PipelineThread() {
  work_.close();
  outcomes_.close();
}

void PipelineThread::start(Work work) {
  work_.push(std::move(work));
}

void PipelineThread::start_if_there_is_room(GrowWork work) {
  work_.try_push(std::move(work));
}

std::optional<PipelineThread::Outcome> PipelineThread::take() {
  return outcomes_.try_pop();
}

// Some at a time: after a restart all segments of a film may be there at once, and other jobs wait
// to be probed.
void PipelineThread::grow(const GrowWork& work) {
  constexpr int kSegmentsAtOnce = 4;  // some ten milliseconds
  if (work.is_over) return growing_.remove(work.job);
  for (const RangeFile& segment : work.segments) {
    growing_.add(work.job, *work.plan, work.folder, segment);
  }
  const auto has_more = growing_.advance(work.job, kSegmentsAtOnce);
  if (!has_more) {
    log_warn("job " + std::to_string(number(work.job)) +
             " cannot be watched while it grows: " + has_more.error().message);
  } else if (*has_more) {
    start_if_there_is_room({work.job, work.plan, work.folder, {}});
  }
}

void PipelineThread::run() {
  while (std::optional<Work> work = work_.pop()) {
    if (const auto* probe = std::get_if<ProbeWork>(&*work)) {
      outcomes_.push(ProbeOutcome{probe->job, probe_and_save(*probe)});
    } else if (const auto* retention = std::get_if<RetentionWork>(&*work)) {
      outcomes_.push(carry_out(*retention, std::filesystem::file_time_type::clock::now()));
    } else if (const auto* growth = std::get_if<GrowWork>(&*work)) {
      grow(*growth);
      continue;
    } else {
      const auto& assemble = std::get<AssembleWork>(*work);
      LostArtifact lost;
      auto assembly =
          assemble_job(*assemble.plan, assemble.folder, assemble.files, assemble.figures, &lost);
      outcomes_.push(AssembleOutcome{assemble.job, std::move(assembly), std::move(lost)});
    }
    wake_.wake();
  }
}

}  // namespace posefleet
