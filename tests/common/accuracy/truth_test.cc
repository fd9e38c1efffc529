// Truth files come back as they were written, and whatever is no truth file is told apart.
#include "common/accuracy/truth.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "common/accuracy/axis_angle.h"
#include "common/base/random.h"
#include "tests/support/fixtures.h"

namespace posefleet {
namespace {

constexpr double kPi = 3.14159265358979323846;

// Turns of all sizes, half turns among them.
BodyPose some_pose(Random& random) {
  BodyPose pose;
  const auto turn = [&] {
    const double scale = random.below(3) == 0 ? kPi : 0.5;
    return rotation_of({scale * (2 * random.unit() - 1), scale * (2 * random.unit() - 1),
                        scale * (2 * random.unit() - 1)});
  };
  pose.global_orient = turn();
  for (Rotation& rotation : pose.body_pose) rotation = turn();
  for (float& beta : pose.betas) beta = static_cast<float>(4 * random.unit() - 2);
  return pose;
}

Truth some_truth() {
  Random random(7);
  Truth truth{640, 360, 571.25, 29.97, std::string(64, 'a'), "draw --seed 7 \"quoted\"\n", {}};
  for (std::uint32_t frame = 0; frame < 4; ++frame) {
    truth.frames.push_back({frame, {}});
    for (std::uint32_t person = 0; person < frame; ++person) {
      TruePerson entry;
      entry.id = static_cast<std::int64_t>(person) - 1;
      entry.box = {-3.25f, 10.126f, 100.004f + static_cast<float>(frame), 200};
      entry.visible = 0.12345;
      entry.pose = some_pose(random);
      entry.translation = {0.1f, -0.00000049f, 6.543217f};
      truth.frames.back().people.push_back(entry);
    }
  }
  return truth;
}

void expect_near(const Rotation& a, const Rotation& b) {
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 2 * kTruthRotationError);
}

TEST(Truth, ComesBackWithinThePrecisionOfTheFile) {
  const Truth truth = some_truth();
  const tests::TempDir folder;
  const Status written = write_truth(folder / "truth.json", truth);
  ASSERT_TRUE(written) << written.error().message;
  const auto read = read_truth(folder / "truth.json");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->width, truth.width);
  EXPECT_EQ(read->height, truth.height);
  EXPECT_EQ(read->focal_length, truth.focal_length);
  EXPECT_EQ(read->frames_per_second, truth.frames_per_second);
  EXPECT_EQ(read->body_sha256, truth.body_sha256);
  EXPECT_EQ(read->made_by, truth.made_by);
  ASSERT_EQ(read->frames.size(), truth.frames.size());
  for (std::size_t f = 0; f < truth.frames.size(); ++f) {
    ASSERT_EQ(read->frames[f].people.size(), truth.frames[f].people.size());
    for (std::size_t p = 0; p < truth.frames[f].people.size(); ++p) {
      const TruePerson& a = truth.frames[f].people[p];
      const TruePerson& b = read->frames[f].people[p];
      EXPECT_EQ(a.id, b.id);
      EXPECT_NEAR(a.box.x0, b.box.x0, kTruthBoxError);
      EXPECT_NEAR(a.box.y0, b.box.y0, kTruthBoxError);
      EXPECT_NEAR(a.box.x1, b.box.x1, kTruthBoxError);
      EXPECT_NEAR(a.box.y1, b.box.y1, kTruthBoxError);
      EXPECT_NEAR(a.visible, b.visible, kTruthShareError);
      expect_near(a.pose.global_orient, b.pose.global_orient);
      for (std::size_t j = 0; j < kBodyJointCount; ++j) {
        expect_near(a.pose.body_pose[j], b.pose.body_pose[j]);
      }
      for (std::size_t i = 0; i < kBetaCount; ++i) {
        EXPECT_NEAR(a.pose.betas[i], b.pose.betas[i], kTruthLengthError);
      }
      for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_NEAR(a.translation[i], b.translation[i], kTruthLengthError);
      }
    }
  }
}

