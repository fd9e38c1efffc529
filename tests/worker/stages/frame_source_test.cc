// Where a worker looks for a source.
#include "worker/stages/frame_source.h"

#include <gtest/gtest.h>

#include "common/files/open_file.h"
#include "common/media/frame_table.h"
#include "tests/support/fixtures.h"

namespace posefleet::tests {
namespace {

// A task whose source is `bytes` at `path`.
TaskFrames task_of(const std::filesystem::path& path, const std::string& bytes,
                   const std::string& url) {
  write_file(path, bytes);
  TaskFrames frames;
  frames.source = *identify_source(path);
  frames.fingerprint = *fingerprint_of(*OpenFile::open(path));
  frames.sha256 = "hash";
  frames.url = url;
  return frames;
}

enum class Found { File, Address, Nothing };

TEST(FrameSource, IsTheFileHereIfItIsTheSameElseTheAddress) {
  struct Case {
    const char* name;
    std::function<void(const std::filesystem::path&)> change;
    Found with_address;
    Found without_address;
  };
  for (const Case& one : {
           Case{"as it was", [](auto&) {}, Found::File, Found::File},
           Case{"a copy, which is newer",
                [](auto& path) {
                  std::filesystem::last_write_time(
                      path, std::filesystem::last_write_time(path) + std::chrono::hours(1));
                },
                Found::File, Found::File},
           Case{"another one of that size", [](auto& path) { write_file(path, "ECRUOS"); },
                Found::Address, Found::Nothing},
           Case{"another size", [](auto& path) { write_file(path, "longer source"); },
                Found::Address, Found::Nothing},
           Case{"not there", [](auto& path) { std::filesystem::remove(path); }, Found::Address,
                Found::Nothing},
           Case{"a folder",
                [](auto& path) {
                  std::filesystem::remove(path);
                  std::filesystem::create_directory(path);
                },
                Found::Address, Found::Nothing},
       }) {
    SCOPED_TRACE(one.name);
    for (const char* url : {"http://127.0.0.1:1/x", ""}) {
      TempDir folder;
      const std::filesystem::path path = folder / "clip.mp4";
      const TaskFrames frames = task_of(path, "source", url);
      one.change(path);
      SourceCache cache;
      RangeProgress progress;
      const auto location = locate_source(frames, cache, progress);
      const Found expected = *url == '\0' ? one.without_address : one.with_address;
      ASSERT_EQ(location.has_value(), expected != Found::Nothing);
      if (!location) {
        // Another worker may see it.
        EXPECT_EQ(location.error().code, ErrorCode::Retry);
        EXPECT_NE(location.error().message.find(path.string()), std::string::npos);
        EXPECT_NE(location.error().message.find("http.listen"), std::string::npos);
        continue;
      }
      const auto* remote = std::get_if<RemoteLocation>(&*location);
      ASSERT_EQ(remote != nullptr, expected == Found::Address);
      if (remote == nullptr) continue;
      EXPECT_EQ(remote->file, (RemoteFile{path.string(), url, "hash", 6}));
      EXPECT_FALSE(remote->hooks.is_cancelled());
      remote->hooks.on_block();
      EXPECT_EQ(progress.steps(), 1u);
      progress.cancel();
      EXPECT_TRUE(remote->hooks.is_cancelled());
    }
  }
}

TEST(FrameSource, WithoutAFingerprintTheTimeCountsToo) {
  TempDir folder;
  const std::filesystem::path path = folder / "clip.mp4";
  TaskFrames frames = task_of(path, "source", "");
  frames.fingerprint.clear();
  SourceCache cache;
  RangeProgress progress;
  EXPECT_TRUE(locate_source(frames, cache, progress));
  std::filesystem::last_write_time(
      path, std::filesystem::last_write_time(path) + std::chrono::seconds(1));
  EXPECT_FALSE(locate_source(frames, cache, progress));
}

}  // namespace
}  // namespace posefleet::tests
