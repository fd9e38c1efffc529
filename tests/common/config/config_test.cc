#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>

#include "common/config/fields.h"
#include "common/config/loader.h"
#include "tests/support/fixtures.h"

namespace posefleet {
namespace {

using namespace std::chrono_literals;

enum class Quarantine { Keep, Fail };

struct SampleConfig {
  std::string server;
  std::filesystem::path folder;
  std::uint16_t port = 0;
  int batch_size = 0;
  float threshold = 0;
  bool is_verbose = false;
  std::chrono::milliseconds lease{};
  Quarantine on_quarantine = Quarantine::Keep;
  std::vector<std::string> allowed_hosts;
  std::string listen;

  bool operator==(const SampleConfig&) const = default;
};

Fields<SampleConfig> sample_fields() {
  Fields<SampleConfig> fields;
  fields.text("server", &SampleConfig::server).help("where the coordinator listens");
  fields.path("folder", &SampleConfig::folder).fallback("/var/lib/posefleet").help("for files");
  fields.integer("http.port", &SampleConfig::port).fallback(5000).range(1, 65535).help("HTTP port");
  fields.integer("batch_size", &SampleConfig::batch_size)
      .unit("crops")
      .fallback(16)
      .range(1, 256)
      .help("crops at once | at most");
  fields.real("threshold", &SampleConfig::threshold)
      .fallback(0.1f)
      .range(0, 1)
      .live()
      .help("least score");
  fields.boolean("verbose", &SampleConfig::is_verbose).fallback(false).live().help("says more");
  fields.seconds("lease", &SampleConfig::lease)
      .fallback(10s)
      .range(100ms, 600s)
      .help("how long a task is promised");
  fields
      .choice("on_quarantine", &SampleConfig::on_quarantine,
              {{"keep", Quarantine::Keep}, {"fail", Quarantine::Fail}})
      .fallback(Quarantine::Keep)
      .help("what becomes of the job");
  fields.texts("http.allowed_hosts", &SampleConfig::allowed_hosts).fallback({}).help("who may ask");
  fields.text("zmq.control.listen", &SampleConfig::listen)
      .fallback("tcp://127.0.0.1:5555")
      .help("address for workers");
  return fields;
}

SampleConfig sample_defaults() {
  return {.server = "a",
          .folder = "/var/lib/posefleet",
          .port = 5000,
          .batch_size = 16,
          .threshold = 0.1f,
          .is_verbose = false,
          .lease = 10s,
          .on_quarantine = Quarantine::Keep,
          .allowed_hosts = {},
          .listen = "tcp://127.0.0.1:5555"};
}

TEST(Config, FillsWhatTheFileLeavesOut) {
  const auto config = parse_config(sample_fields(), "server: a\n", "f.yaml");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(*config, sample_defaults());
}

TEST(Config, TakesEveryKindOfValue) {
  const auto config = parse_config(sample_fields(), R"(# A comment.
server: "tcp://10.0.0.1:7000"   # quoted
folder: /tmp/a b
batch_size: 256
threshold: 1e-1
verbose: true
lease: 0.25
on_quarantine: fail
http:
  port: 1
  allowed_hosts: [one, "two, three"]
zmq:
  control: {listen: 'ipc:///run/x'}
)",
                                   "f.yaml");
  ASSERT_TRUE(config) << config.error().message;
  const SampleConfig expected = {.server = "tcp://10.0.0.1:7000",
                                 .folder = "/tmp/a b",
                                 .port = 1,
                                 .batch_size = 256,
                                 .threshold = 0.1f,
                                 .is_verbose = true,
                                 .lease = 250ms,
                                 .on_quarantine = Quarantine::Fail,
                                 .allowed_hosts = {"one", "two, three"},
                                 .listen = "ipc:///run/x"};
  EXPECT_EQ(*config, expected);
}

TEST(Config, TakesASectionWhoseKeysAreAllCommentedOut) {
  for (const char* yaml : {"server: a\nhttp:\n  # port: 1\n", "server: a\nhttp: {}\n",
                           "server: a\nzmq:\n  control:\n"}) {
    const auto config = parse_config(sample_fields(), yaml, "f.yaml");
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(*config, sample_defaults());
  }
}

std::string repeated(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

TEST(Config, SaysWhatIsWrongWithAFile) {
  const struct {
    const char* name;
    std::string yaml;
    const char* message;
  } cases[] = {
      {"missing", "", "f.yaml: server is missing: where the coordinator listens"},
      {"unknown", "server: a\nbatchsize: 3\n",
       "f.yaml:2: unknown key batchsize (did you mean batch_size?)"},
      {"unknown, like nothing", "server: a\ncolour: 3\n", "f.yaml:2: unknown key colour"},
      {"unknown section", "server: a\nhtp:\n  port: 3\n  x: 1\n",
       "f.yaml:2: unknown key htp (did you mean http?)"},
      {"unknown in a section", "server: a\nhttp:\n  prt: 3\n",
       "f.yaml:3: unknown key http.prt (did you mean http.port?)"},
      {"too large", "server: a\nhttp:\n  port: 65536\n",
       "f.yaml:3: http.port is 65536, allowed whole numbers 1..65535"},
      {"beyond 64 bits", "server: a\nbatch_size: 99999999999999999999\n",
       "f.yaml:2: batch_size is 99999999999999999999, allowed whole numbers 1..256 crops"},
      {"no number", "server: a\nbatch_size: many\n",
       "f.yaml:2: batch_size is many, allowed whole numbers 1..256 crops"},
      {"a number and more", "server: a\nbatch_size: 16x\n",
       "f.yaml:2: batch_size is 16x, allowed whole numbers 1..256 crops"},
      {"not whole", "server: a\nbatch_size: 1.5\n",
       "f.yaml:2: batch_size is 1.5, allowed whole numbers 1..256 crops"},
      {"empty number", "server: a\nbatch_size: ''\n",
       "f.yaml:2: batch_size is empty, allowed whole numbers 1..256 crops"},
      {"below the range", "server: a\nthreshold: -0.001\n",
       "f.yaml:2: threshold is -0.001, allowed numbers 0..1"},
      {"not a number", "server: a\nthreshold: nan\n",
       "f.yaml:2: threshold is nan, allowed numbers 0..1"},
      {"infinite", "server: a\nthreshold: inf\n",
       "f.yaml:2: threshold is inf, allowed numbers 0..1"},
      {"too short a time", "server: a\nlease: 0.05\n",
       "f.yaml:2: lease is 0.05, allowed 0.1..600 s"},
      {"time with a unit", "server: a\nlease: 10s\n", "f.yaml:2: lease is 10s, allowed 0.1..600 s"},
      {"yes", "server: a\nverbose: yes\n", "f.yaml:2: verbose is yes, allowed true or false"},
      {"no such word", "server: a\non_quarantine: kep\n",
       "f.yaml:2: on_quarantine is kep, allowed one of keep, fail (did you mean keep?)"},
      {"list for a text", "server: [a]\n", "f.yaml:1: server is a list, allowed text on one line"},
      {"text for a list", "server: a\nhttp:\n  allowed_hosts: one\n",
       "f.yaml:3: http.allowed_hosts is one, allowed a list [a, b] of texts on one line"},
      {"nothing", "server:\n", "f.yaml:1: server has no value, allowed text on one line"},
      {"nothing as a word", "server: ~\n",
       "f.yaml:1: server has no value, allowed text on one line"},
      {"section for a key", "server:\n  host: a\n",
       "f.yaml:1: server is a section, allowed text on one line"},
      {"value for a section", "server: a\nhttp: 5000\n",
       "f.yaml:2: http is a section: write its keys below it"},
      {"twice", "server: a\nverbose: true\nserver: b\n",
       "f.yaml:3: server is given twice, first in line 1"},
      {"section twice", "server: a\nhttp: {port: 1}\nhttp: {port: 2}\n",
       "f.yaml:3: http is given twice, first in line 2\n"
       "f.yaml:3: http.port is given twice, first in line 2"},
      {"several lines", "server: |\n  a\n  b\n",
       "f.yaml:1: server is a?b?, allowed text on one line"},
      {"several errors", "server: a\nlease: x\nhttp:\n  port: y\n",
       "f.yaml:2: lease is x, allowed 0.1..600 s\n"
       "f.yaml:4: http.port is y, allowed whole numbers 1..65535"},
      {"long value", "server: a\nlease: " + repeated("x", 5000) + "\n",
       "f.yaml:2: lease is xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx..., "
       "allowed "
       "0.1..600 s"},
      {"anchor", "server: &a x\n", "f.yaml:1: anchors (&name) are not allowed in a configuration"},
      {"alias", "server: a\nfolder: *a\n",
       "f.yaml:2: not valid YAML: the referenced anchor is not defined"},
      {"alias bomb", "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n",
       "f.yaml:1: anchors (&name) are not allowed in a configuration"},
      {"tag", "server: !!binary aGFsbG8=\n",
       "f.yaml:1: the tag tag:yaml.org,2002:binary is not allowed in a configuration"},
      {"a list", "- server\n", "f.yaml:1: the file is a list: write `key: value` lines"},
      {"a word", "server\n", "f.yaml:1: the file is a single value: write `key: value` lines"},
      {"two documents", "server: a\n---\nserver: b\n",
       "f.yaml:2: a second document begins: a configuration is one document"},
      {"key of a list", "? [a]\n: b\n", "f.yaml:1: a key must be a plain word"},
      {"list in a list", "server: a\nhttp:\n  allowed_hosts: [[a]]\n",
       "f.yaml:3: http.allowed_hosts is a list of plain values, not of lists"},
      {"empty item", "server: a\nhttp:\n  allowed_hosts: [a, ]\n  port: 0\n",
       "f.yaml:4: http.port is 0, allowed whole numbers 1..65535"},
      {"null item", "server: a\nhttp:\n  allowed_hosts: [~]\n",
       "f.yaml:3: http.allowed_hosts has an empty item"},
      {"not YAML", "server: [a\n", "f.yaml:2: not valid YAML: end of sequence flow not found"},
      {"a tab", "http:\n\tport: 1\n", "f.yaml:2: not valid YAML: illegal map value"},
      {"zero byte", std::string("server: a\0b\n", 12),
       "f.yaml: byte 9 is zero: this is not a text file"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto config = parse_config(sample_fields(), c.yaml, "f.yaml");
    ASSERT_FALSE(config);
    EXPECT_EQ(config.error().code, ErrorCode::Rejected);
    EXPECT_EQ(config.error().message, c.message);
  }
}

TEST(Config, ListsAtMostTenProblems) {
  std::string yaml = "server: a\n";
  for (int i = 0; i < 25; ++i) yaml += "zzzzzz" + std::to_string(i) + ": 1\n";
  const auto config = parse_config(sample_fields(), yaml, "f.yaml");
  ASSERT_FALSE(config);
  const std::string& message = config.error().message;
  EXPECT_EQ(std::count(message.begin(), message.end(), '\n'), 10);
  EXPECT_TRUE(message.ends_with("\nand 15 more")) << message;
}

TEST(Config, RefusesNestingThatHasNoEnd) {
  for (const std::string& yaml : {repeated("[", 200000), "a: " + repeated("{b: ", 100000),
                                  repeated("- ", 200000), repeated("? ", 100000)}) {
    EXPECT_FALSE(parse_config(sample_fields(), yaml, "f.yaml"));
  }
  std::string yaml, indent;
  for (int i = 0; i < 9; ++i, indent += " ") yaml += indent + "a:\n";
  yaml += indent + "b: 1\n";
  const auto config = parse_config(sample_fields(), yaml, "f.yaml");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().message, "f.yaml:9: sections are nested deeper than 8 levels");
}

// Every cut and every changed byte of a good file gives a configuration or an error.
TEST(Config, SurvivesDamagedFiles) {
  const std::string good = print_config(sample_fields(), sample_defaults());
  for (std::size_t i = 0; i < good.size(); ++i) {
    static_cast<void>(parse_config(sample_fields(), good.substr(0, i), "f.yaml"));
    for (const char c : {'\0', '[', '{', '&', '"', '\n', '\xff'}) {
      std::string changed = good;
      changed[i] = c;
      const auto config = parse_config(sample_fields(), changed, "f.yaml");
      EXPECT_TRUE(config || config.error().message.starts_with("f.yaml"));
    }
  }
}

TEST(Config, ReadsFilesAndRefusesWhatIsNone) {
  const tests::TempDir folder;
  tests::write_file(folder / "good.yaml", "server: a\n");
  EXPECT_EQ(*load_config(sample_fields(), folder / "good.yaml"), sample_defaults());

  const auto missing = load_config(sample_fields(), folder / "missing.yaml");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message,
            (folder / "missing.yaml").string() + ": no such file: name a YAML file");
  EXPECT_FALSE(load_config(sample_fields(), folder.path()));

  tests::write_file(folder / "large.yaml", "server: a\n" + std::string((1 << 20), '#'));
  const auto large = load_config(sample_fields(), folder / "large.yaml");
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().message, (folder / "large.yaml").string() +
                                       ": more than 1048576 bytes, which is no configuration");
}

