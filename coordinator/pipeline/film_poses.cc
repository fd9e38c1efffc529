#include "coordinator/pipeline/film_poses.h"

#include <algorithm>
#include <cstring>
#include <fstream>

#include "common/files/files.h"
#include "common/files/sha256.h"
#include "coordinator/pipeline/final_poses.h"

namespace posefleet {
namespace {

// Poses are read in pieces of so many frames, so that memory stays flat over a film.
constexpr std::uint32_t kPieceFrames = 512;
// More than any film's: four bytes for each of ten million people.
constexpr std::uintmax_t kKeptBytesMax = 64'000'000;
constexpr std::size_t kHashBytes = 64;

void put(std::string& bytes, std::uint32_t value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// Takes numbers from the front; `is_whole` turns false where there are none left.
struct Numbers {
  std::string_view bytes;
  bool is_whole = true;

  std::uint32_t next() {
    std::uint32_t value = 0;
    if (bytes.size() < sizeof value) {
      is_whole = false;
      return 0;
    }
    std::memcpy(&value, bytes.data(), sizeof value);
    bytes.remove_prefix(sizeof value);
    return value;
  }
};

}  // namespace

FilmPoses::FilmPoses(std::shared_ptr<const JobPlan> plan, std::filesystem::path kept)
    : plan_(std::move(plan)),
      kept_(std::move(kept)),
      tracker_(posefleet::frames_per_second(plan_->table)) {
  if (!kept_.empty()) read_kept();
}

Result<RangePoses> FilmPoses::get(const FrameRange& frames, const FilesOf& files,
                                  LostArtifact* lost) {
  auto known = static_cast<std::uint32_t>(numbers_.size());
  while (known < frames.first) {
    const std::uint32_t end = std::min(frames.first, known + kPieceFrames);
    POSEFLEET_TRY(RangePoses before, without_numbers({known, end}, files, lost));
    add_numbers(before);
    known = end;
  }
  POSEFLEET_TRY(RangePoses poses, without_numbers(frames, files, lost));
  const std::size_t numbered = std::min<std::size_t>(poses.size(), known - frames.first);
  for (std::size_t i = 0; i < numbered; ++i) {
    const std::vector<std::uint32_t>& numbers = numbers_[frames.first + i];
    if (numbers.size() != poses[i].people.size()) {
      return internal_error("frame " + std::to_string(poses[i].frame) + " has " +
                            std::to_string(poses[i].people.size()) + " people and had " +
                            std::to_string(numbers.size()));
    }
    for (std::size_t k = 0; k < numbers.size(); ++k) poses[i].people[k].track = numbers[k];
  }
  if (numbered == poses.size()) return poses;
  RangePoses fresh(std::make_move_iterator(poses.begin() + static_cast<std::ptrdiff_t>(numbered)),
                   std::make_move_iterator(poses.end()));
  poses.resize(numbered);
  add_numbers(fresh);
  for (FramePoses& frame : fresh) poses.push_back(std::move(frame));
  return poses;
}

Result<RangePoses> FilmPoses::without_numbers(const FrameRange& frames, const FilesOf& files,
                                              LostArtifact* lost) const {
  const std::uint32_t margin = pose_margin(plan_->spec);
  const FrameRange around = {frames.first - std::min(frames.first, margin), frames.end + margin};
  return final_poses(*plan_, files(around), frames, lost);
}

void FilmPoses::add_numbers(RangePoses& poses) {
  tracker_.number(poses);
  for (const FramePoses& frame : poses) {
    std::vector<std::uint32_t>& numbers = numbers_.emplace_back();
    for (const PersonPose& person : frame.people) numbers.push_back(person.track);
  }
  if (!kept_.empty()) keep(poses);
}

// One record: length of what follows, its hash, frames, for each the people's numbers, and what the
// tracker knows after them. A failure to write costs time after a restart, nothing else.
void FilmPoses::keep(const RangePoses& poses) const {
  std::string body;
  put(body, static_cast<std::uint32_t>(poses.size()));
  for (const FramePoses& frame : poses) {
    put(body, static_cast<std::uint32_t>(frame.people.size()));
    for (const PersonPose& person : frame.people) put(body, person.track);
  }
  body += tracker_.state();
  std::string record;
  put(record, static_cast<std::uint32_t>(body.size()));
  record += sha256_hex(body) + body;
  std::ofstream file(kept_, std::ios::binary | std::ios::app);
  file.write(record.data(), static_cast<std::streamsize>(record.size()));
}

void FilmPoses::read_kept() {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(kept_, error);
  if (error || size > kKeptBytesMax) {
    std::filesystem::remove(kept_, error);
    return;
  }
  std::ifstream file(kept_, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  Numbers rest{bytes};
  std::size_t sound = 0;
  while (!rest.bytes.empty()) {
    const std::size_t length = rest.next();
    if (!rest.is_whole || rest.bytes.size() < kHashBytes + length) break;
    const std::string_view body = rest.bytes.substr(kHashBytes, length);
    if (sha256_hex(body) != rest.bytes.substr(0, kHashBytes)) break;
    Numbers record{body};
    const std::uint32_t frames = record.next();
    if (frames > plan_->table.frame_count() - numbers_.size()) break;
    std::vector<std::vector<std::uint32_t>> numbers(frames);
    for (std::vector<std::uint32_t>& frame : numbers) {
      const std::uint32_t people = record.next();
      for (std::uint32_t k = 0; k < people && record.is_whole; ++k) frame.push_back(record.next());
    }
    if (!record.is_whole || !tracker_.restore(record.bytes)) break;
    for (std::vector<std::uint32_t>& frame : numbers) numbers_.push_back(std::move(frame));
    rest.bytes.remove_prefix(kHashBytes + length);
    sound = bytes.size() - rest.bytes.size();
  }
  // What comes behind a record that is cut off would never be read again.
  if (sound < bytes.size()) std::filesystem::resize_file(kept_, sound, error);
}

}  // namespace posefleet
