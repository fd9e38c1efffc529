// Python pickles, read without Python and without running anything they ask for.
//
// A pickle is a program for a small stack machine that builds objects by calling Python functions.
// The usual readers call those functions, or fail on a name they do not know; both are wrong here:
// checkpoints carry configuration objects of libraries that nobody has installed, and a file from
// the internet must not run code. So this machine only writes down what would be done: a call
// becomes a node that holds the function's name and its arguments, and whoever knows the name
// (pickled_arrays.h, checkpoint.cc) reads the node. A name that nobody asks for costs nothing.
//
// Protocols 0 to 5, except shared-memory buffers and the extension registry, which files do not
// use. Bounded: opcodes and so nodes are counted, marks may nest to a fixed depth, and nodes refer
// to each other by number, so that no depth of nesting is a depth of recursion, neither here nor
// when the document goes away. Numbers may form cycles; readers go by known keys, never everywhere.
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace posefleet {

using NodeId = std::uint32_t;
inline constexpr NodeId kNoNode = std::numeric_limits<NodeId>::max();

enum class PickleKind : std::uint8_t {
  None,
  Bool,
  Int,
  BigInt,  // an integer beyond 64 bits; its value is not kept
  Float,
  Text,   // Unicode, as UTF-8
  Bytes,  // Python 3 bytes and Python 2 strings
  Tuple,
  List,
  Set,
  Dict,
  Global,      // a class or function by name
  Object,      // what a call made: see the fields
  Persistent,  // a reference to something outside the pickle; items[0] says which
};

std::string_view name_of(PickleKind kind);

struct PickleNode {
  PickleKind kind = PickleKind::None;
  std::int64_t integer = 0;    // Bool, Int
  double number = 0;           // Float
  std::string_view text;       // Text, Bytes; Global: the module
  std::string_view name;       // Global: the class or function
  std::vector<NodeId> items;   // Tuple, List, Set, Persistent; Object: what was appended to it
  std::vector<NodeId> pairs;   // Dict, Object: key, value, key, value, ...
  NodeId callable = kNoNode;   // Object: what was called
  NodeId arguments = kNoNode;  // Object: usually a Tuple
  NodeId state = kNoNode;      // Object: what BUILD gave it, if anything
};

// Immutable. Its texts point into itself and into the bytes it was read from, which must live as
// long as it does.
class PickleDocument final {
 public:
  static Result<PickleDocument> parse(std::string_view bytes);
  PickleDocument(PickleDocument&&) = default;
  PickleDocument& operator=(PickleDocument&&) = default;

  NodeId root() const { return root_; }
  // `id` must be one of this document's.
  const PickleNode& at(NodeId id) const;

  // The value of a Dict's or Object's pair whose key is this text; kNoNode when there is none. The
  // last one wins when there are several, as in Python.
  NodeId find(NodeId id, std::string_view key) const;
  // Text or bytes.
  std::optional<std::string_view> text(NodeId id) const;
  std::optional<std::int64_t> integer(NodeId id) const;  // Int or Bool
  // "module.name" of a Global, else nothing.
  std::string global_name(NodeId id) const;
  // The class of an Object, whichever way it was made (a call, NEWOBJ, copyreg); "" for others.
  std::string class_name(NodeId id) const;
  // For messages: "a list", "an object of class numpy.ndarray".
  std::string described(NodeId id) const;

 private:
  friend class Unpickler;
  PickleDocument() = default;

  std::vector<PickleNode> nodes_;
  // Texts that are written with escapes in the file. A deque: its elements never move.
  std::deque<std::string> texts_;
  NodeId root_ = kNoNode;
};

}  // namespace posefleet
