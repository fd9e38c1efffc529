#include "coordinator/server/pipeline_thread.h"

#include "common/files/files.h"

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

std::optional<PipelineThread::Outcome> PipelineThread::take() {
  return outcomes_.try_pop();
}

void PipelineThread::run() {
  while (std::optional<Work> work = work_.pop()) {
    if (const auto* probe = std::get_if<ProbeWork>(&*work)) {
      outcomes_.push(ProbeOutcome{probe->job, probe_and_save(*probe)});
    } else if (const auto* retention = std::get_if<RetentionWork>(&*work)) {
      outcomes_.push(carry_out(*retention, std::filesystem::file_time_type::clock::now()));
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