TEST(Truth, HasOneLineAFrameAndTheSameBytesEachTime) {
  const std::string text = *truth_to_text(some_truth(), "t");
  EXPECT_EQ(text, *truth_to_text(some_truth(), "t"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1 + 4 + 1);
  EXPECT_EQ(text.find("-0,"), std::string::npos);
}

TEST(Truth, KeepsTurnsThroughThreeNumbers) {
  Random random(3);
  for (int i = 0; i < 2000; ++i) {
    const double angle = i % 4 == 0 ? kPi : i % 4 == 1 ? 1e-7 : kPi * random.unit();
    AxisAngle axis = {random.unit() - 0.5, random.unit() - 0.5, random.unit() - 0.5};
    if (i % 5 == 0) axis = {0, i % 2 == 0 ? 1.0 : -1.0, 0};
    const double length = std::hypot(axis[0], axis[1], axis[2]);
    for (double& number : axis) number *= angle / length;
    const Rotation rotation = rotation_of(axis);
    EXPECT_TRUE(is_rotation(rotation, 1e-6));
    const AxisAngle again = axis_angle_of(rotation);
    EXPECT_LE(std::hypot(again[0], again[1], again[2]), kPi + 1e-9);
    const Rotation back = rotation_of(again);
    for (std::size_t k = 0; k < 9; ++k) ASSERT_NEAR(rotation[k], back[k], 1e-6) << i;
  }
  EXPECT_EQ(rotation_of({0, 0, 0}), (Rotation{1, 0, 0, 0, 1, 0, 0, 0, 1}));
  EXPECT_EQ(axis_angle_of({1, 0, 0, 0, 1, 0, 0, 0, 1}), (AxisAngle{0, 0, 0}));
  EXPECT_FALSE(is_rotation({1, 0, 0, 0, 1, 0, 0, 0, -1}, 1e-3)) << "a mirror";
}

// A truth of one person, with `from` replaced by `to` in its text.
std::string changed(const std::string& from, const std::string& to) {
  Truth truth = some_truth();
  truth.frames.resize(2);
  std::string text = *truth_to_text(truth, "t");
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from << " in " << text;
  return text.replace(at, from.size(), to);
}

TEST(Truth, TellsWhatIsWrongInAFile) {
  const std::string deep(1'000'000, '[');
  std::string many = "[0";
  for (int i = 0; i < 400'000; ++i) many += ",0";
  many += "]";
  const struct {
    const char* name;
    std::string text;
    const char* expected;
  } kCases[] = {
      {"nothing", "", "line 1"},
      {"no JSON", "hello", "line 1"},
      {"a cut file", changed("\n]}\n", ""), "line 3"},
      {"something after it", changed("\n]}\n", "\n]}\n]"), "line 5"},
      {"brackets", deep, "nest"},
      {"a list", "[]", "expected: an object"},
      {"another format", changed("posefleet-truth", "other"), "no truth file"},
      {"no format", R"({"version":1})", "no truth file"},
      {"another version", changed("\"version\":1", "\"version\":2"), "version is 2"},
      {"an unknown key", changed("\"made_by\"", "\"maker\""), "'maker'"},
      {"a missing key", changed("\"focal_length\":571.25,", ""), "focal_length is missing"},
      {"no width", changed("640", "0"), "width is 0"},
      {"a width of text", changed("640", "\"640\""), "width is \"640\""},
      {"a huge width", changed("640", "99999999999999999999"), "width is"},
      {"a focal length that is no number", changed("571.25", "null"), "focal_length is null"},
      {"a number that is infinite", changed("571.25", "1e999"), "number overflow"},
      {"frames per second", changed("29.97", "-1"), "frames_per_second is -1"},
      {"a short hash", changed("aaaa\"", "\""), "body_sha256"},
      {"frames twice", changed("\n]}\n", "\n],\"frames\":[]}\n"), "'frames' is there twice"},
      {"frames that are none",
       R"({"format":"posefleet-truth","version":1,"width":9,"height":9,)"
       R"("focal_length":9,"frames_per_second":9,"body_sha256":"",)"
       R"("made_by":"","frames":5})",
       "frames is 5"},
      {"frames that are an object", R"({"frames":{"a":{"frame":0}}})", "no truth file"},
      {"a frame that is a number", changed("{\"frame\":0", "7,{\"frame\":0"), "frame 0: this is 7"},
      {"a frame that is a list", changed("{\"frame\":0", "[7],{\"frame\":0"), "frame 0"},
      {"a gap", changed("\"frame\":1", "\"frame\":2"), "frame 1: its number is 2"},
      {"many values", changed("{\"frame\":1", many + ",{\"frame\":1"), "values"},
      {"many values before", changed("\"made_by\":", "\"x\":" + many + ",\"made_by\":"), "values"},
      {"people", changed("\"people\":[]", "\"people\":{}"), "frame 0: people"},
      {"an id of text", changed("\"id\":-1", "\"id\":\"a\""), "frame 1, people[0]: id"},
      {"a large id", changed("\"id\":-1", "\"id\":18446744073709551615"), "id is 1844"},
      {"an empty box", changed("101", "-5"), "frame 1, person -1: box"},
      {"a short box", changed("-3.25,", ""), "4 numbers"},
      {"visible above 1", changed("0.1235", "1.5"), "visible is 1.5"},
      {"a translation out of range", changed("6.54322", "1e30"), "translation is 1"},
      {"a translation beyond float", changed("6.54322", "1e300"), "translation is inf"},
      {"degrees", changed("\"pose\":[[", "\"pose\":[[180,0,0],["), "24 rotations"},
      {"radians", changed("\"pose\":[[", "\"pose\":[[18"), "radians"},
      {"a pose of text", changed("\"pose\":[[", "\"pose\":[[\"a\"],["), "24 rotations"},
  };
  for (const auto& test : kCases) {
    SCOPED_TRACE(test.name);
    const auto truth = truth_of_text(test.text, "some.json");
    ASSERT_FALSE(truth);
    EXPECT_EQ(truth.error().code, ErrorCode::Rejected);
    EXPECT_NE(truth.error().message.find("some.json"), std::string::npos);
    EXPECT_NE(truth.error().message.find(test.expected), std::string::npos)
        << truth.error().message;
    EXPECT_LT(truth.error().message.size(), 500u);
  }
}

TEST(Truth, SurvivesAnyDamage) {
  Truth truth = some_truth();
  truth.frames.resize(3);
  const std::string text = *truth_to_text(truth, "t");
  int refused = 0;
  // Cut anywhere but in the last line feed.
  for (std::size_t size = 0; size + 1 < text.size(); ++size) {
    EXPECT_FALSE(truth_of_text(text.substr(0, size), "t")) << size;
  }
  Random random(13);
  for (int round = 0; round < 5000; ++round) {
    std::string damaged = text;
    const std::uint64_t changes = 1 + random.below(4);
    for (std::uint64_t i = 0; i < changes; ++i) {
      const char kLetters[] = "0-9.e+[]{},:\"\\n\x00\xff";
      damaged[random.below(damaged.size())] = kLetters[random.below(sizeof kLetters)];
    }
    const auto read = truth_of_text(damaged, "t");
    refused += read ? 0 : 1;
    // Whatever was taken is a truth that can be written again.
    if (read) {
      EXPECT_TRUE(truth_to_text(*read, "t"));
    }
  }
  EXPECT_GT(refused, 1000);
}

TEST(Truth, TakesAnyOrderOfKeysAndLayoutOfLines) {
  const auto truth = truth_of_text(
      "{\"frames\":\n[\n{\"people\":[],\n\"frame\":0}],\"made_by\":\"\",\"body_sha256\":\"" +
          std::string(64, '0') +
          "\",\"frames_per_second\":25,\"focal_length\":1000,\"height\":2,\"width\":3,"
          "\"version\":1,\"format\":\"posefleet-truth\"}",
      "t");
  ASSERT_TRUE(truth) << truth.error().message;
  EXPECT_EQ(truth->width, 3u);
  EXPECT_EQ(truth->frames.size(), 1u);
}

TEST(Truth, RefusesToWriteWhatItWouldNotRead) {
  const float kNan = std::numeric_limits<float>::quiet_NaN();
  const struct {
    const char* name;
    void (*spoil)(Truth&, float nan);
    const char* expected;
  } kCases[] = {
      {"a translation that is no number",
       [](Truth& t, float nan) { t.frames[1].people[0].translation[1] = nan; }, "translation"},
      {"a beta that is no number",
       [](Truth& t, float nan) { t.frames[1].people[0].pose.betas[9] = nan; }, "betas"},
      {"a box that is no number", [](Truth& t, float nan) { t.frames[1].people[0].box.x1 = nan; },
       "box"},
      {"a matrix that is no number",
       [](Truth& t, float nan) { t.frames[1].people[0].pose.body_pose[3][4] = nan; }, "rotation"},
      {"an empty matrix", [](Truth& t, float) { t.frames[1].people[0].pose.global_orient = {}; },
       "rotation"},
      {"a person twice", [](Truth& t, float) { t.frames[2].people[1].id = -1; }, "twice"},
      {"a frame too few", [](Truth& t, float) { t.frames.erase(t.frames.begin()); }, "frame 0"},
      {"no focal length", [](Truth& t, float nan) { t.focal_length = nan; }, "focal_length"},
      {"no hash", [](Truth& t, float) { t.body_sha256.clear(); }, "body_sha256"},
  };
  for (const auto& test : kCases) {
    SCOPED_TRACE(test.name);
    Truth truth = some_truth();
    test.spoil(truth, kNan);
    const tests::TempDir folder;
    const Status written = write_truth(folder / "truth.json", truth);
    ASSERT_FALSE(written);
    EXPECT_NE(written.error().message.find(test.expected), std::string::npos)
        << written.error().message;
    EXPECT_FALSE(std::filesystem::exists(folder / "truth.json"));
  }
}

}  // namespace
}  // namespace posefleet
