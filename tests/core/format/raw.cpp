#include "tests/core/format/raw.h"

#include "core/codec/leb128.h"
#include "core/format/chunk.h"

#include <algorithm>
#include <stdexcept>

namespace converge::testing {
namespace {

std::uint64_t number(codec::Reader& in) { return codec::read_uleb(in).value(); }

Bytes sized(codec::Reader& in) {
  const std::uint64_t size = number(in);
  return to_bytes(in.take(size));
}

std::vector<Bytes> hashes(codec::Reader& in) {
  std::vector<Bytes> out(number(in));
  for (Bytes& hash : out) hash = to_bytes(in.take(32));
  return out;
}

std::vector<Bytes> sized_list(codec::Reader& in) {
  std::vector<Bytes> out(number(in));
  for (Bytes& item : out) item = sized(in);
  return out;
}

RawColumns metadata(codec::Reader& in) {
  RawColumns out(number(in));
  for (auto& [spec, bytes] : out) {
    spec = static_cast<std::uint32_t>(number(in));
    bytes.resize(number(in));
  }
  return out;
}

void data(codec::Reader& in, RawColumns& columns) {
  for (auto& [spec, bytes] : columns) bytes = to_bytes(in.take(bytes.size()));
}

void append(Bytes& out, ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

void append_sized(Bytes& out, ByteView bytes) {
  codec::write_uleb(out, bytes.size());
  append(out, bytes);
}

void append_metadata(Bytes& out, const RawColumns& columns) {
  codec::write_uleb(out, columns.size());
  for (const auto& [spec, bytes] : columns) {
    codec::write_uleb(out, spec);
    codec::write_uleb(out, bytes.size());
  }
}

void append_data(Bytes& out, const RawColumns& columns) {
  for (const auto& [spec, bytes] : columns) append(out, bytes);
}

ByteView body_of(ByteView chunk_bytes) {
  format::ChunkStream stream(chunk_bytes);
  const auto chunk = stream.next();
  if (!chunk || !*chunk) throw std::runtime_error("the base chunk of a test is broken");
  return (*chunk)->body;
}

}  // namespace

void set_column(RawColumns& columns, std::uint32_t spec, const std::string& hex) {
  const Bytes bytes = from_hex(hex).value();
  auto at = std::find_if(columns.begin(), columns.end(),
                         [&](const auto& column) { return column.first >= spec; });
  if (at != columns.end() && at->first == spec) {
    at->second = bytes;
  } else {
    columns.insert(at, {spec, bytes});
  }
}

void drop_column(RawColumns& columns, std::uint32_t spec) {
  std::erase_if(columns, [&](const auto& column) { return column.first == spec; });
}

RawChange RawChange::parse(ByteView chunk) {
  codec::Reader in(body_of(chunk));
  RawChange out;
  out.deps = hashes(in);
  out.actor = sized(in);
  out.seq = number(in);
  out.start_op = number(in);
  out.time = codec::read_sleb(in).value();
  out.message = sized(in);
  out.others = sized_list(in);
  out.columns = metadata(in);
  data(in, out.columns);
  out.extra = to_bytes(in.rest());
  return out;
}

Bytes RawChange::body() const {
  Bytes out;
  codec::write_uleb(out, deps.size());
  for (const Bytes& dep : deps) append(out, dep);
  append_sized(out, actor);
  codec::write_uleb(out, seq);
  codec::write_uleb(out, start_op);
  codec::write_sleb(out, time);
  append_sized(out, message);
  codec::write_uleb(out, others.size());
  for (const Bytes& other : others) append_sized(out, other);
  append_metadata(out, columns);
  append_data(out, columns);
  append(out, extra);
  return out;
}

Bytes RawChange::chunk() const { return format::write_chunk(format::ChunkType::kChange, body()); }

RawDocument RawDocument::parse(ByteView chunk) {
  codec::Reader in(body_of(chunk));
  RawDocument out;
  out.actors = sized_list(in);
  out.heads = hashes(in);
  out.changes = metadata(in);
  out.ops = metadata(in);
  data(in, out.changes);
  data(in, out.ops);
  out.head_rows = to_bytes(in.rest());
  return out;
}

Bytes RawDocument::body() const {
  Bytes out;
  codec::write_uleb(out, actors.size());
  for (const Bytes& actor : actors) append_sized(out, actor);
  codec::write_uleb(out, heads.size());
  for (const Bytes& head : heads) append(out, head);
  append_metadata(out, changes);
  append_metadata(out, ops);
  append_data(out, changes);
  append_data(out, ops);
  append(out, head_rows);
  return out;
}

}  // namespace converge::testing
