#include "core/base/assert.h"
#include "core/format/bundle.h"
#include "core/format/change.h"
#include "tests/fuzz/assemble.h"
#include "tests/fuzz/targets.h"

#include <set>
#include <utility>

namespace converge::fuzz {
namespace {

void check(ByteView body) {
  const auto changes = format::decode_bundle(body);
  if (!changes) return;
  std::set<std::pair<model::ActorId, std::uint32_t>> authors;
  for (const model::Change& change : *changes) {
    ASSERT(format::encode_change_body(change) == change.body);
    ASSERT(format::change_hash(change.body) == change.hash);
    authors.emplace(change.actor, change.seq);
  }
  if (authors.size() != changes->size()) return;  // the same twice, which is not written
  const auto again = format::decode_bundle(format::encode_bundle(*changes));
  ASSERT(again.has_value() && again->size() == changes->size());
  for (std::size_t i = 0; i < changes->size(); ++i) ASSERT((*again)[i].hash == (*changes)[i].hash);
}

void append(Bytes& out, ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

}  // namespace

// Once as a body, once assembled as fuzz::document does, with one external dependency.
void bundle(ByteView input) {
  check(input);
  if (input.empty()) return;
  codec::Reader in(input);
  const auto actors = std::to_integer<std::size_t>(in.take(1)[0]) % 8;
  Bytes body{std::byte{1}};
  body.resize(33);
  body.push_back(static_cast<std::byte>(actors));
  for (std::size_t i = 0; i < actors; ++i) {
    body.push_back(std::byte{1});
    body.push_back(static_cast<std::byte>(i));
  }
  for (int table = 0; table < 2; ++table) {
    const Assembled columns = assemble_columns(in);
    append(body, columns.metadata);
    append(body, columns.data);
  }
  check(body);
}

}  // namespace converge::fuzz

CONVERGE_FUZZ_ENTRY(converge::fuzz::bundle)
