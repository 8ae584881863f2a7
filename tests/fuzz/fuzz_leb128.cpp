#include "core/base/assert.h"
#include "core/codec/leb128.h"
#include "tests/fuzz/targets.h"

namespace converge::fuzz {

// Both readers of each sign agree, and what they accept is the one encoding of its value.
void leb128(ByteView input) {
  const std::byte* const end = input.data() + input.size();
  {
    codec::Reader in(input);
    const auto value = codec::read_uleb(in);
    std::uint64_t taken = 0;
    const std::byte* at = input.data();
    ASSERT(codec::take_uleb(at, end, taken) == value.has_value());
    if (value) {
      Bytes again;
      codec::write_uleb(again, *value);
      ASSERT(taken == *value);
      ASSERT(again == to_bytes(input.first(in.position())));
      ASSERT(codec::uleb_size(*value) == again.size());
    }
  }
  codec::Reader in(input);
  const auto value = codec::read_sleb(in);
  std::int64_t taken = 0;
  const std::byte* at = input.data();
  ASSERT(codec::take_sleb(at, end, taken) == value.has_value());
  if (value) {
    Bytes again;
    codec::write_sleb(again, *value);
    ASSERT(taken == *value);
    ASSERT(again == to_bytes(input.first(in.position())));
  }
}

}  // namespace converge::fuzz

CONVERGE_FUZZ_ENTRY(converge::fuzz::leb128)
