#include "core/base/assert.h"
#include "core/format/change.h"
#include "core/format/document.h"
#include "tests/fuzz/assemble.h"
#include "tests/fuzz/targets.h"

namespace converge::fuzz {
namespace {

// The parsed document with the heads it should have: no fuzzer finds those by itself.
void check_rebuilt(model::Snapshot& snapshot) {
  std::vector<ChangeHash> hashes;
  std::vector<Bytes> bodies;
  (void)format::for_each_change(snapshot,
                                [&](std::uint32_t, const ChangeHash& hash, ByteView body) {
                                  hashes.push_back(hash);
                                  bodies.push_back(to_bytes(body));
                                });
  if (hashes.size() != snapshot.changes.size()) return;
  format::set_heads(snapshot, hashes);
  const auto verified = format::for_each_change(snapshot, {});
  if (!verified) return;
  ASSERT(*verified == hashes);
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    const auto change = format::decode_change_body(std::move(bodies[i]), hashes[i]);
    ASSERT(change.has_value());
  }

  const Bytes plain = format::encode_document(snapshot, {false});
  format::ChunkStream stream(plain);
  const auto found = stream.next();
  ASSERT(found.has_value());
  const auto again = format::decode_document((*found)->body);
  ASSERT(again.has_value());
  ASSERT(format::encode_document(*again, {false}) == plain);
  const auto rehashed = format::for_each_change(*again, {});
  ASSERT(rehashed.has_value());
  ASSERT(*rehashed == hashes);
}

void check(ByteView body) {
  auto snapshot = format::decode_document(body);
  if (snapshot) check_rebuilt(*snapshot);
}

void append(Bytes& out, ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

}  // namespace

// Once as a body, once assembled: the first byte says how many actors 00, 01, .. there are, then
// come change columns and op columns.
void document(ByteView input) {
  check(input);
  if (input.empty()) return;
  codec::Reader in(input);
  const auto actors = std::to_integer<std::size_t>(in.take(1)[0]) % 8;
  Bytes body{static_cast<std::byte>(actors)};
  for (std::size_t i = 0; i < actors; ++i) {
    body.push_back(std::byte{1});
    body.push_back(static_cast<std::byte>(i));
  }
  body.push_back(std::byte{0});  // heads
  const Assembled changes = assemble_columns(in);
  const Assembled ops = assemble_columns(in);
  append(body, changes.metadata);
  append(body, ops.metadata);
  append(body, changes.data);
  append(body, ops.data);
  check(body);
}

}  // namespace converge::fuzz

CONVERGE_FUZZ_ENTRY(converge::fuzz::document)
