#include "coordinator/server/disk_watch.h"

namespace posefleet {

DiskWatch::Change DiskWatch::look() {
  if (free_min_ == 0) return Change::None;
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(folder_, error);
  return error ? Change::None : judge(space.available);
}

DiskWatch::Change DiskWatch::judge(std::uint64_t free_bytes) {
  free_ = free_bytes;
  if (!is_low_ && free_bytes < free_min_) {
    is_low_ = true;
    return Change::BecameLow;
  }
  if (is_low_ && free_bytes >= free_min_ + free_min_ / 4) {
    is_low_ = false;
    return Change::BecameRoomy;
  }
  return Change::None;
}

std::string DiskWatch::reason() const {
  return "the disk of " + folder_.string() + " has " + std::to_string(free_ >> 20) +
         " MiB left, nothing new is begun until there are " +
         std::to_string((free_min_ + free_min_ / 4) >> 20) + " MiB (disk.free_min_mib is " +
         std::to_string(free_min_ >> 20) + ")";
}

}  // namespace posefleet
