#include "tests/fuzz/assemble.h"

#include "core/codec/leb128.h"

#include <algorithm>
#include <map>

namespace converge::fuzz {

ByteView take_some(codec::Reader& in, std::size_t most) {
  return in.take(std::min(most, in.remaining()));
}

Assembled assemble_columns(codec::Reader& in) {
  std::map<std::uint32_t, ByteView> columns;
  while (in.remaining() >= 2) {
    const auto spec = std::to_integer<std::uint32_t>(in.take(1)[0]);
    if (spec == 0) break;
    const auto size = std::to_integer<std::size_t>(in.take(1)[0]);
    columns[spec] = take_some(in, size);
  }
  Assembled out;
  codec::write_uleb(out.metadata, columns.size());
  for (const auto& [spec, bytes] : columns) {
    codec::write_uleb(out.metadata, spec);
    codec::write_uleb(out.metadata, bytes.size());
    out.data.insert(out.data.end(), bytes.begin(), bytes.end());
  }
  return out;
}

}  // namespace converge::fuzz
