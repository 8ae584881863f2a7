#include "core/base/assert.h"
#include "core/format/change.h"
#include "tests/fuzz/assemble.h"
#include "tests/fuzz/targets.h"

namespace converge::fuzz {
namespace {

// What is accepted encodes to itself, sealed or compressed, and its runs cover its ops.
void check(Bytes body) {
  const auto decoded = format::decode_change_body(body);
  if (!decoded) return;
  ASSERT(format::encode_change_body(*decoded) == body);
  std::uint64_t ops = 0;
  for (const model::OpRun& run : decoded->ops) {
    ASSERT(run.count > 0);
    ops += run.count;
  }
  ASSERT(ops == decoded->op_count);
  const auto packed = format::decode_change(format::change_chunk(*decoded, true));
  ASSERT(packed.has_value());
  ASSERT(packed->hash == decoded->hash);

  auto sealed = format::decode_change_body(body);
  ASSERT(format::seal_change(*sealed).has_value());
  ASSERT(sealed->hash == decoded->hash);
}

void append(Bytes& out, ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

}  // namespace

// Once as a body, once assembled: the fields in front of the columns, as many bytes as the first
// byte says, then columns.
void change(ByteView input) {
  check(to_bytes(input));
  if (input.empty()) return;
  codec::Reader in(input);
  const auto front = std::to_integer<std::size_t>(in.take(1)[0]);
  Bytes body = to_bytes(take_some(in, front));
  const Assembled columns = assemble_columns(in);
  append(body, columns.metadata);
  append(body, columns.data);
  append(body, in.rest());
  check(std::move(body));
}

}  // namespace converge::fuzz

CONVERGE_FUZZ_ENTRY(converge::fuzz::change)
