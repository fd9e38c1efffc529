#include "coordinator/store/bundle.h"

#include <csignal>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "tests/support/fixtures.h"

namespace posefleet::tests {
namespace {

// Files of this process may not grow beyond that many bytes, as on a disk that is full.
class FileSizeLimit final {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

TEST(Bundle, ResultsFollowOneAnother) {
  TempDir folder;
  const auto bundle = Bundle::create(folder / "some.bundle");
  ASSERT_TRUE(bundle) << bundle.error().message;
  EXPECT_EQ(*(*bundle)->append("abc"), 0u);
  EXPECT_EQ(*(*bundle)->append("defgh"), 3u);
  EXPECT_TRUE((*bundle)->sync());
  EXPECT_EQ(*(*bundle)->append("i"), 8u);
  EXPECT_EQ(read_file(folder / "some.bundle"), "abcdefghi");
}

TEST(Bundle, IsNeverContinuedByAnother) {
  TempDir folder;
  ASSERT_TRUE(Bundle::create(folder / "some.bundle"));
  const auto second = Bundle::create(folder / "some.bundle");
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find((folder / "some.bundle").string()), std::string::npos);
  EXPECT_FALSE(Bundle::create(folder / "no/folder/some.bundle"));
}

TEST(Bundle, WhatDoesNotFitLeavesTheNextOneItsPlace) {
  TempDir folder;
  const auto bundle = Bundle::create(folder / "some.bundle");
  EXPECT_EQ(*(*bundle)->append("abc"), 0u);
  {
    const FileSizeLimit limit(10);
    const auto refused = (*bundle)->append("0123456789");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::Retry);
    EXPECT_EQ(*(*bundle)->append("defg"), 3u);
  }
  EXPECT_TRUE((*bundle)->is_usable());
  EXPECT_TRUE((*bundle)->sync());
  EXPECT_EQ(read_file(folder / "some.bundle").substr(0, 7), "abcdefg");
}

}  // namespace
}  // namespace posefleet::tests
