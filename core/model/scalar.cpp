#include "core/model/scalar.h"

#include "core/base/assert.h"
#include "core/codec/leb128.h"
#include "core/codec/utf8.h"

#include <cstring>

namespace converge::model {
namespace {

Scalar make(ScalarType type, std::string raw) {
  Scalar out;
  out.type = static_cast<std::uint8_t>(type);
  out.raw = std::move(raw);
  return out;
}

Scalar make_signed(ScalarType type, std::int64_t value) {
  std::string raw;
  codec::write_sleb(raw, value);
  return make(type, std::move(raw));
}

}  // namespace

std::uint64_t ScalarRef::as_uint() const {
  codec::Reader in(as_bytes(raw));
  const auto value = codec::read_uleb(in);
  ASSERT(is(ScalarType::kUint) && value.has_value());
  return *value;
}

std::int64_t ScalarRef::as_int() const {
  codec::Reader in(as_bytes(raw));
  const auto value = codec::read_sleb(in);
  ASSERT(value.has_value());
  return *value;
}

double ScalarRef::as_float64() const {
  double value = 0;
  static_assert(sizeof value == 8);
  ASSERT(raw.size() == sizeof value);
  std::memcpy(&value, raw.data(),
              sizeof value);  // the format is little-endian, as every supported machine is
  return value;
}

const char* scalar_fault(ScalarRef value) {
  const auto* at = reinterpret_cast<const std::byte*>(value.raw.data());
  const auto* end = at + value.raw.size();
  std::uint64_t as_unsigned = 0;
  std::int64_t as_signed = 0;
  switch (value.kind()) {
    case ScalarType::kNull:
    case ScalarType::kFalse:
    case ScalarType::kTrue:
      return value.raw.empty() ? nullptr : "null or boolean with bytes";
    case ScalarType::kUint:
      return codec::take_uleb(at, end, as_unsigned) && at == end ? nullptr : "malformed number";
    case ScalarType::kInt:
    case ScalarType::kCounter:
    case ScalarType::kTimestamp:
      return codec::take_sleb(at, end, as_signed) && at == end ? nullptr : "malformed number";
    case ScalarType::kFloat64:
      return value.raw.size() == sizeof(double) ? nullptr : "float of other than 8 bytes";
    case ScalarType::kString:
      return codec::is_valid_utf8(value.raw) ? nullptr : "string that is not UTF-8";
    case ScalarType::kBytes:
      return nullptr;
  }
  return nullptr;
}

Scalar Scalar::null() { return {}; }
Scalar Scalar::boolean(bool value) {
  return make(value ? ScalarType::kTrue : ScalarType::kFalse, {});
}
Scalar Scalar::integer(std::int64_t value) { return make_signed(ScalarType::kInt, value); }
Scalar Scalar::counter(std::int64_t value) { return make_signed(ScalarType::kCounter, value); }
Scalar Scalar::timestamp(std::int64_t milliseconds) {
  return make_signed(ScalarType::kTimestamp, milliseconds);
}
Scalar Scalar::string(std::string_view utf8) {
  return make(ScalarType::kString, std::string(utf8));
}
Scalar Scalar::bytes(ByteView value) {
  return make(ScalarType::kBytes, std::string(as_text(value)));
}

Scalar Scalar::uint(std::uint64_t value) {
  std::string raw;
  codec::write_uleb(raw, value);
  return make(ScalarType::kUint, std::move(raw));
}

Scalar Scalar::float64(double value) {
  std::string raw(sizeof value, '\0');
  std::memcpy(raw.data(), &value, sizeof value);
  return make(ScalarType::kFloat64, std::move(raw));
}

}  // namespace converge::model
