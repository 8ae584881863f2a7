#include "core/codec/column_reader.h"

#include <cstdio>

namespace converge::codec {
namespace {

const char* describe(ColumnFault fault) {
  switch (fault) {
    case ColumnFault::kNone:
      return "fewer cells than rows";
    case ColumnFault::kTruncated:
      return "ends inside a cell";
    case ColumnFault::kNumber:
      return "truncated, overlong or too large number";
    case ColumnFault::kNotCanonical:
      return "not in canonical form";
    case ColumnFault::kUtf8:
      return "invalid UTF-8";
    case ColumnFault::kRange:
      return "number out of range";
  }
  return "malformed";
}

}  // namespace

bool rle_holds_value(ByteView column) {
  if (column.empty() || column.front() != std::byte{0}) return !column.empty();
  const std::byte* at = column.data() + 1;
  const std::byte* const end = column.data() + column.size();
  std::uint64_t nulls = 0;
  return !take_uleb(at, end, nulls) || at != end;
}

bool boolean_holds_value(ByteView column) {
  const std::byte* at = column.data();
  const std::byte* const end = column.data() + column.size();
  std::uint64_t count = 0;
  return !column.empty() && (!take_uleb(at, end, count) || at != end);
}

Error column_error(ColumnFault fault, std::uint32_t spec, std::size_t byte) {
  char name[32];
  std::snprintf(name, sizeof name, "column 0x%02x: ", spec);
  return Error{fault == ColumnFault::kTruncated ? ErrorCode::kTruncated : ErrorCode::kCorrupt,
               std::string(name) + describe(fault) + " near its byte " + std::to_string(byte)};
}

}  // namespace converge::codec