TEST(Config, PrintsAFileThatReadsBackToTheSame) {
  SampleConfig config = sample_defaults();
  config.server = "with \"quotes\" and \\ and # and ümlaut: x";
  config.lease = 123457ms;
  config.threshold = 0.3f;
  config.allowed_hosts = {"a, b", "[c]", ""};
  config.on_quarantine = Quarantine::Fail;
  const std::string printed = print_config(sample_fields(), config);
  const auto again = parse_config(sample_fields(), printed, "printed.yaml");
  ASSERT_TRUE(again) << again.error().message << "\n" << printed;
  EXPECT_EQ(*again, config);
}

TEST(Config, PrintsEachKeyWithWhatItIsFor) {
  EXPECT_EQ(print_config(sample_fields(), sample_defaults()), R"(# where the coordinator listens
# (text on one line; must be given)
server: "a"
# for files
# (a path; default "/var/lib/posefleet")
folder: "/var/lib/posefleet"
http:
  # HTTP port
  # (whole numbers 1..65535; default 5000)
  port: 5000
  # who may ask
  # (a list [a, b] of texts on one line; default [])
  allowed_hosts: []
# crops at once | at most
# (whole numbers 1..256 crops; default 16)
batch_size: 16
# least score
# (numbers 0..1; default 0.1; changes without a restart)
threshold: 0.1
# says more
# (true or false; default false; changes without a restart)
verbose: false
# how long a task is promised
# (0.1..600 s; default 10)
lease: 10
# what becomes of the job
# (one of keep, fail; default "keep")
on_quarantine: "keep"
zmq:
  control:
    # address for workers
    # (text on one line; default "tcp://127.0.0.1:5555")
    listen: "tcp://127.0.0.1:5555"
)");
}

