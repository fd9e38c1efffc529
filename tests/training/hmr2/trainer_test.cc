// Steps, state and schedule of the trainer, on bodies of dots.
#include "training/hmr2/trainer.h"

#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/body/body_model.h"
#include "tests/support/fixtures.h"
#include "tests/training/hmr2/fake_crops.h"
#include "training/capsule_body.h"
#include "training/hmr2/adamw.h"
#include "training/hmr2/evaluation.h"
#include "training/hmr2/first_look.h"
#include "training/hmr2/loss_plot.h"
#include "training/hmr2/model_writer.h"
#include "training/hmr2/session.h"
#include "worker/model/hmr2.h"

namespace posefleet::tests {
namespace {

using namespace posefleet::training;

NetworkSizes small_sizes() {
  return {48, 2, 3, 96, 64, 2, 2, 16, 64};
}

std::shared_ptr<const BodyModel> capsules() {
  static const auto body = BodyModel::make(make_capsule_body());
  return *body;
}

DrawCrop dots() {
  return [](std::uint64_t index, const Curriculum& curriculum, std::span<std::uint8_t> rgb) {
    return draw_dots(*capsules(), index, curriculum, rgb);
  };
}

// The same few crops again and again.
DrawCrop few_dots() {
  return [](std::uint64_t index, const Curriculum& curriculum, std::span<std::uint8_t> rgb) {
    return draw_dots(*capsules(), index % 4, curriculum, rgb);
  };
}

TrainerOptions small_options(int threads = 1) {
  return {
      .threads = threads, .drawn_per_thread = 4, .normalisation = *crop_normalisation(Manifest{})};
}

StepPlan small_plan(Grid grid = Grid::Half) {
  StepPlan plan;
  plan.grid = grid;
  plan.curriculum.yaw_limit = 40;
  plan.learning_rate = 1e-3f;
  plan.average_decay = 0.9f;
  return plan;
}

FirstLook small_look() {
  return look_at_crops(dots(), *crop_normalisation(Manifest{}), small_sizes().backbone_width, 8);
}

TrainState small_state(const ParameterLayout& layout) {
  return fresh_state(layout, small_look(), 5, 1);
}

void take_steps(const ParameterLayout& layout, TrainState& state, int count, int threads = 1) {
  Trainer trainer(layout, make_capsule_body(), dots(), small_options(threads), state);
  for (int i = 0; i < count; ++i) {
    const auto parts = trainer.step(small_plan(state.step % 2 == 0 ? Grid::Half : Grid::Full));
    ASSERT_TRUE(parts) << parts.error().message;
  }
}

TEST(Trainer, LearnsAFewCropsByHeart) {
  const ParameterLayout layout(small_sizes());
  TrainState state = small_state(layout);
  Trainer trainer(layout, make_capsule_body(), few_dots(), small_options(), state);
  const auto first = trainer.step(small_plan());
  ASSERT_TRUE(first) << first.error().message;
  for (int i = 0; i < 150; ++i) ASSERT_TRUE(trainer.step(small_plan()));
  const auto last = trainer.step(small_plan());
  ASSERT_TRUE(last);
  EXPECT_LT(last->total, 0.4f * first->total);
  EXPECT_LT(last->joint_mm, 0.5f * first->joint_mm);
  EXPECT_LT(last->root_degrees, 0.5f * first->root_degrees);
}

TEST(Trainer, GoesOnFromItsFileAsIfItHadNeverStopped) {
  const ParameterLayout layout(small_sizes());
  const TempDir folder;
  TrainState unbroken = small_state(layout);
  take_steps(layout, unbroken, 6);

  TrainState broken = small_state(layout);
  take_steps(layout, broken, 3);
  broken.history.push_back({1.5, 2.5, 3.5, 0});
  broken.stage = {.widening = 2, .widened_at = 0.1, .is_full = true, .root_degrees = 17.25};
  broken.seconds = 12.5;
  ASSERT_TRUE(save_state(folder / "state", broken, layout.sizes()));
  auto loaded = load_state(folder / "state", layout);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->stage, broken.stage);
  EXPECT_EQ(loaded->seconds, 12.5);
  ASSERT_EQ(loaded->history.size(), 1u);
  EXPECT_EQ(loaded->history[0].joint_mm, 3.5);
  take_steps(layout, *loaded, 3);

