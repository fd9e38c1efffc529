#include "common/files/files.h"

#include <thread>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/files/open_file.h"
#include "common/files/sha256.h"
#include "tests/support/fixtures.h"

namespace posefleet::tests {
namespace {

namespace fs = std::filesystem;

std::size_t entries_of(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), {}));
}

TEST(Files, ReadsWhatWasWritten) {
  TempDir folder;
  for (const std::string& bytes :
       {std::string(), std::string("a\0b", 3), std::string(70'000, 'x')}) {
    ASSERT_TRUE(write_file_durably(folder / "file", bytes));
    const auto read = read_whole_file(folder / "file", 1 << 20);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, bytes);
    EXPECT_EQ(entries_of(folder.path()), 1u);  // the temporary file is gone
  }
}

TEST(Files, RefusesAFileAboveTheLimitWithBothSizes) {
  TempDir folder;
  write_file(folder / "file", std::string(11, 'x'));
  EXPECT_TRUE(read_whole_file(folder / "file", 11));
  const auto read = read_whole_file(folder / "file", 10);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().message,
            (folder / "file").string() + " has 11 bytes; at most 10 are read");
}

TEST(Files, SaysWhyAFileCannotBeRead) {
  TempDir folder;
  const auto missing = read_whole_file(folder / "none", 10);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message,
            "cannot read " + (folder / "none").string() + ": No such file or directory");
  const auto directory = read_whole_file(folder.path(), 10);
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().message, folder.path().string() + " is a folder");
}

// A shell's <(command): it has no size before it is read.
TEST(Files, ReadsAPipeToItsEndOrItsLimit) {
  for (const std::size_t size : {std::size_t{3}, std::size_t{300'000}}) {
    SCOPED_TRACE(size);
    TempDir folder;
    const fs::path pipe = folder / "pipe";
    ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
    std::jthread writer([&] {
      FILE* file = std::fopen(pipe.c_str(), "w");
      const std::string bytes(size, 'p');
      std::fwrite(bytes.data(), 1, bytes.size(), file);
      std::fclose(file);
    });
    const auto read = read_whole_file(pipe, 1 << 20);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, std::string(size, 'p'));
  }
  const auto endless = read_whole_file("/dev/zero", 1000);
  ASSERT_FALSE(endless);
  EXPECT_EQ(endless.error().message, "/dev/zero has more than 1000 bytes; at most 1000 are read");
}

TEST(Files, AFailedWriteLeavesTheOldFileAndNoOther) {
  TempDir folder;
  fs::create_directories(folder / "target/inside");  // a folder cannot be replaced by a file
  EXPECT_FALSE(write_file_durably(folder / "target", "new"));
  EXPECT_TRUE(fs::is_directory(folder / "target"));
  EXPECT_EQ(entries_of(folder.path()), 1u);
  EXPECT_FALSE(write_file_durably(folder / "none/file", "new"));
}

TEST(Files, AFolderThatCannotBeWrittenIsNamed) {
  TempDir folder;
  EXPECT_TRUE(make_writable_folder(folder / "a/b/c"));
  EXPECT_EQ(entries_of(folder / "a/b/c"), 0u);
  write_file(folder / "file", "");
  const Status status = make_writable_folder(folder / "file/below");
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find((folder / "file/below").string()), std::string::npos);
}

TEST(Files, APrivateFolderIsForItsOwnerAndGoesAway) {
  TempDir parent;
  fs::path path;
  {
    auto made = PrivateFolder::create(parent / "new", "run-");
    ASSERT_TRUE(made);
    const PrivateFolder folder = std::move(*made);
    path = folder.path();
    struct stat info {};
    ASSERT_EQ(stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0700u);
    EXPECT_TRUE(path.filename().string().starts_with("run-"));
    write_file(path / "file", "x");
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST(Sha256, GivesThePublishedDigests) {
  // FIPS 180-2, appendix B.
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  Sha256 hash;
  for (int i = 0; i < 1000; ++i) hash.add(std::string(1000, 'a'));
  EXPECT_EQ(hash.hex(), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, AFileHasTheDigestOfItsBytes) {
  TempDir folder;
  const std::string bytes(3'000'001, 'z');
  write_file(folder / "file", bytes);
  EXPECT_EQ(*sha256_hex_of_file(folder / "file"), sha256_hex(bytes));
  EXPECT_FALSE(sha256_hex_of_file(folder / "none"));
  EXPECT_FALSE(sha256_hex_of_file(folder.path()));
}

TEST(OpenFile, ReadsWhatIsAskedForOrSaysWhatIsMissing) {
  TempDir folder;
  write_file(folder / "file", "0123456789");
  const auto file = OpenFile::open(folder / "file");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->stamp().size, 10u);
  std::string bytes(4, ' ');
  ASSERT_TRUE(file->read(6, bytes));
  EXPECT_EQ(bytes, "6789");
  const Status behind = file->read(7, bytes);
  ASSERT_FALSE(behind);
  EXPECT_EQ(behind.error().message, "the file ends at 10, bytes up to 11 were wanted");
}

TEST(OpenFile, TakesNothingButFilesAndWaitsForNobody) {
  TempDir folder;
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  for (const std::filesystem::path& path :
       {folder / "missing", folder.path(), folder / "pipe", std::filesystem::path("/dev/zero")}) {
    SCOPED_TRACE(path);
    const auto file = OpenFile::open(path);
    ASSERT_FALSE(file);
    EXPECT_NE(file.error().message.find(path.string()), std::string::npos);
  }
}

TEST(OpenFile, AFingerprintIsOfTheSizeAndBothEnds) {
  TempDir folder;
  const std::string bytes(300'000, 'x');
  const auto print = [&](const std::string& content) {
    write_file(folder / "file", content);
    return *fingerprint_of(*OpenFile::open(folder / "file"));
  };
  const std::string original = print(bytes);
  EXPECT_EQ(original.size(), 64u);
  EXPECT_EQ(print(bytes), original);
  for (const std::size_t at : {0u, 65'535u, 300'000u - 65'536u, 299'999u}) {
    std::string changed = bytes;
    changed[at] = 'y';
    EXPECT_NE(print(changed), original) << at;
  }
  EXPECT_NE(print(bytes + "x"), original);
  EXPECT_NE(print(""), print("x"));
}

}  // namespace
}  // namespace posefleet::tests
