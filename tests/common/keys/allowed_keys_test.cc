#include "common/keys/allowed_keys.h"

#include <gtest/gtest.h>

#include "tests/support/fixtures.h"

namespace posefleet::tests {
namespace {

namespace fs = std::filesystem;

PublicKey new_key() {
  return SecretKey::make().public_key();
}

void put(const fs::path& file, const std::string& name, const PublicKey& key) {
  write_file(file, public_key_text({name, key}));
}

AllowedKeys open(const fs::path& path) {
  auto keys = AllowedKeys::open(path);
  EXPECT_TRUE(keys) << keys.error().message;
  return std::move(*keys);
}

// What changed; fails when nothing did.
KeyListChange change_of(AllowedKeys& keys) {
  auto change = keys.look_again();
  EXPECT_TRUE(change) << change.error().message;
  EXPECT_TRUE(change->has_value());
  return change->value_or(KeyListChange{});
}

TEST(AllowedKeys, AFolderAllowsWhatLiesInItAtThisMoment) {
  TempDir folder;
  const PublicKey one = new_key(), two = new_key();
  put(folder / "one.pub", "one", one);
  put(folder / ".hidden.pub", "hidden", two);
  put(folder / "two.txt", "two", two);
  AllowedKeys keys = open(folder.path());
  ASSERT_NE(keys.find(one.text()), nullptr);
  EXPECT_EQ(*keys.find(one.text()), "one");
  EXPECT_EQ(keys.find(two.text()), nullptr);
  EXPECT_EQ(keys.find(""), nullptr);

  put(folder / "two.pub", "two", two);
  KeyListChange change = change_of(keys);
  ASSERT_EQ(change.added.size(), 1u);
  EXPECT_EQ(change.added[0].name, "two");
  EXPECT_TRUE(change.revoked.empty());

  fs::remove(folder / "one.pub");
  change = change_of(keys);
  ASSERT_EQ(change.revoked.size(), 1u);
  EXPECT_EQ(change.revoked[0].name, "one");
  EXPECT_EQ(keys.find(one.text()), nullptr);
  EXPECT_FALSE(keys.look_again()->has_value());

  fs::remove(folder / "two.pub");
  EXPECT_EQ(change_of(keys).revoked.size(), 1u);
  EXPECT_EQ(keys.size(), 0u);
}

TEST(AllowedKeys, AFileIsSeenToChangeEvenWithinTheTickOfAClock) {
  TempDir folder;
  const fs::path file = folder / "list";
  PublicKey key = new_key();
  put(file, "a", key);
  AllowedKeys keys = open(file);
  // Same name, same size, and most of these within one tick of the file system's clock.
  for (int i = 0; i < 50; ++i) {
    const PublicKey next = new_key();
    put(file, "a", next);
    const KeyListChange change = change_of(keys);
    ASSERT_EQ(change.revoked.size(), 1u);
    EXPECT_EQ(change.revoked[0].key, key);
    EXPECT_NE(keys.find(next.text()), nullptr);
    key = next;
  }
}

TEST(AllowedKeys, AMistakeAllowsNobodyAndHurtsNoOtherKey) {
  TempDir folder;
  const PublicKey good = new_key();
  put(folder / "good.pub", "good", good);
  AllowedKeys keys = open(folder.path());
  write_file(folder / "bad.pub", "this is a text\n");
  const KeyListChange change = change_of(keys);
  ASSERT_EQ(change.problems.size(), 1u);
  EXPECT_NE(change.problems[0].find("bad.pub"), std::string::npos);
  EXPECT_NE(keys.find(good.text()), nullptr);
  // Said once, not at every look.
  auto again = keys.look_again();
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->has_value());
  fs::remove(folder / "bad.pub");
  EXPECT_TRUE(change_of(keys).problems.empty());
}

TEST(AllowedKeys, WhatCannotBeReadChangesNothing) {
  TempDir folder;
  const fs::path place = folder / "allowed";
  fs::create_directory(place);
  const PublicKey one = new_key();
  put(place / "one.pub", "one", one);
  AllowedKeys keys = open(place);
  fs::rename(place, folder / "away");
  const auto gone = keys.look_again();
  ASSERT_FALSE(gone);
  EXPECT_NE(gone.error().message.find(place.string()), std::string::npos);
  EXPECT_NE(keys.find(one.text()), nullptr);
  auto again = keys.look_again();
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->has_value());
  // Back, and meanwhile emptied: that does count.
  fs::rename(folder / "away", place);
  fs::remove(place / "one.pub");
  EXPECT_EQ(change_of(keys).revoked.size(), 1u);
}

TEST(AllowedKeys, AKeyMayMoveBetweenFilesAndKeepsItsPlace) {
  TempDir folder;
  const PublicKey key = new_key();
  put(folder / "b.pub", "b", key);
  AllowedKeys keys = open(folder.path());
  put(folder / "a.pub", "a", key);
  auto change = keys.look_again();
  ASSERT_TRUE(change);
  EXPECT_FALSE(change->has_value());
  EXPECT_EQ(*keys.find(key.text()), "a");
  fs::remove(folder / "b.pub");
  change = keys.look_again();
  ASSERT_TRUE(change);
  EXPECT_FALSE(change->has_value());
  EXPECT_NE(keys.find(key.text()), nullptr);
}

TEST(AllowedKeys, AStartWithoutAListIsRefused) {
  TempDir folder;
  const auto missing = AllowedKeys::open(folder / "nothing");
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("nothing"), std::string::npos);
  write_file(folder / "text", "hello\n");
  EXPECT_FALSE(AllowedKeys::open(folder / "text"));
  // An empty folder is a list: keys are about to come.
  fs::create_directory(folder / "empty");
  EXPECT_EQ(open(folder / "empty").size(), 0u);
}

}  // namespace
}  // namespace posefleet::tests
