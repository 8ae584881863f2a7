#include "core/codec/column_writer.h"

#include "core/codec/leb128.h"

namespace converge::codec::detail {

void put(Bytes& out, std::uint64_t value) { write_uleb(out, value); }

void put(Bytes& out, std::int64_t value) { write_sleb(out, value); }

void put(Bytes& out, std::string_view value) {
  write_uleb(out, value.size());
  const ByteView bytes = as_bytes(value);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

}  // namespace converge::codec::detail
