#include "core/sync/state.h"

#include "core/codec/leb128.h"

#include <algorithm>

namespace converge::sync {
namespace {

constexpr std::byte kStateMark{0x43};  // also a message's first byte; the two never meet
constexpr std::size_t kHashBytes = 32;

}  // namespace

Bytes State::encode() const {
  Bytes out{kStateMark};
  codec::write_uleb(out, shared_heads.size());
  for (const ChangeHash& head : shared_heads) {
    out.insert(out.end(), head.bytes.begin(), head.bytes.end());
  }
  return out;
}

Result<State> State::decode(ByteView bytes) {
  codec::Reader in(bytes);
  if (in.at_end()) return Error{ErrorCode::kTruncated, "empty sync state"};
  if (in.take(1)[0] != kStateMark) {
    return Error{ErrorCode::kUnsupported, "sync state of an unknown kind"};
  }
  const auto count = codec::read_uleb(in);
  if (!count) return count.error();
  if (*count > in.remaining() / kHashBytes) {
    return Error{ErrorCode::kTruncated,
                 "sync state is too short for " + std::to_string(*count) + " hashes"};
  }
  State state;
  for (std::uint64_t i = 0; i < *count; ++i) {
    const ByteView hash = in.take(kHashBytes);
    std::copy(hash.begin(), hash.end(), state.shared_heads.emplace_back().bytes.begin());
  }
  if (!in.at_end()) return Error{ErrorCode::kCorrupt, "bytes left over behind a sync state"};
  std::sort(state.shared_heads.begin(), state.shared_heads.end());
  state.shared_heads.erase(std::unique(state.shared_heads.begin(), state.shared_heads.end()),
                           state.shared_heads.end());
  state.their_have.emplace();
  return state;
}

void State::set_read_only(bool value) {
  if (value == read_only) return;
  if (value) {
    read_only = true;
    in_flight = false;
    have_responded = false;
    return;
  }
  State fresh;
  fresh.peer_reads_v2 = peer_reads_v2;
  fresh.peer_supports_reset = peer_supports_reset;
  fresh.peer_reads_bundles = peer_reads_bundles;
  fresh.needs_reset = true;
  *this = std::move(fresh);
}

}  // namespace converge::sync
