// Matrix products of a fixed shape on one thread, by oneDNN. The only header that speaks for it.
//
// A shape's machine code is made once and then run with many operands, from any thread; scratch
// memory is the caller's, because oneDNN's own belongs to the thread that made the primitive.
// Constructors and calls throw what oneDNN throws; hmr2.cc, the folder's wall, catches it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace posefleet {

enum class Activation { None, Gelu };  // the erf form

enum class NumberType { Float32, BFloat16 };  // bfloat16.h

// C = activation(scale * A B + bias), with A (rows, inner), B (inner, columns), C (rows, columns),
// row-major. A and B are of one type; bias, sums and C are float32.
struct ProductShape {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t inner = 0;
  std::int64_t a_stride = 0;  // numbers from one row to the next
  std::int64_t b_stride = 0;
  std::int64_t c_stride = 0;
  bool b_is_transposed = false;  // B is stored (columns, inner), as linear layers store weights
  bool has_bias = false;         // one number per column
  Activation activation = Activation::None;
  float scale = 1;
  NumberType operands = NumberType::Float32;
};

class Product final {
 public:
  explicit Product(const ProductShape& shape);
  ~Product();
  Product(Product&&) noexcept;
  Product& operator=(Product&&) = delete;

  std::size_t scratch_bytes() const;
  // Which of oneDNN's kernels does it.
  std::string kernel() const;

  struct Operands {
    const void* a;  // numbers of the shape's operand type
    const void* b;
    const float* bias;  // null when the shape has none
    float* c;
  };
  void run(const Operands& operands, std::byte* scratch) const;

 private:
  struct Primitive;
  std::unique_ptr<Primitive> primitive_;
};

// Softmax of each row of a (rows, columns) matrix without gaps, in place.
class RowSoftmax final {
 public:
  RowSoftmax(std::int64_t rows, std::int64_t columns);
  ~RowSoftmax();
  RowSoftmax(RowSoftmax&&) = delete;

  std::size_t scratch_bytes() const;
  void run(float* matrix, std::byte* scratch) const;

 private:
  struct Primitive;
  std::unique_ptr<Primitive> primitive_;
};

// Whether the processor has instructions for products of bfloat16. oneDNN knows substitutes, which
// are slower than float32.
bool has_bfloat16_products();

// "oneDNN 2.6.3 avx512_core": the version and the instruction set that its kernels use here.
std::string product_library();

}  // namespace posefleet