  EXPECT_EQ(loaded->step, unbroken.step);
  EXPECT_EQ(loaded->drawn, unbroken.drawn);
  // To the bit.
  EXPECT_EQ(loaded->weights, unbroken.weights);
  EXPECT_EQ(loaded->first_moment, unbroken.first_moment);
  EXPECT_EQ(loaded->second_moment, unbroken.second_moment);
  EXPECT_EQ(loaded->average, unbroken.average);
}

TEST(Trainer, TwoThreadsGiveTheSameBytesEachTime) {
  const ParameterLayout layout(small_sizes());
  TrainState first = small_state(layout);
  TrainState second = small_state(layout);
  take_steps(layout, first, 3, 2);
  take_steps(layout, second, 3, 2);
  EXPECT_EQ(first.weights, second.weights);
  EXPECT_NE(first.weights, small_state(layout).weights);
}

TEST(Trainer, LearnsFromCropsThatItKept) {
  const ParameterLayout layout(small_sizes());
  std::vector<std::uint64_t> drawn;
  const DrawCrop counted = [&](std::uint64_t index, const Curriculum& curriculum,
                               std::span<std::uint8_t> rgb) {
    drawn.push_back(index);
    return draw_dots(*capsules(), index % 4, curriculum, rgb);
  };
  TrainerOptions options = small_options();
  options.drawn_per_thread = 1;
  options.kept_per_thread = 16;
  options.learned_per_thread = 8;
  const auto run = [&](TrainState& state) {
    drawn.clear();
    Trainer trainer(layout, make_capsule_body(), counted, options, state);
    LossParts parts;
    for (int i = 0; i < 120; ++i) parts = *trainer.step(small_plan());
    return parts;
  };
  TrainState first = small_state(layout);
  const LossParts last = run(first);
  // Four in the first step, into an empty store; then one a step, each once and in order.
  ASSERT_EQ(drawn.size(), 4u + 119u);
  for (std::size_t i = 0; i < drawn.size(); ++i) EXPECT_EQ(drawn[i], i);
  EXPECT_EQ(first.drawn, drawn.size());
  EXPECT_LT(last.joint_mm, 80);
  TrainState second = small_state(layout);
  run(second);
  EXPECT_EQ(first.weights, second.weights);
}

TEST(Trainer, KeepsItsWeightsWhenACropIsNoNumber) {
  const ParameterLayout layout(small_sizes());
  TrainState state = small_state(layout);
  const std::vector<float> before = state.weights;
  const DrawCrop broken = [](std::uint64_t index, const Curriculum& curriculum,
                             std::span<std::uint8_t> rgb) {
    CropTruth truth = draw_dots(*capsules(), index, curriculum, rgb);
    truth.pose.betas[3] = std::numeric_limits<float>::quiet_NaN();
    return truth;
  };
  Trainer trainer(layout, make_capsule_body(), broken, small_options(), state);
  const auto parts = trainer.step(small_plan());
  ASSERT_FALSE(parts);
  EXPECT_NE(parts.error().message.find("step 0"), std::string::npos) << parts.error().message;
  EXPECT_EQ(state.weights, before);
  EXPECT_EQ(state.step, 0u);
}

TEST(TrainState, RefusesFilesThatAreNotItsOwn) {
  const ParameterLayout layout(small_sizes());
  const TempDir folder;
  TrainState state = small_state(layout);
  ASSERT_TRUE(save_state(folder / "good", state, layout.sizes()));
  const std::string good = read_file(folder / "good");
  write_file(folder / "cut", good.substr(0, good.size() / 2));
  write_file(folder / "empty", "");
  state.weights[7] = std::numeric_limits<float>::infinity();
  ASSERT_TRUE(save_state(folder / "infinite", state, layout.sizes()));
  state.weights[7] = 0;
  state.stage.widening = 99;
  ASSERT_TRUE(save_state(folder / "stage", state, layout.sizes()));
  NetworkSizes other = small_sizes();
  other.backbone_depth = 3;
  ASSERT_TRUE(save_state(folder / "other", small_state(layout), other));
  struct Case {
    const char* name;
    const char* expected;
  };
  for (const Case& c :
       {Case{"cut", "cut"}, Case{"empty", "no safetensors"}, Case{"infinite", "weights[7] is inf"},
        Case{"stage", "widening is 99"}, Case{"other", "sizes are"}, Case{"absent", "absent"}}) {
    SCOPED_TRACE(c.name);
    const auto loaded = load_state(folder / c.name, layout);
    ASSERT_FALSE(loaded);
    EXPECT_NE(loaded.error().message.find(c.expected), std::string::npos) << loaded.error().message;
    EXPECT_NE(loaded.error().message.find(c.name), std::string::npos) << loaded.error().message;
  }
}

TEST(AdamW, MovesAgainstTheGradientByTheLearningRateAtFirst) {
  std::vector<float> weights = {1, 1, 1};
  std::vector<float> first(3), second(3), average(3);
  const std::vector<std::uint8_t> is_decayed = {0, 0, 1};
  const std::vector<float> gradient = {0.5f, -20, 0};
  const AdamWArrays arrays = {weights, first, second, average, is_decayed};
  adamw_step(arrays, gradient, 0, 3, {.step = 1, .learning_rate = 0.01f, .average_decay = 0.5f},
             {.weight_decay = 0.1f});
  // The size of a first gradient does not matter, only its sign; a decayed weight shrinks.
  EXPECT_NEAR(weights[0], 0.99, 1e-6);
  EXPECT_NEAR(weights[1], 1.01, 1e-6);
  EXPECT_NEAR(weights[2], 0.999, 1e-6);
  EXPECT_NEAR(average[0], 0.495, 1e-6);
}

TEST(Samples, AMirroredCropIsThatOfTheMirroredPerson) {
  std::vector<std::uint8_t> rgb(kCropBytes);
  const CropTruth truth = draw_dots(*capsules(), 3, {.pose_range = 2}, rgb);
  const CropTruth other = mirrored(truth);
  // The body that the mirrored parameters describe is where the mirrored points are.
  const PosedBody posed = capsules()->pose(other.pose);
  for (std::size_t joint = 0; joint < other.joints.size(); ++joint) {
    for (std::size_t axis = 0; axis < 3; ++axis) {
      EXPECT_NEAR(posed.joints45[joint][axis], other.joints[joint][axis], 1e-4) << joint;
    }
  }
  const CropTruth back = mirrored(other);
  EXPECT_EQ(back.pose.body_pose, truth.pose.body_pose);
  EXPECT_EQ(back.keypoints_2d, truth.keypoints_2d);
  EXPECT_EQ(other.keypoints_2d[2][0], -truth.keypoints_2d[5][0]);
}

TEST(Samples, MirroredPatchesAreThePatchesOfTheMirroredPicture) {
  std::vector<std::uint8_t> rgb(kCropBytes);
  (void)draw_dots(*capsules(), 1, {}, rgb);
  std::vector<std::uint8_t> turned(kCropBytes);
  for (std::size_t row = 0; row < 256; ++row) {
    for (std::size_t x = 1; x < 256; ++x) {
      for (std::size_t c = 0; c < 3; ++c) {
        turned[(row * 256 + 256 - x) * 3 + c] = rgb[(row * 256 + x) * 3 + c];
      }
    }
  }
  const CropNormalisation normalisation = *crop_normalisation(Manifest{});
  for (const Grid grid : {Grid::Half, Grid::Full}) {
    const auto count = static_cast<std::size_t>(tokens_of(grid) * kPatchNumbers);
    std::vector<float> mirrored_patches(count);
    std::vector<float> patches(count);
    cut_patches(rgb, Side::Mirrored, grid, normalisation, mirrored_patches);
    cut_patches(turned, Side::AsDrawn, grid, normalisation, patches);
    EXPECT_EQ(mirrored_patches, patches);
  }
}

TEST(Samples, SharesOfPartsAddUpAndChangeSidesInTheMirror) {
  CropTruth truth;  // nothing is labelled
  std::vector<float> shares(static_cast<std::size_t>(tokens_of(Grid::Half) * kSurfaceLabelCount));
  part_shares(truth, Grid::Half, shares);
  EXPECT_EQ(shares, std::vector<float>(shares.size(), 0.0f));

  // The first token's cells, 8 by 8 from column 8 on: three quarters nobody, a quarter one part.
  constexpr std::uint8_t kPart = kFirstPart + 4 * 7 + 1;
  for (std::size_t y = 0; y < 8; ++y) {
    for (std::size_t x = 8; x < 16; ++x) {
      truth.surface[y * kSurfaceSide + x] = y < 4 && x < 12 ? kPart : kNobody;
    }
  }
  part_shares(truth, Grid::Half, shares);
  EXPECT_FLOAT_EQ(shares[0], 0.75f);
  EXPECT_FLOAT_EQ(shares[kPart - kNobody], 0.25f);
  const CropTruth other = mirrored(truth);
  part_shares(other, Grid::Half, shares);
  EXPECT_FLOAT_EQ(shares[0], 0);
  const std::size_t last = 5 * static_cast<std::size_t>(kSurfaceLabelCount);
  EXPECT_FLOAT_EQ(shares[last], 0.75f);
  EXPECT_FLOAT_EQ(shares[last + kPart - kNobody], 0);
  // The same region and face, the other half.
  EXPECT_FLOAT_EQ(shares[last + kPart - kNobody + 2], 0.25f);
  EXPECT_EQ(mirrored(other).surface, truth.surface);

  // On the full grid a token is a quarter of that.
  std::vector<float> fine(static_cast<std::size_t>(tokens_of(Grid::Full) * kSurfaceLabelCount));
  part_shares(truth, Grid::Full, fine);
  EXPECT_FLOAT_EQ(fine[kPart - kNobody], 1);
  EXPECT_FLOAT_EQ(fine[kSurfaceLabelCount], 1);
}

TEST(Schedule, BeginsNarrowAndWidensWhenTheWayPeopleFaceIsKnownOrTimeIsUp) {
  Stage known{.root_degrees = 10};
  Stage unknown{.root_degrees = 80};
  EXPECT_EQ(yaw_limit_of(known), 60);
  EXPECT_EQ(yaw_limit_of(advanced(known, 0.01, 10)), 60);
  EXPECT_EQ(yaw_limit_of(advanced(known, 0.03, 10)), 90);
  EXPECT_EQ(yaw_limit_of(advanced(unknown, 0.03, 80)), 60);
  EXPECT_EQ(yaw_limit_of(advanced(unknown, 0.05, 80)), 90);
  EXPECT_FALSE(advanced(unknown, 0.5, 80).is_full);
  const Stage full = advanced(unknown, 0.9, 80);
  EXPECT_TRUE(full.is_full);
  // Extended time makes progress smaller; what was reached stays.
  EXPECT_TRUE(advanced(full, 0.3, 80).is_full);
  for (int i = 0; i < 10; ++i) unknown = advanced(unknown, 0.9, 80);
  EXPECT_EQ(yaw_limit_of(unknown), 180);
}

TEST(Schedule, StepsGrowAtFirstAndVanishAtTheEnd) {
  const Stage stage;
  const float start = plan_step(stage, 0, 0).learning_rate;
  const float warm = plan_step(stage, 0.02, 1000).learning_rate;
  const float late = plan_step(stage, 0.9, 9000).learning_rate;
  EXPECT_LT(start, 0.01f * warm);
  EXPECT_LT(late, 0.1f * warm);
  EXPECT_NEAR(plan_step(stage, 1, 10'000).learning_rate, 0, 1e-9);
  EXPECT_EQ(plan_step(stage, 0.6, 5000).curriculum.pose_range, 1);
  EXPECT_LT(plan_step(stage, 0, 0).curriculum.pose_range, 1);
}

TEST(Evaluation, TheTruthHasNoErrorAndAFarGuessHas) {
  const ParameterLayout layout(small_sizes());
  std::vector<std::uint8_t> rgb(kCropBytes);
  const CropTruth truth = draw_dots(*capsules(), 2, {}, rgb);
  const DrawCrop same = [&](std::uint64_t, const Curriculum& curriculum,
                            std::span<std::uint8_t> out) {
    return draw_dots(*capsules(), 2, curriculum, out);
  };
  const Evaluation evaluation(layout, capsules(), same,
                              {.crops = 9, .normalisation = *crop_normalisation(Manifest{})});
  const EvaluationResult right = evaluation.run_constant({truth.pose, truth.camera});
  EXPECT_EQ(right.all.crops, 9);
  EXPECT_NEAR(right.all.mpjpe_mm, 0, 1e-3);
  EXPECT_NEAR(right.all.pa_mpjpe_mm, 0, 1e-3);
  EXPECT_NEAR(right.all.root_degrees, 0, 0.1);
  EXPECT_NEAR(right.all.place_px, 0, 1e-2);
  std::int64_t in_quarters = 0;
  for (const Accuracy& quarter : right.quarters) in_quarters += quarter.crops;
  EXPECT_EQ(in_quarters, 9);

  // Turned half round: far off, but the same up to a turn.
  BodyPose turned = truth.pose;
  for (const std::size_t i : {0u, 1u, 2u, 6u, 7u, 8u}) turned.global_orient[i] *= -1;
  const EvaluationResult wrong = evaluation.run_constant({turned, truth.camera});
  EXPECT_GT(wrong.all.mpjpe_mm, 50);
  EXPECT_LT(wrong.all.pa_mpjpe_mm, 1);
  EXPECT_NEAR(wrong.all.root_degrees, 180, 0.1);
}

TEST(ModelWriter, WritesAFolderThatProductionRuns) {
  const ParameterLayout layout(small_sizes());
  const TrainState state = small_state(layout);
  const TempDir folder;
  ASSERT_TRUE(write_model(folder / "model", layout, state.weights, make_capsule_body(), "a note"));
  const auto model = open_model_folder(folder / "model", HashCheck::Full);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->manifest.note, "a note");
  EXPECT_EQ(model->manifest.network, small_sizes());
  ASSERT_TRUE(BodyModel::load(model->body_path()));
  auto network = Hmr2::load(*model, {.batch_size = 1});
  ASSERT_TRUE(network) << network.error().message;
  const std::vector<float> crop(kCropFloats, 0.3f);
  const auto answer = (*network)->run(crop, 1);
  ASSERT_TRUE(answer) << answer.error().message;
  // Nothing was learned, so it is nearly the mean pose.
  const Guess mean = guess_of(small_look().mean);
  EXPECT_NEAR((*answer)[0].pred_cam[0], mean.camera[0], 0.1);
  EXPECT_NEAR((*answer)[0].global_orient[4], mean.pose.global_orient[4], 0.2);
}

TEST(LossPlot, IsAPictureWhateverTheNumbersAre) {
  const double nothing = std::numeric_limits<double>::quiet_NaN();
  const std::vector<HistoryPoint> history = {
      {0, 1, 200, 0}, {60, 0, 0, 150}, {120, nothing, nothing, nothing}, {180, 1, 1e30, 90}};
  for (const std::size_t count : {std::size_t{0}, std::size_t{1}, history.size()}) {
    const std::string svg = plot_history(std::span(history).first(count));
    EXPECT_TRUE(svg.starts_with("<svg"));
    EXPECT_TRUE(svg.ends_with("</svg>\n"));
    EXPECT_EQ(svg.find("nan"), std::string::npos);
    EXPECT_EQ(svg.find("inf"), std::string::npos);
  }
}

TEST(Session, TrainsStopsGoesOnAndExports) {
  const TempDir folder;
  SessionOptions options;
  options.state_folder = folder / "state";
  options.model_folder = folder / "model";
  options.minutes = 1000;
  options.drawn_per_thread = 2;
  options.evaluation_crops = 9;
  const BodyData body = make_capsule_body();
  const DrawSeeded draw = [](std::uint64_t seed, std::uint64_t index, const Curriculum& curriculum,
                             std::span<std::uint8_t> rgb) {
    return draw_dots(*capsules(), seed * 1000 + index, curriculum, rgb);
  };
  const auto after = [](int steps) { return [left = steps]() mutable { return left-- == 0; }; };
  ASSERT_TRUE(run_session(options, small_sizes(), body, draw, after(3)));
  ASSERT_TRUE(open_model_folder(folder / "model", HashCheck::Full));
  EXPECT_NE(read_file(folder / "state/log.jsonl").find("\"what\":\"mean pose\""),
            std::string::npos);
  EXPECT_TRUE(read_file(folder / "state/loss.svg").starts_with("<svg"));
  const ParameterLayout layout(small_sizes());
  EXPECT_EQ(load_state(folder / "state/state.safetensors", layout)->step, 3u);

  ASSERT_TRUE(run_session(options, small_sizes(), body, draw, after(2)));
  EXPECT_EQ(load_state(folder / "state/state.safetensors", layout)->step, 5u);

  options.minutes = 2000;
  const Status refused = run_session(options, small_sizes(), body, draw, after(1));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("--extend"), std::string::npos);
  options.may_extend = true;
  ASSERT_TRUE(run_session(options, small_sizes(), body, draw, after(1)));
  EXPECT_EQ(load_state(folder / "state/state.safetensors", layout)->minutes_budget, 2000);
  options.seed = 99;
  EXPECT_FALSE(run_session(options, small_sizes(), body, draw, after(1)));
}

}  // namespace
}  // namespace posefleet::tests
