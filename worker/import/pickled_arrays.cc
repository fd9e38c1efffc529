#include "worker/import/pickled_arrays.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

namespace posefleet {
namespace {

// Objects inside objects: a Select of a Ch of an ndarray is three. A forged cycle ends here.
constexpr int kDepthMax = 8;
// Numbers that choose elements are a plain array, or an object around one. Were they nested like
// the rest, a few hundred bytes would describe the work of hours: each level doubles it.
constexpr int kIndexDepthMin = kDepthMax - 2;
// A sparse file of a few bytes can claim any dense size. SMPL's regressor has 165,360 elements.
constexpr std::int64_t kDenseElementsMax = std::int64_t{1} << 22;

Result<NdArray> array_at(const PickleDocument& document, NodeId id, int depth);

Result<Shape> shape_of(const PickleDocument& document, NodeId id) {
  const PickleNode& node = document.at(id);
  if (node.kind != PickleKind::Tuple && node.kind != PickleKind::List) {
    return rejected("the shape is " + document.described(id));
  }
  Shape shape;
  for (const NodeId item : node.items) {
    const auto size = document.integer(item);
    if (!size || *size < 0 || shape.size() >= 32) return rejected("a shape of impossible sizes");
    shape.push_back(*size);
  }
  return shape;
}

// numpy.dtype('f8', 0, 1), whose state says the byte order: (3, '<', ...).
Result<NumberType> dtype_of(const PickleDocument& document, NodeId id) {
  const PickleNode& node = document.at(id);
  if (document.class_name(id) != "numpy.dtype" || node.arguments == kNoNode) {
    return rejected("the type is " + document.described(id));
  }
  const std::vector<NodeId>& arguments = document.at(node.arguments).items;
  const auto name = arguments.empty() ? std::nullopt : document.text(arguments.front());
  if (!name) return rejected("the type has no name");
  std::string order;
  if (node.state != kNoNode && document.at(node.state).items.size() > 1) {
    order = document.text(document.at(node.state).items[1]).value_or("");
  }
  return number_type_of(order == ">" ? order + std::string(*name) : std::string(*name));
}

// The state is (version, shape, dtype, is Fortran order, bytes); the oldest files have no version.
Result<NdArray> numpy_array(const PickleDocument& document, NodeId id) {
  const NodeId state = document.at(id).state;
  if (state == kNoNode) return rejected("an array without its numbers");
  std::vector<NodeId> fields = document.at(state).items;
  if (fields.size() == 5) fields.erase(fields.begin());
  if (fields.size() != 4) return rejected("an array of an unknown form");
  POSEFLEET_TRY(const Shape shape, shape_of(document, fields[0]));
  POSEFLEET_TRY(const NumberType type, dtype_of(document, fields[1]));
  const auto is_fortran_order = document.integer(fields[2]);
  const auto bytes = document.text(fields[3]);
  if (!is_fortran_order) return rejected("an array of unknown order");
  if (!bytes) return rejected("an array whose numbers are " + document.described(fields[3]));
  return make_array(type, shape, *is_fortran_order != 0, *bytes);
}

// A member of an object whose state is a dictionary.
Result<NodeId> member(const PickleDocument& document, NodeId id, std::string_view name) {
  const NodeId state = document.at(id).state;
  const NodeId found = state == kNoNode ? kNoNode : document.find(state, name);
  if (found == kNoNode) {
    return rejected(fmt::format("{} without '{}'", document.described(id), name));
  }
  return found;
}

Result<NdArray> member_array(const PickleDocument& document, NodeId id, std::string_view name,
                             int depth) {
  POSEFLEET_TRY(const NodeId found, member(document, id, name));
  auto array = array_at(document, found, depth + 1);
  if (!array) return in_context(fmt::format("'{}'", name), array.error());
  return array;
}

Result<NdArray> index_array_of(const PickleDocument& document, NodeId id, std::string_view name,
                               int depth) {
  return member_array(document, id, name, std::max(depth, kIndexDepthMin));
}

// a.ravel()[idxs] in the preferred shape.
Result<NdArray> selected_array(const PickleDocument& document, NodeId id, int depth) {
  POSEFLEET_TRY(const NdArray source, member_array(document, id, "a", depth));
  POSEFLEET_TRY(const NdArray index_array, index_array_of(document, id, "idxs", depth));
  POSEFLEET_TRY(const auto indices, index_array.to_integers());
  POSEFLEET_TRY(const NodeId shape_node, member(document, id, "preferred_shape"));
  POSEFLEET_TRY(Shape shape, shape_of(document, shape_node));
  const std::size_t size = size_of(source.type);
  const auto count = static_cast<std::int64_t>(source.bytes.size() / size);
  std::string bytes;
  bytes.reserve(indices.size() * size);
  for (const std::int64_t index : indices) {
    if (index < 0 || index >= count) {
      return rejected(fmt::format("it selects element {} of {}", index, count));
    }
    const auto* at = reinterpret_cast<const char*>(source.bytes.data());
    bytes.append(at + static_cast<std::size_t>(index) * size, size);
  }
  return make_array(source.type, std::move(shape), false, bytes);
}

// Column j's elements are data[indptr[j] .. indptr[j + 1]], their rows are in `indices`.
Result<NdArray> sparse_array(const PickleDocument& document, NodeId id, int depth) {
  auto shape_node = member(document, id, "_shape");
  if (!shape_node) shape_node = member(document, id, "shape");
  if (!shape_node) return shape_node.error();
  POSEFLEET_TRY(const Shape shape, shape_of(document, *shape_node));
  POSEFLEET_TRY(const NdArray data_array, member_array(document, id, "data", depth));
  POSEFLEET_TRY(const NdArray row_array, index_array_of(document, id, "indices", depth));
  POSEFLEET_TRY(const NdArray start_array, index_array_of(document, id, "indptr", depth));
  const std::vector<double> data = data_array.to_doubles();
  POSEFLEET_TRY(const auto rows, row_array.to_integers());
  POSEFLEET_TRY(const auto starts, start_array.to_integers());

  const auto bytes = byte_count(shape, 1);
  if (shape.size() != 2 || !bytes || *bytes > static_cast<std::uint64_t>(kDenseElementsMax)) {
    return rejected(fmt::format("a sparse matrix of shape {}", to_text(shape)));
  }
  const auto entries = static_cast<std::int64_t>(data.size());
  if (rows.size() != data.size() || starts.size() != static_cast<std::size_t>(shape[1]) + 1 ||
      starts.front() != 0 || starts.back() > entries) {
    return rejected("a sparse matrix whose parts do not fit together");
  }
  std::vector<double> dense(*bytes, 0.0);
  for (std::int64_t column = 0; column < shape[1]; ++column) {
    const std::int64_t end = starts[static_cast<std::size_t>(column) + 1];
    if (end < starts[static_cast<std::size_t>(column)] || end > entries) {
      return rejected("a sparse matrix whose columns overlap");
    }
    for (std::int64_t i = starts[static_cast<std::size_t>(column)]; i < end; ++i) {
      const std::int64_t row = rows[static_cast<std::size_t>(i)];
      if (row < 0 || row >= shape[0]) {
        return rejected(fmt::format("a sparse matrix with row {} of {}", row, shape[0]));
      }
      // An element may be given in several parts; their sum counts.
      dense[static_cast<std::size_t>(row * shape[1] + column)] += data[static_cast<std::size_t>(i)];
    }
  }
  return make_array(NumberType::F8, shape, false,
                    {reinterpret_cast<const char*>(dense.data()), dense.size() * sizeof(double)});
}

Result<NdArray> array_at(const PickleDocument& document, NodeId id, int depth) {
  if (depth > kDepthMax) return rejected("objects nested too deeply");
  const std::string name = document.class_name(id);
  if (name == "numpy.ndarray" || name == "numpy.core.multiarray.ndarray") {
    return numpy_array(document, id);
  }
  if (name == "chumpy.ch.Ch") return member_array(document, id, "x", depth);
  if (name == "chumpy.reordering.Select") return selected_array(document, id, depth);
  // SciPy moved its classes to names with an underscore.
  if (name == "scipy.sparse.csc.csc_matrix" || name == "scipy.sparse._csc.csc_matrix") {
    return sparse_array(document, id, depth);
  }
  return rejected("expected an array, found " + document.described(id));
}

}  // namespace

Result<NdArray> array_of(const PickleDocument& document, NodeId id) {
  return array_at(document, id, 0);
}

}  // namespace posefleet
