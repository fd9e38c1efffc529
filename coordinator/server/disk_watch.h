// Says when the disk has too little room to begin anything new.
//
// A disk that is full fails whatever is written next: a result that took minutes, or the store. So
// work stops earlier, with room left for the results of what is under way, and goes on once there
// is clearly more: with one mark for both, each removed file would start work that the next moment
// stops.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace posefleet {

// One thread.
class DiskWatch final {
 public:
  enum class Change { None, BecameLow, BecameRoomy };

  // Below `free_min` bytes the disk of `folder` is low, from five quarters of it on it is not. 0:
  // never.
  DiskWatch(std::filesystem::path folder, std::uint64_t free_min)
      : folder_(std::move(folder)), free_min_(free_min) {}

  // Asks the system. A disk that does not answer changes nothing: writing to it will tell.
  Change look();
  Change judge(std::uint64_t free_bytes);
  bool is_low() const { return is_low_; }
  // For people; while it is low.
  std::string reason() const;

 private:
  std::filesystem::path folder_;
  std::uint64_t free_min_;
  std::uint64_t free_ = 0;  // when it was looked at last
  bool is_low_ = false;
};

}  // namespace posefleet
