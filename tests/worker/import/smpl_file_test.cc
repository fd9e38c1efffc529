#include "worker/import/smpl_file.h"

#include <cmath>

#include <gtest/gtest.h>

#include "common/body/joints.h"
#include "tests/support/fixtures.h"
#include "tests/worker/import/pickle_builder.h"

namespace posefleet {
namespace {

using tests::array_of_numbers;
using tests::dict_of;
using tests::TempDir;

std::filesystem::path fixture(const std::string& name) {
  return tests::require_folder(POSEFLEET_SHARED_DIR "/fixtures/hmr2_tiny") / name;
}

TEST(SmplFile, ReadsTheSameBodyFromEveryForm) {
  const auto python2 = read_smpl_file(fixture("SMPL_NEUTRAL.pkl"));
  const auto python3 = read_smpl_file(fixture("SMPL_NEUTRAL_py3.pkl"));
  const auto plain = read_smpl_file(fixture("SMPL_NEUTRAL_clean.pkl"));
  for (const auto* body : {&python2, &python3, &plain}) {
    ASSERT_TRUE(*body) << body->error().message;
    EXPECT_EQ((*body)->vertex_count(), 263);
    EXPECT_EQ((*body)->face_count(), 522);
    EXPECT_EQ(**body, *python2);
    EXPECT_TRUE(std::equal(kJointParents.begin(), kJointParents.end(), (*body)->parents.begin()));
  }
}

TEST(SmplFile, ReadsTheJointRegressorOfTheTextProtocol) {
  const auto regressor = read_joint_regressor(fixture("SMPL_to_J19.pkl"), 263);
  ASSERT_TRUE(regressor) << regressor.error().message;
  EXPECT_EQ(regressor->size(), 19u * 263u);
  // Each of its rows is a mean of vertices.
  for (std::size_t row = 0; row < 19; ++row) {
    double sum = 0;
    for (std::size_t v = 0; v < 263; ++v) sum += (*regressor)[row * 263 + v];
    EXPECT_NEAR(sum, 1.0, 1e-3) << row;
  }
  const auto other = read_joint_regressor(fixture("SMPL_to_J19.pkl"), 6890);
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().message.find("shape (19, 263), expected (19, 6890)"), std::string::npos)
      << other.error().message;
}

// A body of two vertices, whose parts a test replaces.
using Parts = std::map<std::string, std::string>;

Parts two_vertices(std::int64_t directions) {
  std::vector<double> shapes(static_cast<std::size_t>(2 * 3 * directions));
  for (std::size_t i = 0; i < shapes.size(); ++i) shapes[i] = static_cast<double>(i);
  std::vector<double> poses(2 * 3 * 207);
  for (std::size_t i = 0; i < poses.size(); ++i) poses[i] = static_cast<double>(i);
  std::vector<std::int64_t> tree(48);
  for (std::size_t j = 0; j < 24; ++j) tree[j] = kJointParents[j];
  return {{"v_template", array_of_numbers<double>("f8", {2, 3}, {1, 2, 3, 4, 5, 6})},
          {"shapedirs", array_of_numbers<double>("f8", {2, 3, directions}, shapes)},
          {"posedirs", array_of_numbers<double>("f8", {2, 3, 207}, poses)},
          {"J_regressor", array_of_numbers<double>("f8", {24, 2}, std::vector<double>(48, 0.5))},
          {"weights", array_of_numbers<double>("f8", {2, 24}, std::vector<double>(48, 1.0 / 24))},
          {"kintree_table", array_of_numbers<std::int64_t>("i8", {2, 24}, tree)},
          {"f", array_of_numbers<std::uint32_t>("u4", {1, 3}, {0, 1, 0})}};
}

Result<BodyData> read_parts(const TempDir& folder, const Parts& parts) {
  tests::write_file(folder / "body.pkl", dict_of({parts.begin(), parts.end()}) + ".");
  return read_smpl_file(folder / "body.pkl");
}

TEST(SmplFile, KeepsTenOfMoreShapesAndTurnsPosesRound) {
  const TempDir folder;
  const auto body = read_parts(folder, two_vertices(300));
  ASSERT_TRUE(body) << body.error().message;
  ASSERT_EQ(body->shapedirs.size(), 60u);
  EXPECT_EQ(body->shapedirs[9], 9.0f);
  EXPECT_EQ(body->shapedirs[10], 300.0f);
  ASSERT_EQ(body->posedirs.size(), 207u * 6u);
  EXPECT_EQ(body->posedirs[1], 207.0f);  // feature 0 of coordinate 1
  EXPECT_EQ(body->posedirs[6], 1.0f);    // feature 1 of coordinate 0
  EXPECT_EQ(body->parents[0], -1);
}

TEST(SmplFile, NamesWhatIsMissingOrWrong) {
  const std::string seven = array_of_numbers<double>("f8", {7}, std::vector<double>(7));
  const struct {
    const char* key;
    std::string value;  // empty: left out
    const char* expected;
  } cases[] = {
      {"v_template", "", "there is no 'v_template'"},
      {"weights", "", "there is no 'weights'"},
      {"f", "", "there is no 'f'"},
      {"v_template", seven, "'v_template' has shape (7), expected (-1, 3)"},
      {"posedirs", seven, "'posedirs' has shape (7), expected (2, 3, 207)"},
      {"J_regressor", seven, "'J_regressor' has shape (7), expected (24, 2)"},
      {"kintree_table", seven, "'kintree_table' has shape (7), expected (2, 24)"},
      {"weights", "K\x07", "'weights': expected an array, found an integer"},
      {"shapedirs", array_of_numbers<double>("f8", {2, 3, 9}, std::vector<double>(54)),
       "'shapedirs' has 9 directions, at least 10"},
      {"f", array_of_numbers<std::uint32_t>("u4", {1, 3}, {0, 1, 2}),
       "'f' has vertex 2; there are 2 vertices"},
      {"f", array_of_numbers<double>("f8", {1, 3}, {0, 1, 0}), "'f': the array holds f8"},
      {"v_template", array_of_numbers<double>("f8", {0, 3}, {}), "'v_template' has shape (0, 3)"},
  };
  const TempDir folder;
  for (const auto& c : cases) {
    SCOPED_TRACE(c.expected);
    Parts parts = two_vertices(10);
    parts[c.key] = c.value;
    if (c.value.empty()) parts.erase(c.key);
    const auto body = read_parts(folder, parts);
    ASSERT_FALSE(body);
    EXPECT_NE(body.error().message.find(c.expected), std::string::npos) << body.error().message;
    EXPECT_NE(body.error().message.find("body.pkl"), std::string::npos);
  }
}

TEST(SmplFile, RefusesEveryCutFile) {
  const TempDir folder;
  ASSERT_TRUE(read_parts(folder, two_vertices(10)));
  const std::string bytes = tests::read_file(folder / "body.pkl");
  // The arrays' insides are all alike: every size near the start and the end, and steps between.
  for (std::size_t size = 0; size < bytes.size(); size += (size < 300 ? 1 : 37)) {
    tests::write_file(folder / "cut.pkl", bytes.substr(0, size));
    EXPECT_FALSE(read_smpl_file(folder / "cut.pkl")) << size;
  }
}

}  // namespace
}  // namespace posefleet
