// Videos that are read over HTTP give the frames that their files give, or an error; never others.
#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "common/files/sha256.h"
#include "common/http/server.h"
#include "common/media/decoder.h"
#include "common/media/image.h"
#include "common/media/location.h"
#include "tests/common/media/clips.h"

namespace posefleet::tests {
namespace {

using namespace std::chrono_literals;

// Serves one file, and counts. Fails from the request number `fails_from` on.
class Host final {
 public:
  explicit Host(std::filesystem::path path, int fails_from = 1'000'000, int status = 503)
      : path_(std::move(path)) {
    const FileStamp stamp = OpenFile::open(path_)->stamp();
    auto server =
        HttpServer::start({.listen = *parse_listen_address("127.0.0.1:0")},
                          [=, this](const HttpRequest&) -> HttpAnswer {
                            if (++requests_ >= fails_from) return {.status = status};
                            return {.file = HttpFile{*OpenFile::open(path_), stamp, "\"t\""}};
                          });
    EXPECT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
    file_ = {.name = path_.string(),
             .url = url_of(server_->address()) + "/secret",
             .sha256 = *sha256_hex_of_file(path_),
             .size = stamp.size};
  }
  const RemoteFile& file() const { return file_; }
  int requests() const { return requests_; }

 private:
  std::filesystem::path path_;
  std::atomic<int> requests_ = 0;
  RemoteFile file_;
  std::unique_ptr<HttpServer> server_;
};

struct Decoded {
  std::vector<std::string> hashes;
  std::optional<Error> error;
};

Decoded decode(const VideoLocation& location, const FrameTable& table, FrameRange range) {
  Decoded decoded;
  auto decoder = RangeDecoder::open(location, table, range);
  if (!decoder) return {{}, decoder.error()};
  while (true) {
    auto frame = decoder->next();
    if (!frame) decoded.error = frame.error();
    if (!frame || !frame->has_value()) return decoded;
    decoded.hashes.push_back(hash_of(**frame));
  }
}

TEST(RemoteSource, GivesTheFramesOfTheFileInEachContainer) {
  TempDir folder;
  for (const char* name : {"a.mp4", "a.mov", "a.mkv", "a.avi", "a.ts", "a.webm"}) {
    SCOPED_TRACE(name);
    const bool is_webm = std::string(name) == "a.webm";
    const auto path =
        make_clip(folder, name,
                  picture(320, 180, "25", 2) + " " + tone(2) +
                      (is_webm ? " -c:v libvpx -deadline realtime -cpu-used 8 -b:v 2M -g 20"
                               : " -c:v libx264 -preset ultrafast -g 20 -bf 2"));
    const auto table = probe_frame_table(path);
    ASSERT_TRUE(table) << table.error().message;
    const std::uint32_t frames = table->table.frame_count();
    const Host host(path);
    SourceCache cache;
    for (const FrameRange range : cut(frames, 4)) {
      const Decoded here = decode(path, table->table, range);
      const Decoded there =
          decode(RemoteLocation{.cache = &cache, .file = host.file()}, table->table, range);
      ASSERT_FALSE(here.error) << here.error->message;
      ASSERT_FALSE(there.error) << there.error->message;
      EXPECT_EQ(here.hashes.size(), range.size());
      EXPECT_EQ(here.hashes, there.hashes);
    }
    // Each block once, although four decoders read the file's index.
    EXPECT_LE(cache.stats().bytes_fetched, host.file().size);
    EXPECT_EQ(cache.stats().fetches, static_cast<std::uint64_t>(host.requests()));
    EXPECT_GT(cache.stats().hits, 0u);
  }
}

// A clip of some blocks, so that a range needs a part of it.
struct Long {
  Long()
      : path(make_clip(folder, "long.mp4",
                       picture(320, 240, "25", 3) +
                           " -vf noise=alls=40:allf=t -c:v libx264 -preset ultrafast -g 25 -qp 4")),
        table(probe_frame_table(path)->table) {}
  TempDir folder;
  std::filesystem::path path;
  FrameTable table;
};

TEST(RemoteSource, FetchesAPartOfTheFileForARange) {
  const Long clip;
  const Host host(clip.path);
  ASSERT_GT(host.file().size, 12 * SourceCache::kBlockBytes);
  SourceCache cache;
  const Decoded there =
      decode(RemoteLocation{.cache = &cache, .file = host.file()}, clip.table, {60, 65});
  EXPECT_EQ(there.hashes, decode(clip.path, clip.table, {60, 65}).hashes);
  EXPECT_LT(cache.stats().bytes_fetched, host.file().size / 2);
}

TEST(RemoteSource, AFetchThatFailsIsAnErrorAndNeverAFrame) {
  const Long clip;
  const Decoded here = decode(clip.path, clip.table, {0, clip.table.frame_count()});
  const int blocks =
      static_cast<int>(std::filesystem::file_size(clip.path) / SourceCache::kBlockBytes) + 1;
  // Wherever it breaks off: what was delivered before is right, and then comes a Retry.
  for (const int fails_from : {1, 2, 3, blocks / 2, blocks}) {
    SCOPED_TRACE(fails_from);
    const Host host(clip.path, fails_from, 410);
    SourceCache cache;
    const Decoded there = decode(RemoteLocation{.cache = &cache, .file = host.file()}, clip.table,
                                 {0, clip.table.frame_count()});
    ASSERT_TRUE(there.error.has_value());
    EXPECT_EQ(there.error->code, ErrorCode::Retry) << there.error->message;
    EXPECT_NE(there.error->message.find(clip.path.string()), std::string::npos);
    EXPECT_EQ(there.error->message.find("secret"), std::string::npos) << there.error->message;
    ASSERT_LT(there.hashes.size(), here.hashes.size());
    EXPECT_TRUE(std::equal(there.hashes.begin(), there.hashes.end(), here.hashes.begin()));
  }
}

TEST(SourceCache, SaysWhatIsWrongWithAFetch) {
  TempDir folder;
  write_file(folder / "file", std::string(1000, 'x'));
  const Host host(folder / "file");
  const Host gone(folder / "file", 1, 404);
  const Host changed(folder / "file", 1, 410);
  const Host broken(folder / "file", 1, 500);
  const auto with = [&](auto change) {
    RemoteFile file = host.file();
    change(file);
    return file;
  };
  struct Case {
    const char* name;
    RemoteFile file;
    const char* message;
  };
  for (const Case& one : {
           Case{"no such job", gone.file(), "its job may be over"},
           Case{"changed", changed.file(), "the file changed or is gone"},
           Case{"broken", broken.file(), "Server returned 5XX"},
           Case{"another size", with([](RemoteFile& file) { file.size = 999; }),
                "it serves 1000 bytes where 999 are expected"},
           Case{"nobody there", with([](RemoteFile& file) { file.url = "http://127.0.0.1:1/x"; }),
                "Connection refused"},
           Case{"a file of this machine",
                with([&](RemoteFile& file) { file.url = "file:" + (folder / "file").string(); }),
                "not an http:// one"},
           Case{"another protocol",
                with([](RemoteFile& file) { file.url = "concat:http://127.0.0.1:1/x"; }),
                "not an http:// one"},
       }) {
    SCOPED_TRACE(one.name);
    SourceCache cache({.patience = 200ms});
    const auto block = cache.block(one.file, 0);
    ASSERT_FALSE(block);
    EXPECT_EQ(block.error().code, ErrorCode::Retry);
    EXPECT_NE(block.error().message.find(one.message), std::string::npos) << block.error().message;
    EXPECT_NE(block.error().message.find("file"), std::string::npos);
  }
  SourceCache cache;
  EXPECT_FALSE(cache.block(host.file(), 1));
  EXPECT_FALSE(cache.block(host.file(), std::uint64_t{1} << 60));
  EXPECT_FALSE(cache.read_all(host.file(), 999));
  EXPECT_EQ(*cache.read_all(host.file(), 1000), std::string(1000, 'x'));
}

TEST(SourceCache, GoesNowhereElseThanToTheAddress) {
  TempDir folder;
  write_file(folder / "file", std::string(1000, 'x'));
  // Not to a proxy that the environment names: there is none at that port.
  const Host host(folder / "file");
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  SourceCache cache({.patience = 200ms});
  const auto block = cache.block(host.file(), 0);
  unsetenv("http_proxy");
  EXPECT_TRUE(block) << block.error().message;
  // Not to a file of this machine that the server points to.
  const auto server = HttpServer::start(
      {.listen = *parse_listen_address("127.0.0.1:0")}, [&](const HttpRequest&) -> HttpAnswer {
        return {.status = 302, .headers = {{"Location", "file://" + (folder / "file").string()}}};
      });
  ASSERT_TRUE(server);
  EXPECT_FALSE(cache.block({"file", url_of((*server)->address()) + "/x", "other", 1000}, 0));
}

TEST(SourceCache, TriesAgainWhatMayPass) {
  TempDir folder;
  write_file(folder / "file", std::string(1000, 'x'));
  std::atomic<int> requests = 0;
  const FileStamp stamp = OpenFile::open(folder / "file")->stamp();
  const auto server = HttpServer::start(
      {.listen = *parse_listen_address("127.0.0.1:0")}, [&](const HttpRequest&) -> HttpAnswer {
        if (++requests < 3) return {.status = 503};
        return {.file = HttpFile{*OpenFile::open(folder / "file"), stamp, "\"t\""}};
      });
  ASSERT_TRUE(server);
  SourceCache cache;
  const auto block = cache.block({"file", url_of((*server)->address()) + "/x", "hash", 1000}, 0);
  ASSERT_TRUE(block) << block.error().message;
  EXPECT_EQ(**block, std::string(1000, 'x'));
  EXPECT_EQ(requests, 3);
}

TEST(SourceCache, EndsTheWaitWhenNobodyWantsItAnyMore) {
  TempDir folder;
  write_file(folder / "file", std::string(1000, 'x'));
  const Host host(folder / "file", 1, 503);
  SourceCache cache({.patience = 1h});
  int looks = 0;
  const auto block = cache.block(host.file(), 0, {.is_cancelled = [&] { return ++looks > 5; }});
  ASSERT_FALSE(block);
  EXPECT_EQ(block.error().message, "cancelled");
}

TEST(SourceCache, KeepsWhatItMayAndForgetsTheOldest) {
  TempDir folder;
  constexpr std::uint64_t kBlock = SourceCache::kBlockBytes;
  std::string bytes(4 * kBlock + 17, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i / 1000);
  write_file(folder / "file", bytes);
  const Host host(folder / "file");
  SourceCache cache({.bytes_max = 2 * kBlock});
  for (const std::uint64_t index : {0u, 1u, 0u, 4u, 0u, 1u, 2u, 2u}) {
    const auto block = cache.block(host.file(), index);
    ASSERT_TRUE(block) << block.error().message;
    EXPECT_TRUE(**block == bytes.substr(index * kBlock, kBlock)) << index;
  }
  // 0, 1, then 4 pushes out 1 (0 was used since), 1 again, 2; the others were there.
  EXPECT_EQ(host.requests(), 5);
  EXPECT_EQ(cache.stats().hits, 3u);
}

TEST(SourceCache, FetchesABlockOnceForAllWhoWantIt) {
  TempDir folder;
  write_file(folder / "file", std::string(1000, 'x'));
  const Host host(folder / "file");
  SourceCache cache;
  std::vector<std::jthread> threads;
  std::atomic<int> good = 0;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&] { good += cache.block(host.file(), 0).has_value() ? 1 : 0; });
  }
  threads.clear();
  EXPECT_EQ(good, 16);
  EXPECT_EQ(host.requests(), 1);
}

TEST(SourceCache, APictureFromItsBytesIsThePictureFromItsFile) {
  TempDir folder;
  const BgrImage image{2, 1, {1, 2, 3, 4, 5, 6}};
  ASSERT_TRUE(write_png(folder / "a.png", image));
  const Host host(folder / "a.png");
  SourceCache cache;
  const auto bytes = cache.read_all(host.file(), 1 << 20);
  ASSERT_TRUE(bytes) << bytes.error().message;
  EXPECT_EQ(*decode_image("a.png", *bytes), image);
}

}  // namespace
}  // namespace posefleet::tests
