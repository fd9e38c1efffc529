#include "training/detector/history.h"

#include <gtest/gtest.h>

#include "tests/support/fixtures.h"

namespace posefleet::tests {
namespace {

using namespace posefleet::training::detect;

HistoryEntry entry_at(double seconds, double recall) {
  return {.step = static_cast<std::uint64_t>(seconds) * 2,
          .elapsed_seconds = seconds,
          .score_loss = 1.5,
          .box_loss = 0.25,
          .quality = {.conf = 0.31,
                      .iou = 0.6,
                      .recall = recall,
                      .precision = 0.75,
                      .overlap = 0.875,
                      .ap50 = 0.5,
                      .ap75 = 0.125,
                      .people = 17}};
}

TEST(History, ReadsWhatWasWritten) {
  const TempDir folder;
  const std::vector<HistoryEntry> entries = {entry_at(60, 0.25), entry_at(120, 0.5)};
  EXPECT_TRUE(read_history(folder / "log.jsonl")->empty());
  for (const HistoryEntry& entry : entries) {
    ASSERT_TRUE(append_history(folder / "log.jsonl", entry));
  }
  const auto read = read_history(folder / "log.jsonl");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, entries);
}

TEST(History, LeavesOutALineThatWasCutOff) {
  const TempDir folder;
  ASSERT_TRUE(append_history(folder / "log.jsonl", entry_at(60, 0.25)));
  const std::string whole = read_file(folder / "log.jsonl");
  write_file(folder / "log.jsonl", whole + whole.substr(0, whole.size() / 2));
  const auto read = read_history(folder / "log.jsonl");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->size(), 1u);
}

TEST(History, NamesTheLineThatIsNone) {
  const TempDir folder;
  ASSERT_TRUE(append_history(folder / "log.jsonl", entry_at(60, 0.25)));
  const std::string whole = read_file(folder / "log.jsonl");
  for (const char* line : {"once upon a time\n", "{}\n", "{\"step\": \"two\"}\n", "[1]\n", "\n"}) {
    SCOPED_TRACE(line);
    write_file(folder / "log.jsonl", whole + line);
    const auto read = read_history(folder / "log.jsonl");
    ASSERT_FALSE(read);
    EXPECT_NE(read.error().message.find("log.jsonl:2"), std::string::npos) << read.error().message;
  }
}

TEST(History, DrawsACurveForEachFigure) {
  const std::string svg = history_plot({entry_at(60, 0.25), entry_at(600, 0.5)});
  for (const char* part :
       {"<svg", "recall 0.500", "precision 0.750", "AP 0.75", "10 min", "</svg>"}) {
    EXPECT_NE(svg.find(part), std::string::npos) << part;
  }
  EXPECT_NE(history_plot({}).find("</svg>"), std::string::npos);
}

}  // namespace
}  // namespace posefleet::tests
