#pragma once

#include "core/base/bytes.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace converge::model {

/// Value types of the storage format (automerge-format 2.6). Frozen: these numbers reach disk and
/// wire.
enum class ScalarType : std::uint8_t {
  kNull = 0,
  kFalse = 1,
  kTrue = 2,
  kUint = 3,
  kInt = 4,
  kFloat64 = 5,
  kString = 6,
  kBytes = 7,
  kCounter = 8,
  kTimestamp = 9,
  // 10..15 are unknown today: type and bytes are kept verbatim.
};

/// A scalar as the format stores it: type number and raw bytes (shortest LEB128 for numbers, IEEE
/// little-endian for floats, UTF-8 for strings). Borrowed: the enclosing change, snapshot or
/// document owns the bytes. Already validated wherever one is handed out, so the as_ accessors
/// cannot fail on the right type.
struct ScalarRef {
  std::uint8_t type = 0;
  std::string_view raw;

  ScalarType kind() const { return static_cast<ScalarType>(type); }
  bool is(ScalarType wanted) const { return type == static_cast<std::uint8_t>(wanted); }
  bool operator==(const ScalarRef&) const = default;

  /// REQUIRES: kUint.
  std::uint64_t as_uint() const;
  /// REQUIRES: kInt, kCounter or kTimestamp (milliseconds since 1970).
  std::int64_t as_int() const;
  /// REQUIRES: kFloat64.
  double as_float64() const;
};

/// Why the bytes are not a value of their type (automerge-format 2.6), as a phrase; null when they
/// are. Types 10..15 take anything. What decoders ask before they hand a ScalarRef out.
const char* scalar_fault(ScalarRef value);

/// The same, owning its bytes. What transactions take and queries return.
struct Scalar {
  std::uint8_t type = 0;
  std::string raw;

  Scalar() = default;
  explicit Scalar(ScalarRef ref) : type(ref.type), raw(ref.raw) {}
  ScalarRef ref() const { return {type, raw}; }
  bool operator==(const Scalar&) const = default;

  static Scalar null();
  static Scalar boolean(bool value);
  static Scalar uint(std::uint64_t value);
  static Scalar integer(std::int64_t value);
  static Scalar float64(double value);
  static Scalar string(std::string_view utf8);
  static Scalar bytes(ByteView value);
  static Scalar counter(std::int64_t value);
  static Scalar timestamp(std::int64_t milliseconds);
};

}  // namespace converge::model

namespace converge {
using model::Scalar;
using model::ScalarRef;
using model::ScalarType;
}  // namespace converge
