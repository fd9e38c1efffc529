#include "worker/stages/resident_network.h"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "worker/model/crop.h"
#include "worker/model/fake_model.h"

namespace posefleet::tests {
namespace {

// A machine with memory for so many crops at once: to lay out, and to run.
struct Machine {
  int layout_max = 1000;
  int run_max = 1000;
  std::vector<int> laid_out;
  std::vector<int> ran;
};

class LimitedModel final : public PoseModel {
 public:
  LimitedModel(Machine& machine, int batch_size) : machine_(machine), fake_(batch_size) {}

  int batch_size() const override { return fake_.batch_size(); }
  std::string description() const override { return "limited"; }
  Result<std::vector<NetworkOutput>> run(std::span<const float> crops, int count,
                                         const OnStep& on_step) override {
    if (count > machine_.run_max) return overloaded("no memory is left");
    machine_.ran.push_back(count);
    return fake_.run(crops, count, on_step);
  }

 private:
  Machine& machine_;
  FakeModel fake_;
};

// A network on that machine, and what it reported.
struct Bench {
  explicit Bench(Machine limits) : machine(std::move(limits)) {}

  Result<std::vector<NetworkOutput>> run(const std::vector<float>& crops, int batch_size) {
    Turns::Turn turn = network.turns().take({});
    return network.run(turn, crops, static_cast<int>(crops.size() / kCropFloats), batch_size,
                       [this] { ++steps; });
  }

  Machine machine;
  std::vector<std::string> reports;
  int steps = 0;
  ResidentNetwork network{
      [this](int batch_size) -> Result<std::unique_ptr<PoseModel>> {
        if (batch_size > machine.layout_max) return overloaded("no memory is left");
        machine.laid_out.push_back(batch_size);
        return std::unique_ptr<PoseModel>(std::make_unique<LimitedModel>(machine, batch_size));
      },
      [this](const std::string& what) { reports.push_back(what); }};
};

std::vector<float> crops(int count) {
  std::vector<float> numbers(static_cast<std::size_t>(count) * kCropFloats);
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<float>(i % 977);
  return numbers;
}

std::vector<NetworkOutput> expected_for(const std::vector<float>& input) {
  FakeModel fake(100);
  return *fake.run(input, static_cast<int>(input.size() / kCropFloats));
}

TEST(ResidentNetwork, IsLaidOutOnceForTheLargestBatch) {
  Bench bench({});
  EXPECT_EQ(*bench.run(crops(4), 4), expected_for(crops(4)));
  EXPECT_EQ(*bench.run(crops(3), 8), expected_for(crops(3)));
  EXPECT_EQ(*bench.run(crops(2), 4), expected_for(crops(2)));
  EXPECT_EQ(bench.machine.laid_out, (std::vector<int>{4, 8}));
  EXPECT_EQ(bench.steps, 9);
  EXPECT_TRUE(bench.reports.empty());
}

TEST(ResidentNetwork, HalvesTheBatchOnceAndSaysSoWhenMemoryRunsOut) {
  for (const bool is_in_the_middle : {false, true}) {
    SCOPED_TRACE(is_in_the_middle ? "while it runs" : "while it is laid out");
    Bench bench(is_in_the_middle ? Machine{.run_max = 4} : Machine{.layout_max = 4});
    EXPECT_EQ(*bench.run(crops(7), 8), expected_for(crops(7)));
    EXPECT_EQ(bench.machine.ran, (std::vector<int>{4, 3}));
    ASSERT_EQ(bench.reports.size(), 1u);
    EXPECT_NE(bench.reports[0].find("batches of 4 instead of 8"), std::string::npos)
        << bench.reports[0];
    // It stays with that, and is silent about it.
    EXPECT_EQ(*bench.run(crops(8), 8), expected_for(crops(8)));
    EXPECT_EQ(bench.machine.ran, (std::vector<int>{4, 3, 4, 4}));
    EXPECT_EQ(bench.reports.size(), 1u);
  }
}

TEST(ResidentNetwork, FailsTheRangeWhenHalfTheBatchIsStillTooMuch) {
  Bench bench({.run_max = 2});
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto outputs = bench.run(crops(8), 8);
    ASSERT_FALSE(outputs);
    // Not Rejected: the frames are not at fault, another worker may do them.
    EXPECT_EQ(outputs.error().code, ErrorCode::Overloaded);
  }
  EXPECT_EQ(bench.reports.size(), 1u);
  // When there is memory again, it goes on.
  bench.machine.run_max = 100;
  EXPECT_EQ(*bench.run(crops(8), 8), expected_for(crops(8)));
}

TEST(ResidentNetwork, DoesNotHalveABatchOfOne) {
  Bench bench({.run_max = 0});
  const auto outputs = bench.run(crops(1), 1);
  ASSERT_FALSE(outputs);
  EXPECT_EQ(outputs.error().code, ErrorCode::Overloaded);
  EXPECT_TRUE(bench.reports.empty());
}

}  // namespace
}  // namespace posefleet::tests
