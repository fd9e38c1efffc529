// How much memory an import takes: the checkpoint's pages, which are the kernel's and which it
// takes back when others need them, and little of our own.
#include <fstream>

#include <gtest/gtest.h>

#include "common/model_folder/network_layout.h"
#include "tests/support/fixtures.h"
#include "tests/worker/import/checkpoint_builder.h"
#include "tests/worker/import/zip_builder.h"
#include "worker/import/import.h"

namespace posefleet {
namespace {

using tests::TempDir;

std::filesystem::path fixture(const std::string& name) {
  return tests::require_folder(POSEFLEET_SHARED_DIR "/fixtures/hmr2_tiny") / name;
}

constexpr NetworkSizes kSizes = {.backbone_width = 768,
                                 .backbone_depth = 3,
                                 .backbone_heads = 12,
                                 .backbone_mlp = 3072,
                                 .decoder_width = 96,
                                 .decoder_depth = 2,
                                 .decoder_heads = 4,
                                 .decoder_head_width = 16,
                                 .decoder_mlp = 128};
constexpr const char* kConfig =
    "{MODEL: {BACKBONE: {EMBED_DIM: 768, DEPTH: 3, NUM_HEADS: 12}, SMPL_HEAD: "
    "{TRANSFORMER_DECODER: {dim: 96, depth: 2, heads: 4, dim_head: 16, mlp_dim: 128, context_dim: "
    "768}}}, SMPL: {VERTEX_IDS: {nose: 0, reye: 1, leye: 2, rear: 3, lear: 4, LBigToe: 5, "
    "LSmallToe: 6, LHeel: 7, RBigToe: 8, RSmallToe: 9, RHeel: 10, lthumb: 11, lindex: 12, lmiddle: "
    "13, lring: 14, lpinky: 15, rthumb: 16, rindex: 17, rmiddle: 18, rring: 19, rpinky: 20}}}\n";

// All weights zero.
void write_checkpoint(const std::filesystem::path& path) {
  std::vector<tests::ZipItem> items = {{"archive/data.pkl", ""}};
  std::vector<std::pair<std::string, std::string>> tensors;
  for (const auto& [name, shape] : network_layout(kSizes)) {
    const std::string key = std::to_string(items.size());
    const std::int64_t count = element_count(shape);
    std::vector<std::string> sizes, strides;
    for (std::size_t d = 0; d < shape.size(); ++d) {
      sizes.push_back(tests::pickled(shape[d]));
      strides.push_back(
          tests::pickled(element_count({shape.begin() + static_cast<long>(d) + 1, shape.end()})));
    }
    tensors.emplace_back(name, tests::tensor({.key = key,
                                              .count = count,
                                              .shape = tests::tuple_of(sizes),
                                              .strides = tests::tuple_of(strides)}));
    items.push_back(
        {"archive/data/" + key, std::string(static_cast<std::size_t>(count) * 4, '\0')});
  }
  items[0].bytes = tests::dict_of({{"state_dict", tests::dict_of(tensors)}}) + ".";
  tests::write_file(path, tests::zip_of(items));
}

// A line of /proc/self/status, in bytes.
std::uint64_t memory_of(const std::string& key) {
  std::ifstream status("/proc/self/status");
  std::string word;
  std::uint64_t kilobytes = 0;
  while (status >> word) {
    if (word == key + ":" && status >> kilobytes) return kilobytes << 10;
  }
  return 0;
}

TEST(ImportMemory, StaysNearTheSizeOfTheCheckpoint) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer takes memory of its own";
#endif
  const TempDir folder;
  write_checkpoint(folder / "middle.ckpt");
  tests::write_file(folder / "config.yaml", kConfig);
  const auto file_size = std::filesystem::file_size(folder / "middle.ckpt");
  ASSERT_GT(file_size, 80u << 20);

  // From here on the kernel counts the peak anew.
  std::ofstream reset("/proc/self/clear_refs");
  reset << "5" << std::flush;
  if (!reset) GTEST_SKIP() << "this kernel does not let a process reset its peak";
  const std::uint64_t before = memory_of("VmRSS");
  const auto report = import_model({.checkpoint = folder / "middle.ckpt",
                                    .config = folder / "config.yaml",
                                    .mean_params = fixture("smpl_mean_params.npz"),
                                    .smpl = fixture("SMPL_NEUTRAL_clean.pkl"),
                                    .joint_regressor = fixture("SMPL_to_J19.pkl"),
                                    .name = "middle"},
                                   folder / "model");
  ASSERT_TRUE(report) << report.error().message;
  const std::uint64_t used = memory_of("VmHWM") - before;
  RecordProperty("used_mib", std::to_string(used >> 20));
  // The file's own pages, a tenth for its largest tensor, and 24 MiB for the body and its pickle.
  EXPECT_LT(static_cast<double>(used), 1.3 * static_cast<double>(file_size) + (24 << 20))
      << "of a file of " << (file_size >> 20) << " MiB";
}

}  // namespace
}  // namespace posefleet
