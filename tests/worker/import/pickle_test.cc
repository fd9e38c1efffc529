#include "worker/import/pickle.h"

#include <limits>

#include <gtest/gtest.h>

#include "tests/support/fixtures.h"

namespace posefleet {
namespace {

using namespace std::string_literals;

PickleDocument must(std::string_view bytes) {
  auto document = PickleDocument::parse(bytes);
  EXPECT_TRUE(document) << (document ? "" : document.error().message);
  return std::move(document).value();
}

// What Python would print, as far as the tests need it.
std::string shown(const PickleDocument& d, NodeId id) {
  const PickleNode& node = d.at(id);
  const auto list = [&](const std::vector<NodeId>& items) {
    std::string text;
    for (const NodeId item : items) text += (text.empty() ? "" : ",") + shown(d, item);
    return text;
  };
  switch (node.kind) {
    case PickleKind::None:
      return "None";
    case PickleKind::Bool:
      return node.integer != 0 ? "True" : "False";
    case PickleKind::Int:
      return std::to_string(node.integer);
    case PickleKind::BigInt:
      return "big";
    case PickleKind::Float:
      return std::to_string(node.number);
    case PickleKind::Text:
      return "u'" + std::string(node.text) + "'";
    case PickleKind::Bytes:
      return "'" + std::string(node.text) + "'";
    case PickleKind::Tuple:
      return "(" + list(node.items) + ")";
    case PickleKind::List:
      return "[" + list(node.items) + "]";
    case PickleKind::Set:
      return "set(" + list(node.items) + ")";
    case PickleKind::Dict:
      return "{" + list(node.pairs) + "}";
    case PickleKind::Global:
      return d.global_name(id);
    case PickleKind::Persistent:
      return "<" + list(node.items) + ">";
    case PickleKind::Object:
      return shown(d, node.callable) + shown(d, node.arguments) + "[" + list(node.items) + "]{" +
             list(node.pairs) + "}" + (node.state == kNoNode ? "" : "=" + shown(d, node.state));
  }
  return "?";
}

TEST(Pickle, ReadsEachOpcode) {
  const struct {
    std::string bytes;
    const char* expected;
  } cases[] = {
      {"N.", "None"},
      {"I01\n.", "True"},
      {"I00\n.", "False"},
      {"I-42\n.", "-42"},
      {"L123L\n.", "123"},
      {"L99999999999999999999999L\n.", "big"},
      {"J\xfe\xff\xff\xff.", "-2"},
      {"K\xff.", "255"},
      {"M\x01\x02.", "513"},
      {"\x88.", "True"},
      {"\x89.", "False"},
      {"\x8a\x00."s, "0"},
      {"\x8a\x01\xff.", "-1"},
      {"\x8a\x05\xff\xff\xff\xff\x00."s, "4294967295"},
      {"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f.", "9223372036854775807"},
      {"\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\x00."s, "big"},
      {"\x8b\x02\x00\x00\x00\x00\x80."s, "-32768"},
      {"F-2.5\n.", "-2.500000"},
      {"G\x3f\xf8\x00\x00\x00\x00\x00\x00."s, "1.500000"},
      {"S'a\\x41\\n\\'\\101\\\\\\q'\n.", "'aA\n'A\\\\q'"},
      {"S\"it's\"\n.", "'it's'"},
      {"Va\\u0041\xe9\n.", "u'aA\xc3\xa9'"},
      {"V\\U0001f600\n.", "u'\xf0\x9f\x98\x80'"},
      {"T\x02\x00\x00\x00xy."s, "'xy'"},
      {"U\x02xy.", "'xy'"},
      {"B\x02\x00\x00\x00xy."s, "'xy'"},
      {"C\x02xy.", "'xy'"},
      {"\x8e\x02\x00\x00\x00\x00\x00\x00\x00xy."s, "'xy'"},
      {"\x96\x02\x00\x00\x00\x00\x00\x00\x00xy."s, "'xy'"},
      {"X\x02\x00\x00\x00xy."s, "u'xy'"},
      {"\x8c\x02xy.", "u'xy'"},
      {"\x8d\x02\x00\x00\x00\x00\x00\x00\x00xy."s, "u'xy'"},
      {").", "()"},
      {"K\x01\x85.", "(1)"},
      {"K\x01K\x02\x86.", "(1,2)"},
      {"K\x01K\x02K\x03\x87.", "(1,2,3)"},
      {"(K\x01K\x02t.", "(1,2)"},
      {"(K\x01l.", "[1]"},
      {"]K\x01"
       "a(K\x02K\x03"
       "e.",
       "[1,2,3]"},
      {"(K\x01Nd.", "{1,None}"},
      {"}K\x01Ns(K\x02Nu.", "{1,None,2,None}"},
      {"\x8f(K\x01K\x02\x90.", "set(1,2)"},
      {"(K\x01\x91.", "set(1)"},
      {"cmod\nname\n.", "mod.name"},
      {"\x8c\x03mod\x8c\x04name\x93.", "mod.name"},
      {"cm\nf\n(K\x01tR.", "m.f(1)[]{}"},
      {"cm\nC\n)\x81}b.", "m.C()[]{}={}"},
      {"cm\nC\n)}\x92.", "m.C()[]{}"},
      {"(K\x01im\nC\n.", "m.C(1)[]{}"},
      {"(cm\nC\nK\x01o.", "m.C(1)[]{}"},
      {"ccollections\nOrderedDict\n)RX\x01\x00\x00\x00kK\x01s}b."s,
       "collections.OrderedDict()[]{u'k',1}={}"},
      {"cm\nL\n)\x81K\x05"
       "a.",
       "m.L()[5]{}"},
      {"Pid\n.", "<u'id'>"},
      {"K\x07Q.", "<7>"},
      {"K\x01K\x02"
       "0.",
       "1"},
      {"K\x01(K\x02"
       "1.",
       "1"},
      {"K\x01(0.", "1"},
      {"K\x01"
       "2\x86.",
       "(1,1)"},
      {"K\x05p7\n0g7\n.", "5"},
      {"K\x05q\x07"
       "0h\x07.",
       "5"},
      {"K\x05r\x07\x00\x00\x00"
       "0j\x07\x00\x00\x00."s,
       "5"},
      {"K\x05\x94K\x06\x94h\x00\x86."s, "(6,5)"},
      {"\x80\x04\x95\x02\x00\x00\x00\x00\x00\x00\x00N."s, "None"},
      {"c_codecs\nencode\n(X\x04\x00\x00\x00\xc3\xbf\x61\x0aX\x06\x00\x00\x00latin1tR."s,
       "'\xff\x61\n'"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.expected);
    const auto document = PickleDocument::parse(c.bytes);
    ASSERT_TRUE(document) << document.error().message;
    EXPECT_EQ(shown(*document, document->root()), c.expected);
  }
}

// What Python's pickle.dumps({'a': [1, 2.5, True, None], 'b': b'\x01'}, protocol=n) writes,
// protocol 0 by Python 2.
TEST(Pickle, ReadsTheSameValueFromEachProtocol) {
  const std::string cases[] = {
      "(dp0\nVa\np1\n(lp2\nI1\naF2.5\naI01\naNasVb\np3\nS'\\x01'\np4\ns.",
      "}q\0(X\1\0\0\0aq\1]q\2(K\1G@\4\0\0\0\0\0\0I01\nNeX\1\0\0\0bU\1\1u."s,
      "\x80\2}q\0(X\1\0\0\0aq\1]q\2(K\1G@\4\0\0\0\0\0\0\x88NeX\1\0\0\0bc_codecs\nencode\n"
      "X\1\0\0\0\1X\6\0\0\0latin1\x86Ru."s,
      "\x80\3}q\0(X\1\0\0\0aq\1]q\2(K\1G@\4\0\0\0\0\0\0\x88NeX\1\0\0\0bC\1\1u."s,
      "\x80\4\x95\x23\0\0\0\0\0\0\0}\x94(\x8c\1a\x94]\x94(K\1G@\4\0\0\0\0\0\0\x88Ne\x8c\1bC\1\1u."s,
  };
  for (std::size_t protocol = 0; protocol < std::size(cases); ++protocol) {
    SCOPED_TRACE(protocol);
    const PickleDocument document = must(cases[protocol]);
    EXPECT_EQ(shown(document, document.root()), "{u'a',[1,2.500000,True,None],u'b','\x01'}");
  }
}

TEST(Pickle, FindsPairsAndClasses) {
  // {'a': 1, u'b': 2, 'a': 3}, the last one wins.
  const std::string bytes = "}(U\1aK\1X\1\0\0\0bK\2U\1aK\3u."s;
  const PickleDocument document = must(bytes);
  const NodeId root = document.root();
  EXPECT_EQ(document.integer(document.find(root, "a")), 3);
  EXPECT_EQ(document.integer(document.find(root, "b")), 2);
  EXPECT_EQ(document.find(root, "c"), kNoNode);
  EXPECT_EQ(document.described(root), "a dictionary");

  const struct {
    std::string bytes;
    const char* expected;
  } cases[] = {
      {"cm\nC\n)\x81.", "m.C"},
      {"ccopy_reg\n_reconstructor\n(cm\nC\nc__builtin__\nobject\nNtR.", "m.C"},
      {"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\0tU\1btR."s, "numpy.ndarray"},
      {"ccopy_reg\n_reconstructor\n)R.", ""},
      {"N.", ""},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.expected);
    const PickleDocument object = must(c.bytes);
    EXPECT_EQ(object.class_name(object.root()), c.expected);
  }
}

TEST(Pickle, RefusesWhatIsMalformed) {
  const struct {
    const char* name;
    std::string bytes;
    const char* expected;
  } cases[] = {
      {"empty", "", "was cut"},
      {"no stop", "N", "was cut"},
      {"nothing to stop with", ".", "empty stack"},
      {"unknown opcode", "\xff.", "pickle byte 0, opcode 0xff: unknown opcode"},
      {"extension", "\x82\x01.", "unknown opcode"},
      {"protocol 9", "\x80\x09N.", "protocol 9"},
      {"tuple of too few", "K\x01\x86.", "empty stack"},
      {"no mark", "K\x01t.", "no mark"},
      {"below the mark", "K\x01(a.", "empty stack"},
      {"append to a number",
       "K\x01K\x02"
       "a.",
       "appends to an integer"},
      {"items of a list", "]K\x01K\x02s.", "sets items of a list"},
      {"odd items", "}(K\x01u.", "key without a value"},
      {"odd dictionary",
       "(K\x01"
       "d.",
       "key without a value"},
      {"unset memo", "h\x05.", "memo 5 was never set"},
      {"bad memo", "gx\n.", "was never set"},
      {"class name is a number", "K\x01K\x02\x93.", "name is no text"},
      {"object without class", "(o.", "without a class"},
      {"huge text", "X\xff\xff\xff\xff.", "4294967295 bytes are announced"},
      {"huge bytes", "\x8e\xff\xff\xff\xff\xff\xff\xff\xff.", "are announced"},
      {"huge integer", "\x8b\xff\xff\xff\x7f.", "are announced"},
      {"bad integer", "I12x\n.", "malformed integer"},
      {"bad number", "Fabc\n.", "malformed number"},
      {"no quotes", "Sabc\n.", "malformed escape"},
      {"open escape", "S'abc\\'\n.", "malformed escape"},
      {"bad hex", "S'\\xg0'\n.", "malformed escape"},
      {"cut unicode", "V\\u00\n.", "malformed escape"},
      {"beyond unicode", "V\\U00110000\n.", "malformed escape"},
      {"not latin1", "c_codecs\nencode\n(X\x03\x00\x00\x00\xe2\x82\xactR."s, "malformed escape"},
      {"deep marks", std::string(100000, '('), "nested marks"},
      {"endless", std::string(3'000'000, 'N'), "more than 2000000 opcodes"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto document = PickleDocument::parse(c.bytes);
    ASSERT_FALSE(document);
    EXPECT_NE(document.error().message.find(c.expected), std::string::npos)
        << document.error().message;
  }
}

// Five bytes convert a long text once more: a small file would fill any memory.
TEST(Pickle, RefusesToConvertOneTextOverAndOver) {
  const std::string text(1000, 'x');
  std::string bytes = "c_codecs\nencode\nq\0X\xe8\3\0\0"s + text + "\x85q\1"s;
  for (int i = 0; i < 1000; ++i) bytes += "h\0h\1R0"s;
  const auto document = PickleDocument::parse(bytes + "N.");
  ASSERT_FALSE(document);
  EXPECT_NE(document.error().message.find("take more memory than they have bytes"),
            std::string::npos)
      << document.error().message;
}

TEST(Pickle, RefusesAClassNameOfImpossibleLength) {
  const auto document = PickleDocument::parse("c" + std::string(999, 'm') + "\nnn\n.");
  ASSERT_FALSE(document);
  EXPECT_NE(document.error().message.find("a class whose name has 1001 bytes"), std::string::npos)
      << document.error().message;
}

// A million levels of tuples: reading, asking and destroying must not recurse.
TEST(Pickle, SurvivesDeepNesting) {
  const PickleDocument document = must("N" + std::string(1'000'000, '\x85') + ".");
  EXPECT_EQ(document.at(document.root()).kind, PickleKind::Tuple);
}

// Each level holds the one below twice: 2^40 leaves when written out, 81 nodes here.
TEST(Pickle, KeepsSharedNodesShared) {
  std::string bytes = "N";
  for (int i = 0; i < 40; ++i) bytes += "2\x86";
  const PickleDocument document = must(bytes + ".");
  EXPECT_EQ(document.at(document.root()).items[0], document.at(document.root()).items[1]);
}

TEST(Pickle, ReadsAListThatHoldsItself) {
  const PickleDocument document = must("]q\0h\0a."s);
  EXPECT_EQ(document.at(document.root()).items[0], document.root());
}

// A small pickle with a bit of everything, cut and changed everywhere: no crash, no hang.
TEST(Pickle, SurvivesEveryCutAndEveryChangedByte) {
  const std::string good =
      "\x80\x02}q\0(U\1aK\1X\1\0\0\0b(I-3\nL5L\nF1.5\nS'x\\x41'\nVy\\u0041\ntq\1"
      "U\1cccollections\nOrderedDict\n)Rq\2U\1dh\1s}bU\1e]q\3(K\1K\2eU\1fcnumpy.core.multiarray\n"
      "_reconstruct\n(cnumpy\nndarray\n(K\0tU\1btR(K\1(K\1tcnumpy\ndtype\n(U\2f4K\0K\1tR"
      "(K\3U\1<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89U\4\0\0\x80?tbU\1gK\7Qu."s;
  const PickleDocument document = must(good);
  EXPECT_EQ(document.at(document.root()).pairs.size(), 12u);
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(PickleDocument::parse(std::string_view(good).substr(0, size))) << size;
  }
  std::size_t refused = 0;
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::string changed = good;
      changed[at] = static_cast<char>(value);
      const auto parsed = PickleDocument::parse(changed);
      if (!parsed) {
        ++refused;
        continue;
      }
      // What was accepted can be asked about.
      (void)parsed->class_name(parsed->root());
      (void)parsed->find(parsed->root(), "a");
    }
  }
  EXPECT_GT(refused, good.size());
}

}  // namespace
}  // namespace posefleet
