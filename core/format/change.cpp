#include "core/format/change.h"

#include "core/base/assert.h"
#include "core/base/limits.h"
#include "core/codec/deflate.h"
#include "core/codec/leb128.h"
#include "core/codec/utf8.h"
#include "core/format/change_decoder.h"
#include "core/format/change_encoder.h"

#include <algorithm>
#include <array>
#include <limits>

namespace converge::format {
namespace {

using model::ActorId;
using model::Change;
using model::ChangeEnvelope;
using model::ChangeHash;
using model::OpId;

constexpr std::size_t kHashBytes = 32;
constexpr std::size_t kCompressFrom = 256;  // a smaller whole chunk must not be sent as type 2

constexpr std::array kChangeColumns{
    op_column::kObjectActor, op_column::kObjectCounter, op_column::kKeyActor,
    op_column::kKeyCounter,  op_column::kKeyName,       op_column::kInsert,
    op_column::kAction,      op_column::kValueMeta,     op_column::kValueRaw,
    op_column::kPredCount,   op_column::kPredActor,     op_column::kPredCounter,
    op_column::kExpand,      op_column::kMarkName,
};

Error corrupt(std::string what) { return Error{ErrorCode::kCorrupt, std::move(what)}; }

constexpr std::size_t kKeptBytesMax = 1u << 20;  // of an encoder's buffers, from change to change

// Encodes with one encoder a thread: checking a change means encoding it again, and that must not
// allocate. A rare huge change does not leave its buffers behind.
template <class Use>
auto with_encoded(const Change& change, const Use& use) {
  thread_local ChangeEncoder kept;
  const Bytes& body = kept.encode(change);
  auto result = use(body);
  if (body.capacity() > kKeptBytesMax) kept = ChangeEncoder();
  return result;
}

Result<ByteView> read_sized(codec::Reader& in, const char* what, std::size_t size_max) {
  std::uint64_t size = 0;
  if (!codec::take_uleb(in, size)) return codec::read_uleb(in).error();
  if (size > in.remaining()) {
    return Error{ErrorCode::kTruncated, std::string(what) + " of " + std::to_string(size) +
                                            " bytes is longer than the rest of the change"};
  }
  if (size > size_max) {
    return Error{ErrorCode::kLimitExceeded, std::string(what) + " of " + std::to_string(size) +
                                                " bytes, allowed are " + std::to_string(size_max)};
  }
  return in.take(static_cast<std::size_t>(size));
}

Result<std::size_t> read_dep_count(codec::Reader& in) {
  const auto count = codec::read_uleb(in);
  if (!count) return count.error();
  if (*count > in.remaining() / kHashBytes) {
    return Error{ErrorCode::kTruncated,
                 "input is too short for " + std::to_string(*count) + " dependencies"};
  }
  if (*count > limits::kDepsPerChangeMax) {
    return Error{ErrorCode::kLimitExceeded, std::to_string(*count) + " dependencies, allowed are " +
                                                std::to_string(limits::kDepsPerChangeMax)};
  }
  return static_cast<std::size_t>(*count);
}

Result<void> read_deps(codec::Reader& in, Change& change) {
  const auto count = read_dep_count(in);
  if (!count) return count.error();
  change.deps.resize(*count);
  for (ChangeHash& dep : change.deps) {
    const ByteView bytes = in.take(kHashBytes);
    std::copy(bytes.begin(), bytes.end(), dep.bytes.begin());
  }
  return {};
}

Result<void> read_others(codec::Reader& in, Change& change) {
  const auto count = codec::read_uleb(in);
  if (!count) return count.error();
  if (*count > in.remaining()) {
    return Error{ErrorCode::kTruncated,
                 "input is too short for " + std::to_string(*count) + " actors"};
  }
  for (std::uint64_t i = 0; i < *count; ++i) {
    const auto bytes = read_sized(in, "actor", limits::kActorIdBytesMax);
    if (!bytes) return bytes.error();
    ActorId other(*bytes);
    if (other == change.actor ||
        (!change.other_actors.empty() && other <= change.other_actors.back())) {
      return corrupt("other actors are not ascending and distinct");
    }
    change.other_actors.push_back(std::move(other));
  }
  return {};
}

Result<void> read_numbers(codec::Reader& in, Change& change) {
  const auto seq = codec::read_uleb32(in);
  if (!seq) return seq.error();
  const auto start_op = codec::read_uleb32(in);
  if (!start_op) return start_op.error();
  const auto time = codec::read_sleb(in);
  if (!time) return time.error();
  if (*seq == 0) return corrupt("sequence number 0");
  if (*start_op == 0) return corrupt("first op counter 0");
  if (*time >= limits::kChangeTimeMax || *time <= -limits::kChangeTimeMax) {
    return corrupt("time out of range");
  }
  change.seq = *seq;
  change.start_op = *start_op;
  change.time = *time;
  return {};
}

Result<void> read_header(codec::Reader& in, Change& change) {
  if (auto done = read_deps(in, change); !done) return done;
  const auto actor = read_sized(in, "actor", limits::kActorIdBytesMax);
  if (!actor) return actor.error();
  change.actor = ActorId(*actor);
  if (auto done = read_numbers(in, change); !done) return done;
  const auto message = read_sized(in, "message", std::numeric_limits<std::size_t>::max());
  if (!message) return message.error();
  change.message = as_text(*message);
  if (!codec::is_valid_utf8(change.message)) return corrupt("message is not UTF-8");
  return read_others(in, change);
}

// Calls `visit` with a reference to every actor index that names an actor.
template <class SomeChange, class Visit>
void visit_actors(SomeChange& change, const Visit& visit) {
  for (auto& run : change.ops) {
    if (!run.object.is_none()) visit(run.object.actor);
    if (!run.key.is_map && !run.key.element.is_none()) visit(run.key.element.actor);
  }
  for (auto& pred : change.preds) visit(pred.actor);
}

bool all_others_used(const Change& change) {
  if (change.other_actors.empty()) return true;
  std::vector<bool> used(change.other_actors.size() + 1);
  visit_actors(change, [&](model::ActorIndex actor) { used[actor] = true; });
  return std::all_of(used.begin() + 1, used.end(), [](bool is_used) { return is_used; });
}

// A chunk that is to be one change and nothing else.
Result<Chunk> only_change(ByteView bytes) {
  ChunkStream stream(bytes);
  const auto first = stream.next();
  if (!first) return first.error();
  if (!*first) return Error{ErrorCode::kTruncated, "no change: the input is empty"};
  const Chunk& found = **first;
  if (found.type != ChunkType::kChange && found.type != ChunkType::kCompressedChange) {
    return in_chunk(found, corrupt("is not a change"));
  }
  if (stream.position() != bytes.size()) {
    return in_chunk(found, corrupt("has bytes behind it where one change was expected"));
  }
  return found;
}

Result<void> check_size(ByteView body) {
  if (body.size() <= limits::kChangeBytesMax) return {};
  return Error{ErrorCode::kLimitExceeded, "change of " + std::to_string(body.size()) +
                                              " bytes, allowed are " +
                                              std::to_string(limits::kChangeBytesMax)};
}

// A column that says nothing is left out of a change (automerge-format 2.9).
bool says_something(const Column& column) {
  switch (column.spec) {
    case op_column::kObjectActor:
    case op_column::kObjectCounter:
    case op_column::kKeyActor:
    case op_column::kKeyCounter:
    case op_column::kKeyName:
    case op_column::kMarkName:
      return codec::rle_holds_value(column.bytes);
    case op_column::kExpand:
      return codec::boolean_holds_value(column.bytes);
    default:
      return !column.bytes.empty();
  }
}

// Fills everything from body; hash is there already.
Result<void> decode(Change& change) {
  if (auto done = check_size(change.body); !done) return done;
  change.deps.clear();
  change.other_actors.clear();
  change.ops.clear();
  change.preds.clear();
  codec::Reader in(change.body);
  if (auto done = read_header(in, change); !done) return done;
  ColumnSet columns;
  if (auto done = columns.read_metadata(in, kChangeColumns, false); !done) return done;
  if (auto done = columns.read_data(in); !done) return done;
  change.extra = in.rest();
  const auto all = columns.all();
  if (!std::all_of(all.begin(), all.end(), says_something)) {
    return corrupt("change is not in canonical form: a column is there that says nothing");
  }

  const auto before_author =
      std::lower_bound(change.other_actors.begin(), change.other_actors.end(), change.actor) -
      change.other_actors.begin();
  ChangeOpsDecoder ops(columns, change, ActorOrder(static_cast<std::uint32_t>(before_author)));
  if (auto done = ops.decode(); !done) return done;
  if (!all_others_used(change)) return corrupt("an actor is listed that no op names");
  // As text, because vectors of std::byte are compared byte by byte.
  DEBUG_ASSERT(with_encoded(
      change, [&](const Bytes& again) { return as_text(again) == as_text(change.body); }));
  return {};
}

}  // namespace

Result<ChangeEnvelope> open_change_body(ByteView body, const ChangeHash& hash) {
  if (auto done = check_size(body); !done) return done.error();
  Result<ChangeEnvelope> result{ChangeEnvelope{}};
  ChangeEnvelope& packed = *result;
  packed.body = body;
  packed.hash = hash;
  codec::Reader in(body);
  const auto count = read_dep_count(in);
  if (!count) return count.error();
  packed.deps_begin = static_cast<std::uint32_t>(in.position());
  packed.deps_count = static_cast<std::uint32_t>(*count);
  in.skip(*count * kHashBytes);
  const auto actor = read_sized(in, "actor", limits::kActorIdBytesMax);
  if (!actor) return actor.error();
  packed.actor = ActorId(*actor);
  const auto seq = codec::read_uleb32(in);
  if (!seq) return seq.error();
  if (*seq == 0) return corrupt("sequence number 0");
  packed.seq = *seq;
  return result;
}

Result<void> decode_change_body(ByteView body, const ChangeHash& hash, Change& out) {
  out.body.assign(body.begin(), body.end());
  out.hash = hash;
  return decode(out);
}

Result<Change> decode_change_body(Bytes body) {
  const ChangeHash hash = change_hash(body);
  return decode_change_body(std::move(body), hash);
}

Result<Change> decode_change_body(Bytes body, const ChangeHash& hash) {
  Result<Change> result{Change{}};
  result->body = std::move(body);
  result->hash = hash;
  if (auto done = decode(*result); !done) return done.error();
  return result;
}

Result<Bytes> inflate_change(const Chunk& chunk) {
  ASSERT(chunk.type == ChunkType::kCompressedChange);
  auto body = codec::inflate(
      chunk.body, std::min(codec::inflate_limit(chunk.body.size()), limits::kChangeBytesMax));
  if (!body) return body;
  const ChangeHash hash = change_hash(*body);
  if (!std::equal(chunk.checksum.begin(), chunk.checksum.end(), hash.bytes.begin())) {
    return corrupt("checksum does not match the inflated change");
  }
  return body;
}

Result<Change> decode_change(const Chunk& chunk) {
  if (chunk.type == ChunkType::kChange) {
    auto change = decode_change_body(to_bytes(chunk.body), chunk.digest);
    return change ? std::move(change) : in_chunk(chunk, std::move(change.error()));
  }
  auto body = inflate_change(chunk);
  if (!body) return in_chunk(chunk, std::move(body.error()));
  auto change = decode_change_body(std::move(*body));
  return change ? std::move(change) : in_chunk(chunk, std::move(change.error()));
}

Result<Change> decode_change(ByteView chunk) {
  const auto only = only_change(chunk);
  if (!only) return only.error();
  return decode_change(*only);
}

Result<ChangeEnvelope> open_change(const Chunk& chunk) {
  if (chunk.type == ChunkType::kChange) {
    auto packed = open_change_body(chunk.body, chunk.digest);
    return packed ? std::move(packed) : in_chunk(chunk, std::move(packed.error()));
  }
  auto body = inflate_change(chunk);
  if (!body) return in_chunk(chunk, std::move(body.error()));
  auto packed = open_change_body(*body, change_hash(*body));
  if (!packed) return in_chunk(chunk, std::move(packed.error()));
  packed->storage = std::move(*body);
  packed->body = packed->storage;
  return packed;
}

Result<ChangeEnvelope> open_change(ByteView chunk) {
  const auto only = only_change(chunk);
  if (!only) return only.error();
  return open_change(*only);
}

void encode_change_body(const Change& change, Bytes& out) {
  with_encoded(change, [&](const Bytes& body) {
    out.assign(body.begin(), body.end());
    return true;
  });
}

Bytes encode_change_body(const Change& change) {
  Bytes out;
  encode_change_body(change, out);
  return out;
}

void canonicalize_actors(Change& change) {
  if (change.other_actors.empty()) return;
  std::vector<bool> used(change.other_actors.size() + 1);
  visit_actors(change, [&](model::ActorIndex actor) { used[actor] = true; });

  std::vector<model::ActorIndex> order;  // old indices in their new order
  for (model::ActorIndex i = 1; i < used.size(); ++i) {
    if (used[i]) order.push_back(i);
  }
  std::sort(order.begin(), order.end(), [&](model::ActorIndex a, model::ActorIndex b) {
    return change.other_actors[a - 1] < change.other_actors[b - 1];
  });

  std::vector<model::ActorIndex> renumbered(used.size());
  std::vector<ActorId> others;
  for (const model::ActorIndex old : order) {
    others.push_back(std::move(change.other_actors[old - 1]));
    renumbered[old] = static_cast<model::ActorIndex>(others.size());
  }
  change.other_actors = std::move(others);
  visit_actors(change, [&](model::ActorIndex& actor) { actor = renumbered[actor]; });
}

Bytes change_chunk(const Change& change, bool compress) {
  Bytes plain = write_chunk(ChunkType::kChange, change.body, change.hash);
  if (!compress || plain.size() <= kCompressFrom) return plain;
  Bytes packed =
      write_chunk(ChunkType::kCompressedChange, codec::deflate(change.body), change.hash);
  return packed.size() < plain.size() ? packed : plain;
}

Result<void> seal_change(Change& change) {
  ASSERT(change.time < limits::kChangeTimeMax && change.time > -limits::kChangeTimeMax);
  canonicalize_actors(change);
  auto sealed = decode_change_body(encode_change_body(change));
  if (!sealed) {
    ASSERT(sealed.error().code == ErrorCode::kLimitExceeded);
    return sealed.error();
  }
  change = std::move(*sealed);
  return {};
}

}  // namespace converge::format