TEST(Config, WritesHelpAndATableFromTheSameRows) {
  const std::string help = config_help(sample_fields());
  EXPECT_NE(help.find("  lease: 0.1..600 s; default 10\n      how long a task is promised\n"),
            std::string::npos)
      << help;
  const std::string table = config_markdown(sample_fields());
  EXPECT_NE(table.find("| `server` | where the coordinator listens | text on one line | must be "
                       "given | yes |\n"),
            std::string::npos)
      << table;
  EXPECT_NE(table.find("| `batch_size` | crops at once \\| at most | whole numbers 1..256 crops | "
                       "`16` | yes |\n"),
            std::string::npos)
      << table;
  EXPECT_NE(table.find("| `threshold` | least score | numbers 0..1 | `0.1` | no |\n"),
            std::string::npos)
      << table;
}

TEST(ConfigDeathTest, StopsAtATableThatContradictsItself) {
  const auto parse = [](auto add) {
    Fields<SampleConfig> fields;
    add(fields);
    return parse_config(fields, "", "f.yaml").has_value();
  };
  using F = Fields<SampleConfig>;
  EXPECT_DEATH(parse([](F& f) {
                 f.integer("a", &SampleConfig::batch_size).fallback(300).range(1, 256).help("x");
               }),
               "bug");
  EXPECT_DEATH(parse([](F& f) {
                 f.text("a", &SampleConfig::server).fallback("").help("x");
                 f.text("a", &SampleConfig::listen).fallback("").help("x");
               }),
               "bug");
  EXPECT_DEATH(parse([](F& f) {
                 f.text("a", &SampleConfig::server).fallback("").help("x");
                 f.text("a.b", &SampleConfig::listen).fallback("").help("x");
               }),
               "bug");
  EXPECT_DEATH(parse([](F& f) { f.text("a", &SampleConfig::server).fallback(""); }), "bug");
}

}  // namespace
}  // namespace posefleet
