// A disk that fills up, as a small tmpfs: work stops before something fails, says so, and goes on
// when there is room.
#include <cstdlib>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/mount.h>
#include <unistd.h>

#include "tests/support/fixtures.h"
#include "tests/support/programs.h"

namespace posefleet::tests {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// disk.free_min_mib is 128, and 160 end the pause.
constexpr const char* kDiskSize = "size=256m";
constexpr off_t kBallastBytes = off_t{156} << 20;

// A disk of its own; needs the right to mount.
class SmallDisk final {
 public:
  explicit SmallDisk(const fs::path& folder) : folder_(folder) {
    fs::create_directories(folder);
    is_mounted_ = mount("posefleet-test", folder.c_str(), "tmpfs", 0, kDiskSize) == 0;
  }
  ~SmallDisk() {
    if (is_mounted_) umount2(folder_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  bool is_mounted() const { return is_mounted_; }

  void fill() const {
    const int fd = open((folder_ / "ballast").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ASSERT_GE(fd, 0);
    EXPECT_EQ(posix_fallocate(fd, 0, kBallastBytes), 0);
    close(fd);
  }
  void make_room() const { fs::remove(folder_ / "ballast"); }

 private:
  fs::path folder_;
  bool is_mounted_ = false;
};

// The programs, with workers that need no network.
struct House {
  TempDir folder;
  fs::path bin = folder / "bin";

  House() {
    fs::create_directories(bin);
    for (const char* name : {"posefleet", "posefleet-coordinator"}) {
      fs::copy_file(fs::path(POSEFLEET_BIN_DIR) / name, bin / name);
    }
    for (const char* name : {"posefleet-pose-worker", "posefleet-render-worker"}) {
      fs::copy_file(fs::path(POSEFLEET_BIN_DIR) / "../tests/poison_worker", bin / name);
    }
    setenv("POSEFLEET_TEST_KILLS", "nobody", 1);
    EXPECT_EQ(run("posefleet-random-model", {(folder / "model").string()}).exit_code, 0);
    const Ended made = run("/usr/bin/ffmpeg", {"-v", "error", "-f", "lavfi", "-i",
                                               "testsrc2=size=320x180:rate=25:duration=4", "-c:v",
                                               "libx264", "-y", (folder / "clip.mp4").string()});
    EXPECT_EQ(made.exit_code, 0) << made.err;
  }
  std::vector<std::string> arguments(const fs::path& work_dir) const {
    return {"run",
            (folder / "clip.mp4").string(),
            "-o",
            (folder / "out.mp4").string(),
            "--model",
            (folder / "model").string(),
            "--work-dir",
            work_dir.string(),
            "--pose-workers",
            "1",
            "--render-workers",
            "1",
            "--json",
            "--progress",
            "lines"};
  }
};

TEST(FullDisk, WorkStopsSaysSoAndGoesOnWhenThereIsRoom) {
  House house;
  const SmallDisk disk(house.folder / "disk");
  if (!disk.is_mounted()) GTEST_SKIP() << "mounting a tmpfs is not allowed here";
  disk.fill();
  Program job((house.bin / "posefleet").string(), house.arguments(house.folder / "disk"));
  EXPECT_TRUE(eventually([&] {
    return job.err_so_far().find("nothing new is begun until") != std::string::npos;
  })) << job.err_so_far();
  disk.make_room();
  const Ended ended = job.wait();
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_EQ(Json::parse(ended.out)["total_frames"], 100);
}

TEST(FullDisk, WhoeverWaitsInVainIsToldWhatToDo) {
  House house;
  const SmallDisk disk(house.folder / "disk");
  if (!disk.is_mounted()) GTEST_SKIP() << "mounting a tmpfs is not allowed here";
  disk.fill();
  const Ended ended =
      run((house.bin / "posefleet").string(), house.arguments(house.folder / "disk"));
  EXPECT_NE(ended.exit_code, 0);
  EXPECT_NE(ended.err.find("make room, or name another folder with --work-dir"), std::string::npos)
      << ended.err;
  EXPECT_NE(ended.err.find("disk.free_min_mib is 128"), std::string::npos) << ended.err;
  EXPECT_FALSE(fs::exists(house.folder / "out.mp4"));
}

}  // namespace
}  // namespace posefleet::tests
