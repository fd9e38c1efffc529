#include "common/keys/key_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/files/files.h"
#include "tests/support/fixtures.h"

namespace posefleet::tests {
namespace {

namespace fs = std::filesystem;

TEST(KeyFile, ReadsWhatItWrites) {
  TempDir folder;
  const NamedSecret secret{"gpu-1", SecretKey::make()};
  ASSERT_TRUE(write_private_file(folder / "gpu-1.key", secret_key_text(secret)));
  const auto read = read_secret_key(folder / "gpu-1.key");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->name, "gpu-1");
  EXPECT_EQ(read->key.public_key(), secret.key.public_key());
  write_file(folder / "gpu-1.pub", public_key_text({"gpu-1", secret.key.public_key()}));
  const auto shown = read_public_key(folder / "gpu-1.pub");
  ASSERT_TRUE(shown) << shown.error().message;
  EXPECT_EQ(shown->key, secret.key.public_key());
}

TEST(KeyFile, ASecretIsItsOwnersAloneAndIsNotWrittenOver) {
  TempDir folder;
  const fs::path file = folder / "gpu-1.key";
  ASSERT_TRUE(write_private_file(file, "one"));
  struct stat info {};
  ASSERT_EQ(stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
  const Status again = write_private_file(file, "two");
  ASSERT_FALSE(again);
  EXPECT_NE(again.error().message.find("gpu-1.key"), std::string::npos);
  EXPECT_EQ(read_file(file), "one");
  ASSERT_TRUE(write_private_file(file, "two", {.may_replace = true}));
  EXPECT_EQ(read_file(file), "two");
  // Nothing is left beside it.
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
}

TEST(KeyFile, ASecretThatEverybodyMayReadIsRefused) {
  TempDir folder;
  const fs::path file = folder / "gpu-1.key";
  ASSERT_TRUE(write_private_file(file, secret_key_text({"gpu-1", SecretKey::make()})));
  for (const auto& [mode, is_taken] : {std::pair<mode_t, bool>{0600, true},
                                       {0400, true},
                                       {0440, true},
                                       {0604, false},
                                       {0644, false},
                                       {0602, false}}) {
    ASSERT_EQ(chmod(file.c_str(), mode), 0);
    const auto read = read_secret_key(file);
    EXPECT_EQ(read.has_value(), is_taken) << mode;
    const std::string message = read ? "chmod 600" : read.error().message;
    EXPECT_NE(message.find("chmod 600"), std::string::npos) << message;
  }
}

TEST(KeyFile, OneBadLineHurtsNoOther) {
  const std::string key = SecretKey::make().public_key().text();
  const std::string other = SecretKey::make().public_key().text();
  const auto keys = parse_public_keys("# posefleet public keys 1\n\n# a note\r\ngpu-1 " + key +
                                          "\r\nnonsense\n../x " + key + "\ngpu-2 short\n" +
                                          "# posefleet public keys 1\ngpu-3\t" + other,
                                      "list");
  ASSERT_TRUE(keys) << keys.error().message;
  ASSERT_EQ(keys->keys.size(), 2u);
  EXPECT_EQ(keys->keys[0].name, "gpu-1");
  EXPECT_EQ(keys->keys[1].name, "gpu-3");
  EXPECT_EQ(keys->keys[1].key.text(), other);
  ASSERT_EQ(keys->problems.size(), 3u);
  EXPECT_TRUE(keys->problems[0].starts_with("list:5: ")) << keys->problems[0];
  EXPECT_TRUE(keys->problems[1].starts_with("list:6: ")) << keys->problems[1];
  EXPECT_TRUE(keys->problems[2].starts_with("list:7: ")) << keys->problems[2];
}

TEST(KeyFile, WhatIsNoSecretKeyIsNamed) {
  TempDir folder;
  const SecretKey secret = SecretKey::make();
  const std::string header = "# posefleet secret key 1: keep it to its owner\n";
  const struct {
    const char* name;
    std::string text;
    const char* message;
  } cases[] = {
      {"empty", "", "is no file of keys"},
      {"something else", "hello\n", "is no file of keys"},
      {"a public key", public_key_text({"a", secret.public_key()}), "holds public keys"},
      {"a later version", "# posefleet secret key 12\na b\n", "kind or version"},
      {"no key", header, ":2: "},
      {"half a key", header + "gpu-1 " + secret.reveal().substr(0, 20) + "\n", ":2: "},
      {"no name", header + secret.reveal() + "\n", ":2: "},
      {"two keys", secret_key_text({"a", secret}) + "b " + secret.reveal() + "\n", ":3: "},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.name);
    const fs::path file = folder / "x.key";
    ASSERT_TRUE(write_private_file(file, one.text, {.may_replace = true}));
    const auto read = read_secret_key(file);
    ASSERT_FALSE(read);
    EXPECT_NE(read.error().message.find(one.message), std::string::npos) << read.error().message;
    EXPECT_NE(read.error().message.find("x.key"), std::string::npos) << read.error().message;
    EXPECT_EQ(read.error().message.find(secret.reveal()), std::string::npos);
  }
  EXPECT_FALSE(read_secret_key(folder / "missing.key"));
  EXPECT_FALSE(read_secret_key(folder.path()));
}

TEST(KeyFile, ASecretAmongPublicKeysIsNoticed) {
  const SecretKey secret = SecretKey::make();
  const auto alone = parse_public_keys(secret_key_text({"a", secret}), "list");
  ASSERT_FALSE(alone);
  EXPECT_NE(alone.error().message.find("holds a secret key"), std::string::npos);
  const auto later = parse_public_keys(
      public_key_text({"a", secret.public_key()}) + secret_key_text({"a", secret}), "list");
  ASSERT_FALSE(later);
  EXPECT_NE(later.error().message.find("list:3"), std::string::npos) << later.error().message;
}

}  // namespace
}  // namespace posefleet::tests
