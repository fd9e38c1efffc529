#include "worker/import/zip.h"

#include <gtest/gtest.h>

#include "tests/support/fixtures.h"
#include "tests/worker/import/zip_builder.h"

namespace posefleet {
namespace {

using tests::TempDir;
using tests::zip_of;

constexpr std::uint64_t kAny = 1u << 30;

Result<std::unique_ptr<const ZipArchive>> open_bytes(const TempDir& folder,
                                                     const std::string& bytes) {
  tests::write_file(folder / "a.zip", bytes);
  return ZipArchive::open(folder / "a.zip");
}

TEST(Zip, ReadsStoredAndDeflatedEntries) {
  const std::string text(5000, 'x');
  const TempDir folder;
  for (const bool is_large : {false, true}) {
    SCOPED_TRACE(is_large);
    const auto archive =
        open_bytes(folder, zip_of({{"a/b", "stored"}, {"c", text, true}, {"empty", ""}}, is_large));
    ASSERT_TRUE(archive) << archive.error().message;
    EXPECT_EQ((*archive)->entries().size(), 3u);
    EXPECT_EQ((*archive)->stored("a/b").value(), "stored");
    EXPECT_EQ((*archive)->read("a/b", kAny).value(), "stored");
    EXPECT_EQ((*archive)->read("c", kAny).value(), text);
    EXPECT_EQ((*archive)->read("empty", kAny).value(), "");
    EXPECT_FALSE((*archive)->stored("c"));
    EXPECT_FALSE((*archive)->read("d", kAny));
    EXPECT_FALSE((*archive)->read("c", 4999));
  }
}

TEST(Zip, ReadsAnArchiveWithAComment) {
  const TempDir folder;
  std::string bytes = zip_of({{"a", "1"}});
  bytes[bytes.size() - 2] = 7;
  const auto archive = open_bytes(folder, bytes + "comment");
  ASSERT_TRUE(archive) << archive.error().message;
  EXPECT_EQ((*archive)->read("a", kAny).value(), "1");
}

// Whatever is cut off or changed: an error or the right bytes, never wrong ones and no crash.
TEST(Zip, NeverHandsOutDamagedBytes) {
  const std::string text = "some text that is long enough to be packed packed packed packed";
  const TempDir folder;
  for (const bool is_large : {false, true}) {
    const std::string good = zip_of({{"a", text}, {"b", text, true}}, is_large);
    std::vector<std::string> variants;
    for (std::size_t size = 0; size < good.size(); ++size) variants.push_back(good.substr(0, size));
    for (std::size_t at = 0; at < good.size(); ++at) {
      for (const char flip : {'\x01', '\x80', '\xff'}) {
        variants.push_back(good);
        variants.back()[at] = static_cast<char>(variants.back()[at] ^ flip);
      }
    }
    std::size_t refused = 0;
    for (const std::string& bytes : variants) {
      const auto archive = open_bytes(folder, bytes);
      if (!archive) {
        ++refused;
        continue;
      }
      for (const char* name : {"a", "b"}) {
        const auto read = (*archive)->read(name, kAny);
        if (read) {
          EXPECT_EQ(*read, text);
        } else {
          ++refused;
        }
      }
    }
    EXPECT_GE(refused, good.size());  // at least every cut one
  }
}

TEST(Zip, SaysWhatIsWrong) {
  std::string encrypted = zip_of({{"a", "1"}});
  encrypted[encrypted.find("PK\1\2") + 8] = 1;
  std::string method = zip_of({{"a", "1"}});
  method[method.find("PK\1\2") + 10] = 12;
  const struct {
    const char* name;
    std::string bytes;
    const char* expected;
  } cases[] = {
      {"empty", "", "no zip archive, or it was cut"},
      {"text", std::string(100000, 'x'), "no zip archive, or it was cut"},
      {"name twice", zip_of({{"a", "1"}, {"a", "2"}}), "entry 'a' is there twice"},
      {"encrypted", encrypted, "entry 'a' is encrypted"},
      {"method", method, "packed by method 12"},
  };
  const TempDir folder;
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto archive = open_bytes(folder, c.bytes);
    ASSERT_FALSE(archive);
    EXPECT_NE(archive.error().message.find(c.expected), std::string::npos)
        << archive.error().message;
    EXPECT_NE(archive.error().message.find("a.zip"), std::string::npos);
  }
}

// A few bytes that claim to unpack to gigabytes must not be given the memory.
TEST(Zip, RefusesASizeThatDeflateCannotReach) {
  std::string bytes = zip_of({{"a", std::string(100, 'x'), true}});
  const std::size_t at = bytes.find("PK\1\2");
  const std::uint32_t claimed = 0x3fffffff;
  bytes.replace(at + 24, 4, reinterpret_cast<const char*>(&claimed), 4);
  const TempDir folder;
  const auto archive = open_bytes(folder, bytes);
  ASSERT_TRUE(archive);
  const auto read = (*archive)->read("a", kAny);
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message.find("claims 1073741823 bytes out of"), std::string::npos)
      << read.error().message;
}

// Ten entries that share one block of bytes would unpack to ten times what the file can hold.
TEST(Zip, RefusesEntriesThatShareBytes) {
  std::string bytes = zip_of({{"a", std::string(4000, 'x')}, {"b", std::string(4000, 'x')}});
  // The first entry's bytes go, both directory entries point at the second's.
  const std::size_t second = bytes.find("PK\3\4", 4);
  const std::size_t directory = bytes.find("PK\1\2") - second;
  bytes.erase(0, second);
  const std::uint32_t start = 0;
  for (std::size_t at = bytes.find("PK\1\2"); at != std::string::npos;
       at = bytes.find("PK\1\2", at + 4)) {
    bytes.replace(at + 42, 4, reinterpret_cast<const char*>(&start), 4);
  }
  const auto directory_at = static_cast<std::uint32_t>(directory);
  bytes.replace(bytes.size() - 6, 4, reinterpret_cast<const char*>(&directory_at), 4);
  const TempDir folder;
  const auto archive = open_bytes(folder, bytes);
  ASSERT_FALSE(archive);
  EXPECT_NE(archive.error().message.find("'b' have more bytes together than the file"),
            std::string::npos)
      << archive.error().message;
}

TEST(Zip, NamesTheEntryWhoseChecksumIsWrong) {
  std::string bytes = zip_of({{"data/7", "payload"}});
  bytes[bytes.find("payload")] = 'P';
  const TempDir folder;
  const auto archive = open_bytes(folder, bytes);
  ASSERT_TRUE(archive);
  const auto read = (*archive)->stored("data/7");
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message.find("entry 'data/7': its checksum is wrong"), std::string::npos);
}

}  // namespace
}  // namespace posefleet
