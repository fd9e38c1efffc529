#include "coordinator/server/spool.h"

#include <gtest/gtest.h>

#include "tests/support/fixtures.h"

namespace posefleet::tests {
namespace {

constexpr std::uint64_t kMax = 100;
constexpr RangeId kRange{5};

// Every result in a file, unless a test says otherwise.
std::unique_ptr<ResultSpool> open(const std::filesystem::path& folder, std::size_t results = 3) {
  auto spool =
      ResultSpool::open(folder, {.entries_max = results, .in_memory_max = 0, .memory_max = 0});
  EXPECT_TRUE(spool) << spool.error().message;
  return std::move(*spool);
}

Status add(ResultSpool& spool, std::uint64_t offset, const std::string& bytes,
           const std::string& peer = "w") {
  return spool.add(peer, {SessionId{1}, kRange, {1, 1}, offset, bytes}, kMax);
}

ResultDone done_with(const std::string& bytes) {
  ResultDone done;
  done.range = kRange;
  done.size = bytes.size();
  done.sha256 = sha256_hex(bytes);
  return done;
}

std::size_t files_in(const std::filesystem::path& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

TEST(Spool, PartsInOrderBecomeTheResult) {
  TempDir folder;
  const auto spool = open(folder / "incoming");
  EXPECT_TRUE(add(*spool, 0, "abc"));
  EXPECT_FALSE(spool->is_complete("w", done_with("abcdef")));
  EXPECT_TRUE(add(*spool, 3, "def"));
  // The announcement may come twice.
  EXPECT_TRUE(spool->is_complete("w", done_with("abcdef")));
  EXPECT_TRUE(spool->is_complete("w", done_with("abcdef")));
  const WholeResult whole = spool->take("w", kRange);
  EXPECT_EQ(read_file(whole.file), "abcdef");
  // It is the receiver's now.
  spool->drop_all_of("w");
  EXPECT_EQ(files_in(folder / "incoming"), 1u);
  EXPECT_FALSE(spool->is_complete("w", done_with("abcdef")));
}

TEST(Spool, MoreResultsThanTheLimitAreRefusedWithItsNumber) {
  TempDir folder;
  const auto spool = open(folder / "incoming");
  for (const char* peer : {"a", "b", "c"}) EXPECT_TRUE(add(*spool, 0, "abc", peer));
  const Status refused = add(*spool, 0, "abc", "d");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::Overloaded);
  EXPECT_EQ(refused.error().message,
            "a result was not taken: 3 others arrive already (limits.results)");
  EXPECT_EQ(files_in(folder / "incoming"), 3u);
  // Those that began go on, and each that ends makes room.
  EXPECT_TRUE(add(*spool, 3, "def", "a"));
  spool->drop("b", kRange);
  EXPECT_TRUE(add(*spool, 0, "abc", "d"));
}

TEST(Spool, WhatDoesNotArriveInOrderIsNotComplete) {
  using Parts = std::vector<std::pair<std::uint64_t, std::string>>;
  struct Case {
    const char* name;
    Parts parts;
    bool is_complete;
  };
  for (const Case& one : {
           Case{"nothing", {}, false},
           Case{"the end first", {{3, "def"}, {0, "abc"}}, false},
           Case{"a gap", {{0, "ab"}, {3, "def"}}, false},
           Case{"the first is missing", {{3, "def"}}, false},
           Case{"a part twice", {{0, "abc"}, {3, "def"}, {3, "def"}}, true},
           Case{"begun anew", {{0, "abc"}, {3, "d"}, {0, "abc"}, {3, "def"}}, true},
           Case{"begun anew and not finished", {{0, "abc"}, {3, "def"}, {0, "abc"}}, false},
           Case{"another byte", {{0, "abc"}, {3, "deg"}}, false},
           Case{"too much", {{0, "abc"}, {3, "def"}, {6, "g"}}, false},
       }) {
    SCOPED_TRACE(one.name);
    TempDir folder;
    const auto spool = open(folder / "incoming");
    for (const auto& [offset, bytes] : one.parts) EXPECT_TRUE(add(*spool, offset, bytes));
    EXPECT_EQ(spool->is_complete("w", done_with("abcdef")), one.is_complete);
  }
}

TEST(Spool, AResultBeginsAnewAfterAWrongAnnouncement) {
  TempDir folder;
  const auto spool = open(folder / "incoming");
  EXPECT_TRUE(add(*spool, 0, "abcdeX"));
  EXPECT_FALSE(spool->is_complete("w", done_with("abcdef")));
  EXPECT_TRUE(add(*spool, 0, "abcdef"));
  EXPECT_TRUE(spool->is_complete("w", done_with("abcdef")));
}

TEST(Spool, AResultMayNotGrowBeyondItsLimit) {
  TempDir folder;
  const auto spool = open(folder / "incoming");
  const std::string half(60, 'x');
  EXPECT_TRUE(add(*spool, 0, half));
  const Status grown = add(*spool, 60, half);
  ASSERT_FALSE(grown);
  EXPECT_EQ(grown.error().message, "a result grew to 120 bytes, at most 100 bytes are taken");
  EXPECT_EQ(files_in(folder / "incoming"), 0u);
  EXPECT_FALSE(spool->is_complete("w", done_with(half + half)));
}

TEST(Spool, AResultInCrumbsIsDropped) {
  TempDir folder;
  const auto spool = open(folder / "incoming");
  const auto part = [&](std::uint64_t offset) {
    return spool->add("w", {SessionId{1}, kRange, {1, 1}, offset, "x"}, 1 << 20);
  };
  for (std::uint64_t i = 0; i < kPartsMax; ++i) ASSERT_TRUE(part(i)) << i;
  const Status over = part(kPartsMax);
  ASSERT_FALSE(over);
  EXPECT_NE(over.error().message.find("65536"), std::string::npos) << over.error().message;
  EXPECT_EQ(files_in(folder / "incoming"), 0u);
}

TEST(Spool, OneWorkersOpenResultsAreCountedAndThoseOfOthersAreNot) {
  TempDir folder;
  const auto spool = open(folder / "incoming", 2 * kResultsPerPeerMax);
  const auto begin = [&](const std::string& peer, std::uint64_t range) {
    return spool->add(peer, {SessionId{1}, RangeId{range}, {1, 1}, 0, "x"}, kMax);
  };
  for (std::uint64_t range = 1; range <= kResultsPerPeerMax; ++range) {
    ASSERT_TRUE(begin("w", range));
  }
  const Status over = begin("w", kResultsPerPeerMax + 1);
  ASSERT_FALSE(over);
  EXPECT_NE(over.error().message.find("256"), std::string::npos) << over.error().message;
  EXPECT_TRUE(begin("w", 1));  // begins anew
  EXPECT_TRUE(begin("other", 1));
  // A piece of a result that never began leaves nothing.
  EXPECT_TRUE(spool->add("third", {SessionId{1}, kRange, {1, 1}, 7, "x"}, kMax));
  EXPECT_EQ(files_in(folder / "incoming"), kResultsPerPeerMax + 1);
}

TEST(Spool, TwoWorkersMaySendTheSameRange) {
  TempDir folder;
  const auto spool = open(folder / "incoming");
  EXPECT_TRUE(add(*spool, 0, "abc", "one"));
  EXPECT_TRUE(add(*spool, 0, "xyz", "two"));
  EXPECT_TRUE(add(*spool, 3, "def", "one"));
  EXPECT_TRUE(spool->is_complete("one", done_with("abcdef")));
  EXPECT_TRUE(spool->is_complete("two", done_with("xyz")));
  spool->drop_all_of("one");
  EXPECT_FALSE(spool->is_complete("one", done_with("abcdef")));
  EXPECT_TRUE(spool->is_complete("two", done_with("xyz")));
  spool->drop("two", kRange);
  EXPECT_EQ(files_in(folder / "incoming"), 0u);
}

TEST(Spool, RemovesWhatAnEarlierProcessLeft) {
  TempDir folder;
  std::filesystem::create_directories(folder / "incoming");
  write_file(folder / "incoming/7.part", "old");
  const auto spool = open(folder / "incoming");
  EXPECT_EQ(files_in(folder / "incoming"), 0u);
  EXPECT_TRUE(add(*spool, 0, "abc"));
}

TEST(Spool, SmallResultsStayInMemoryAsLongAsThereIsRoom) {
  struct Case {
    const char* name;
    std::vector<std::string> parts;
    std::string before;  // another worker's result that is there
    bool is_file;
  };
  for (const Case& one : {
           Case{"small", {"abc", "def"}, "", false},
           Case{"as large as may be", {"abcde", "fghij"}, "", false},
           Case{"one byte more", {"abcde", "fghij", "k"}, "", true},
           Case{"large at once", {"abcdefghijk"}, "", true},
           Case{"small, room is left", {"abc"}, "123456789", false},
           Case{"small, no room is left", {"abc", "defg"}, "123456789", true},
       }) {
    SCOPED_TRACE(one.name);
    TempDir folder;
    auto opened = ResultSpool::open(folder / "incoming",
                                    {.entries_max = 3, .in_memory_max = 10, .memory_max = 15});
    const std::unique_ptr<ResultSpool> spool = std::move(*opened);
    if (!one.before.empty()) {
      EXPECT_TRUE(add(*spool, 0, one.before, "other"));
    }
    std::string all;
    for (const std::string& part : one.parts) {
      EXPECT_TRUE(add(*spool, all.size(), part));
      all += part;
    }
    ASSERT_TRUE(spool->is_complete("w", done_with(all)));
    const WholeResult whole = spool->take("w", kRange);
    EXPECT_EQ(!whole.file.empty(), one.is_file);
    EXPECT_EQ(one.is_file ? read_file(whole.file) : whole.bytes, all);
    // Whatever ends makes room again.
    spool->drop_all_of("other");
    for (const char* peer : {"a", "b"}) EXPECT_TRUE(add(*spool, 0, "7 bytes", peer));
    EXPECT_EQ(files_in(folder / "incoming"), one.is_file ? 1u : 0u);
  }
}

}  // namespace
}  // namespace posefleet::tests
