#include "worker/model/product.h"

#include <new>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>
#include <oneapi/dnnl/dnnl.hpp>

namespace posefleet {
namespace {

using dnnl::memory;

memory::desc matrix(std::int64_t rows, std::int64_t columns, std::int64_t row_stride,
                    std::int64_t column_stride, NumberType type = NumberType::Float32) {
  return {memory::dims{rows, columns},
          type == NumberType::Float32 ? memory::data_type::f32 : memory::data_type::bf16,
          memory::dims{row_stride, column_stride}};
}

dnnl::primitive_attr exact_with_own_scratch() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  // Also when an environment variable of oneDNN's would allow it to round operands to bfloat16.
  attributes.set_fpmath_mode(dnnl::fpmath_mode::strict);
  return attributes;
}

// oneDNN asks for non-const memory everywhere; sources are only read.
memory place(const memory::desc& description, const dnnl::engine& engine, const void* data) {
  return {description, engine, const_cast<void*>(data)};
}

// oneDNN says with an error of its own that memory is short; for our callers that is bad_alloc.
template <typename Work>
void with_memory_errors(const Work& work) {
  try {
    work();
  } catch (const dnnl::error& error) {
    if (error.status == dnnl_out_of_memory) throw std::bad_alloc();
    throw;
  }
}

void execute(const dnnl::primitive& primitive, const dnnl::engine& engine,
             const std::unordered_map<int, memory>& arguments) {
  with_memory_errors([&] {
    dnnl::stream stream(engine);
    primitive.execute(stream, arguments);
    stream.wait();
  });
}

std::string_view instruction_set() {
  switch (dnnl::get_effective_cpu_isa()) {
    case dnnl::cpu_isa::sse41:
      return "sse41";
    case dnnl::cpu_isa::avx2:
      return "avx2";
    case dnnl::cpu_isa::avx2_vnni:
      return "avx2_vnni";
    case dnnl::cpu_isa::avx512_core:
      return "avx512_core";
    case dnnl::cpu_isa::avx512_core_vnni:
      return "avx512_core_vnni";
    case dnnl::cpu_isa::avx512_core_bf16:
      return "avx512_core_bf16";
    case dnnl::cpu_isa::avx512_core_amx:
      return "avx512_core_amx";
    default:
      return "another instruction set";
  }
}

}  // namespace

struct Product::Primitive {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::matmul::primitive_desc description;
  dnnl::matmul primitive;
};

Product::Product(const ProductShape& shape) : primitive_(std::make_unique<Primitive>()) {
  const memory::desc a = matrix(shape.rows, shape.inner, shape.a_stride, 1, shape.operands);
  const memory::desc b =
      shape.b_is_transposed ? matrix(shape.inner, shape.columns, 1, shape.b_stride, shape.operands)
                            : matrix(shape.inner, shape.columns, shape.b_stride, 1, shape.operands);
  const memory::desc c = matrix(shape.rows, shape.columns, shape.c_stride, 1);
  dnnl::primitive_attr attributes = exact_with_own_scratch();
  if (shape.scale != 1) attributes.set_output_scales(0, {shape.scale});
  dnnl::post_ops after;
  if (shape.activation == Activation::Gelu) {
    after.append_eltwise(1, dnnl::algorithm::eltwise_gelu_erf, 0, 0);
  }
  attributes.set_post_ops(after);
  const dnnl::matmul::desc operation =
      shape.has_bias ? dnnl::matmul::desc(a, b, matrix(1, shape.columns, shape.columns, 1), c)
                     : dnnl::matmul::desc(a, b, c);
  with_memory_errors([&] {
    primitive_->description =
        dnnl::matmul::primitive_desc(operation, attributes, primitive_->engine);
    primitive_->primitive = dnnl::matmul(primitive_->description);
  });
}

Product::~Product() = default;
Product::Product(Product&&) noexcept = default;

std::size_t Product::scratch_bytes() const {
  return primitive_->description.scratchpad_desc().get_size();
}

std::string Product::kernel() const {
  return primitive_->description.impl_info_str();
}

void Product::run(const Operands& operands, std::byte* scratch) const {
  const auto& [engine, description, primitive] = *primitive_;
  std::unordered_map<int, memory> arguments = {
      {DNNL_ARG_SRC, place(description.src_desc(), engine, operands.a)},
      {DNNL_ARG_WEIGHTS, place(description.weights_desc(), engine, operands.b)},
      {DNNL_ARG_DST, place(description.dst_desc(), engine, operands.c)},
      {DNNL_ARG_SCRATCHPAD, place(description.scratchpad_desc(), engine, scratch)}};
  if (operands.bias != nullptr) {
    arguments.emplace(DNNL_ARG_BIAS, place(description.bias_desc(), engine, operands.bias));
  }
  execute(primitive, engine, arguments);
}

struct RowSoftmax::Primitive {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::softmax_forward::primitive_desc description;
  dnnl::softmax_forward primitive;
};

RowSoftmax::RowSoftmax(std::int64_t rows, std::int64_t columns)
    : primitive_(std::make_unique<Primitive>()) {
  const dnnl::softmax_forward::desc operation(dnnl::prop_kind::forward_inference,
                                              matrix(rows, columns, columns, 1), 1);
  primitive_->description = dnnl::softmax_forward::primitive_desc(
      operation, exact_with_own_scratch(), primitive_->engine);
  primitive_->primitive = dnnl::softmax_forward(primitive_->description);
}

RowSoftmax::~RowSoftmax() = default;

std::size_t RowSoftmax::scratch_bytes() const {
  return primitive_->description.scratchpad_desc().get_size();
}

void RowSoftmax::run(float* rows, std::byte* scratch) const {
  const auto& [engine, description, primitive] = *primitive_;
  const memory in_place = place(description.src_desc(), engine, rows);
  execute(primitive, engine,
          {{DNNL_ARG_SRC, in_place},
           {DNNL_ARG_DST, in_place},
           {DNNL_ARG_SCRATCHPAD, place(description.scratchpad_desc(), engine, scratch)}});
}

bool has_bfloat16_products() {
  const dnnl::cpu_isa isa = dnnl::get_effective_cpu_isa();
  return isa == dnnl::cpu_isa::avx512_core_bf16 || isa == dnnl::cpu_isa::avx512_core_amx;
}

std::string product_library() {
  const dnnl::version_t* version = dnnl::version();
  return fmt::format("oneDNN {}.{}.{} {}", version->major, version->minor, version->patch,
                     instruction_set());
}

}  // namespace posefleet
