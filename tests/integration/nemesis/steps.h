// The steps of a commit at which the coordinator is killed, counted inside the coordinator by a
// library that is loaded before the system's (steps_shim.cc).
//
// So the product has no code for it, and a step is where the disk is touched, not where somebody
// thought of putting a hook. The driver and the library share this struct through a mapped file:
// the driver names a step, the library kills the process when it comes to it.
#pragma once

#include <atomic>
#include <cstdint>
#include <iterator>

namespace posefleet::nemesis {

enum Step : std::uint32_t {
  kNoStep,
  // A large result, which has a file of its own.
  kResultWritten,   // all bytes are in the spool, the file is not forced to disk
  kResultSynced,    // it is, and has its temporary name
  kResultRenamed,   // it has its final name, the folder is not forced to disk
  kFolderSynced,    // it is; the store knows nothing
  kHalfAppended,    // half of a small result is in its bundle
  kBundleWritten,   // all small results of the group are in it, not forced to disk
  kBundleSynced,    // they are; the store knows nothing
  kRowHalfWritten,  // the first page of the group's transaction is in the store's log
  kRowWritten,      // all of it is, not forced to disk
  kRowSynced,       // it is: committed, and nobody was told
  kPlanSaved,       // the plan's last file has its name, the store has no ranges
  kOutputWritten,   // the joined output has its temporary name
  kOutputRenamed,   // it has its final name, the job is not final
  kReleaseBegins,   // the job is final, its results' files are all there
  kReleaseHalf,     // some are not
  // A range that kills its workers.
  kSplitHalfWritten,  // the first page of its split's transaction is in the store's log
  kSplitWritten,      // all of it is, not forced to disk
  kSplitSynced,       // it is: the halves are there, and the rules were not told
  kNobodyNamed,       // the empty result of the frame that is taken out has its name, and no row
  kStepsEnd,
};

inline const char* name_of(Step step) {
  constexpr const char* kNames[] = {
      "none",          "result written",     "result synced",  "result renamed",   "folder synced",
      "half appended", "bundle written",     "bundle synced",  "row half written", "row written",
      "row synced",    "plan saved",         "output written", "output renamed",   "release begins",
      "release half",  "split half written", "split written",  "split synced",     "nobody named"};
  static_assert(std::size(kNames) == kStepsEnd);
  return kNames[step];
}

// Instead of killing, turns a bit of the result that is forced to disk next.
inline constexpr std::uint32_t kDamage = 0x100;

// In a mapped file; zeros at first.
struct StepControl {
  // A Step, or kDamage; taken back by the library when it strikes.
  std::atomic<std::uint32_t> armed;
  std::atomic<std::uint32_t> passed[kStepsEnd];
  std::atomic<std::uint32_t> killed[kStepsEnd];
  std::atomic<std::uint32_t> damaged;
};

// The environment variable with the file's path.
inline constexpr const char* kStepsVariable = "POSEFLEET_NEMESIS_STEPS";

}  // namespace posefleet::nemesis
