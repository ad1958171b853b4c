// Each instruction is a function object and the types of its result and operands.
// The loop over a warp's threads is written once.
#include "operations.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <type_traits>
#include <unordered_map>
#include <utility>

namespace ptx {
namespace {

template <typename T>
T As(uint64_t bits) {
  if constexpr (std::is_same_v<T, bool>) {
    return bits != 0;
  } else {
    T value;
    std::memcpy(&value, &bits, sizeof(T));
    return value;
  }
}

template <typename T>
uint64_t Bits(T value) {
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  return bits;
}

template <typename F, typename To, typename... From, size_t... kIndex>
void ComputeLanes(const Instruction& in, uint32_t lanes, Register* registers,
                  std::index_sequence<kIndex...>) {
  uint64_t* const to = registers[in.to[0]].data();
  for (int i = 0; i < kWarpThreads; ++i) {
    if ((lanes >> i & 1) == 0) continue;
    const To result = F()(As<From>(registers[in.from[kIndex]][static_cast<size_t>(i)])...);
    to[i] = Bits<To>(result);
  }
}

template <typename F, typename To, typename... From>
Operation Make() {
  return {[](const Instruction& in, uint32_t lanes, Register* registers) {
            ComputeLanes<F, To, From...>(in, lanes, registers, std::index_sequence_for<From...>());
          },
          sizeof(To),
          {sizeof(From)...},
          sizeof...(From)};
}

struct Same {
  template <typename T>
  T operator()(T a) const {
    return a;
  }
};
template <typename To>
struct Convert {
  template <typename T>
  To operator()(T a) const {
    return static_cast<To>(a);
  }
};
template <typename To>
struct MultiplyWide {
  template <typename T>
  To operator()(T a, T b) const {
    return To{a} * To{b};
  }
};
// Shifts by the width or more leave nothing, or the sign.
struct ShiftLeft {
  template <typename T>
  T operator()(T a, uint32_t by) const {
    return by < sizeof(T) * 8 ? a << by : 0;
  }
};
struct ShiftRight {
  template <typename T>
  T operator()(T a, uint32_t by) const {
    constexpr uint32_t kWidth = sizeof(T) * 8;
    if (std::is_unsigned_v<T> && by >= kWidth) return 0;
    return a >> std::min(by, kWidth - 1);
  }
};
struct Minimum {
  template <typename T>
  T operator()(T a, T b) const {
    return std::min(a, b);
  }
};
struct Select {
  template <typename T>
  T operator()(T a, T b, bool first) const {
    return first ? a : b;
  }
};
struct FusedMultiplyAdd {
  template <typename T>
  T operator()(T a, T b, T c) const {
    return std::fma(a, b, c);
  }
};
struct Absolute {
  float operator()(float a) const { return std::fabs(a); }
};
struct SquareRoot {
  double operator()(double a) const { return std::sqrt(a); }
};
struct NotGreater {  // true for NaNs
  bool operator()(double a, double b) const { return !(a > b); }
};

template <template <typename> typename F, typename T>
Operation Two() {
  return Make<F<T>, T, T, T>();
}

template <template <typename> typename F, typename T>
Operation Compare() {
  return Make<F<T>, bool, T, T>();
}

using Table = std::unordered_map<std::string, Operation>;

void AddMoves(Table* table) {
  for (const char* const name : {"mov.b64", "mov.u64", "mov.f64", "cvta.to.global.u64",
                                 "cvta.global.u64"}) {  // generic addresses are global ones
    table->emplace(name, Make<Same, uint64_t, uint64_t>());
  }
  for (const char* const name : {"mov.b32", "mov.u32", "mov.f32"}) {
    table->emplace(name, Make<Same, uint32_t, uint32_t>());
  }
  table->emplace("mov.pred", Make<Same, bool, bool>());
  for (const char* const name : {"selp.b32", "selp.f32"}) {
    table->emplace(name, Make<Select, uint32_t, uint32_t, uint32_t, bool>());
  }
  for (const char* const name : {"selp.b64", "selp.f64"}) {
    table->emplace(name, Make<Select, uint64_t, uint64_t, uint64_t, bool>());
  }
  table->emplace("cvt.s64.s32", Make<Convert<int64_t>, int64_t, int32_t>());
  table->emplace("cvt.u64.u32", Make<Convert<uint64_t>, uint64_t, uint32_t>());
  table->emplace("cvt.u32.u64", Make<Convert<uint32_t>, uint32_t, uint64_t>());
  table->emplace("cvt.f64.f32", Make<Convert<double>, double, float>());
  table->emplace("cvt.rn.f32.f64", Make<Convert<float>, float, double>());
}

// Unsigned where PTX wraps around, which signed integers of C++ may not.
void AddIntegers(Table* table) {
  table->emplace("add.s32", Two<std::plus, uint32_t>());
  table->emplace("sub.s32", Two<std::minus, uint32_t>());
  table->emplace("add.s64", Two<std::plus, uint64_t>());
  table->emplace("sub.s64", Two<std::minus, uint64_t>());
  table->emplace("mul.lo.s64", Two<std::multiplies, uint64_t>());
  table->emplace("mul.wide.u32", Make<MultiplyWide<uint64_t>, uint64_t, uint32_t, uint32_t>());
  table->emplace("mul.wide.s32", Make<MultiplyWide<int64_t>, int64_t, int32_t, int32_t>());
  table->emplace("neg.s64", Make<std::negate<uint64_t>, uint64_t, uint64_t>());
  table->emplace("and.b64", Two<std::bit_and, uint64_t>());
  table->emplace("or.b64", Two<std::bit_or, uint64_t>());
  table->emplace("and.pred", Two<std::logical_and, bool>());
  table->emplace("or.pred", Two<std::logical_or, bool>());
  table->emplace("min.u64", Make<Minimum, uint64_t, uint64_t, uint64_t>());
  table->emplace("min.s64", Make<Minimum, int64_t, int64_t, int64_t>());
  table->emplace("shl.b32", Make<ShiftLeft, uint32_t, uint32_t, uint32_t>());
  table->emplace("shl.b64", Make<ShiftLeft, uint64_t, uint64_t, uint32_t>());
  table->emplace("shr.u32", Make<ShiftRight, uint32_t, uint32_t, uint32_t>());
  table->emplace("shr.s32", Make<ShiftRight, int32_t, int32_t, uint32_t>());
  table->emplace("shr.u64", Make<ShiftRight, uint64_t, uint64_t, uint32_t>());
  table->emplace("shr.s64", Make<ShiftRight, int64_t, int64_t, uint32_t>());
}

void AddFloats(Table* table) {
  table->emplace("add.rn.f32", Two<std::plus, float>());
  table->emplace("sub.rn.f32", Two<std::minus, float>());
  table->emplace("fma.rn.f32", Make<FusedMultiplyAdd, float, float, float, float>());
  table->emplace("abs.f32", Make<Absolute, float, float>());
  table->emplace("add.rn.f64", Two<std::plus, double>());
  table->emplace("sub.rn.f64", Two<std::minus, double>());
  table->emplace("mul.rn.f64", Two<std::multiplies, double>());
  table->emplace("div.rn.f64", Two<std::divides, double>());
  table->emplace("fma.rn.f64", Make<FusedMultiplyAdd, double, double, double, double>());
  table->emplace("sqrt.rn.f64", Make<SquareRoot, double, double>());
}

void AddComparisons(Table* table) {
  table->emplace("setp.eq.f32", Compare<std::equal_to, float>());
  table->emplace("setp.neu.f32", Compare<std::not_equal_to, float>());
  table->emplace("setp.le.f32", Compare<std::less_equal, float>());
  table->emplace("setp.eq.f64", Compare<std::equal_to, double>());
  table->emplace("setp.lt.f64", Compare<std::less, double>());
  table->emplace("setp.gt.f64", Compare<std::greater, double>());
  table->emplace("setp.leu.f64", Make<NotGreater, bool, double, double>());
  table->emplace("setp.eq.s32", Compare<std::equal_to, int32_t>());
  table->emplace("setp.ne.s32", Compare<std::not_equal_to, int32_t>());
  table->emplace("setp.lt.s32", Compare<std::less, int32_t>());
  table->emplace("setp.gt.s32", Compare<std::greater, int32_t>());
  table->emplace("setp.lt.u32", Compare<std::less, uint32_t>());
  table->emplace("setp.gt.u32", Compare<std::greater, uint32_t>());
  table->emplace("setp.ge.u32", Compare<std::greater_equal, uint32_t>());
  table->emplace("setp.eq.s64", Compare<std::equal_to, int64_t>());
  table->emplace("setp.ne.s64", Compare<std::not_equal_to, int64_t>());
  table->emplace("setp.lt.s64", Compare<std::less, int64_t>());
  table->emplace("setp.ge.s64", Compare<std::greater_equal, int64_t>());
  table->emplace("setp.gt.u64", Compare<std::greater, uint64_t>());
}

Table MakeTable() {
  Table table;
  AddMoves(&table);
  AddIntegers(&table);
  AddFloats(&table);
  AddComparisons(&table);
  return table;
}

}  // namespace

const Operation* FindOperation(const std::string& name) {
  static const Table table = MakeTable();
  const auto found = table.find(name);
  return found == table.end() ? nullptr : &found->second;
}

}  // namespace ptx
