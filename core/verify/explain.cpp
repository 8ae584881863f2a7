#include "core/verify/explain.h"

#include "core/codec/leb128.h"
#include "core/format/bundle.h"
#include "core/format/change.h"
#include "core/format/chunk.h"
#include "core/format/document.h"
#include "core/verify/explain_fields.h"
#include "core/verify/explain_ops.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace converge::verify {
namespace {

using format::ChunkType;
using nlohmann::json;

constexpr std::array kMagic{std::byte{0x85}, std::byte{0x6f}, std::byte{0x4a}, std::byte{0x83}};
constexpr std::size_t kChangesMax = 1000;  // of a document, that are listed

/// A chunk whose container can be followed, whatever its checksum says.
struct Frame {
  std::uint8_t type = 0;
  std::size_t offset = 0;
  std::size_t header = 0;  ///< bytes in front of the body
  ByteView checksum;
  ByteView body;
};

std::size_t find_magic(ByteView stream, std::size_t from) {
  const auto at = std::search(stream.begin() + static_cast<std::ptrdiff_t>(from), stream.end(),
                              kMagic.begin(), kMagic.end());
  return static_cast<std::size_t>(at - stream.begin());
}

Result<Frame> read_frame(ByteView stream, std::size_t offset) {
  codec::Reader in(stream.subspan(offset));
  Frame out;
  out.offset = offset;
  in.skip(kMagic.size());
  if (in.remaining() < 5) return Error{ErrorCode::kTruncated, "a chunk ends inside its header"};
  out.checksum = in.take(4);
  out.type = std::to_integer<std::uint8_t>(in.take(1)[0]);
  const auto length = codec::read_uleb(in);
  if (!length) return length.error();
  out.header = in.position();
  if (*length > in.remaining())
    return Error{ErrorCode::kTruncated, "a chunk of " + std::to_string(*length) + " bytes has " +
                                            std::to_string(in.remaining())};
  out.body = in.take(static_cast<std::size_t>(*length));
  return out;
}

void say_change(json& item, const model::Change& change, bool details) {
  item["hash"] = change.hash.to_hex();
  item["actor"] = change.actor.to_hex();
  item["seq"] = change.seq;
  item["start_op"] = change.start_op;
  item["ops"] = change.op_count;
  item["time"] = change.time;
  if (!change.message.empty()) item["message"] = std::string(change.message);
  item["deps"] = hashes_json(change.deps);
  if (details) item["operations"] = operations_of(change);
}

void explain_change(json& item, ByteView body, std::size_t base, bool details) {
  if (details) item["fields"] = fields_of_change(body, base);
  const auto change = format::decode_change_body(to_bytes(body));
  if (change)
    say_change(item, *change, details);
  else
    item["error"] = change.error().message;
}

bool matches(ByteView checksum, const model::ChangeHash& digest) {
  return std::equal(checksum.begin(), checksum.end(), digest.bytes.begin());
}

void explain_compressed(json& item, const Frame& frame, bool details) {
  format::Chunk chunk;
  chunk.type = ChunkType::kCompressedChange;
  chunk.body = frame.body;
  std::copy(frame.checksum.begin(), frame.checksum.end(), chunk.checksum.begin());
  const auto body = format::inflate_change(chunk);
  item["checksum_ok"] = body.has_value();
  if (!body) {
    item["error"] = body.error().message;
    return;
  }
  item["inflated_bytes"] = body->size();
  explain_change(item, *body, 0, details);
}

void explain_document(json& item, const Frame& frame, bool details) {
  if (details) item["fields"] = fields_of_document(frame.body, frame.offset + frame.header);
  const auto snapshot = format::decode_document(frame.body);
  if (!snapshot) {
    item["error"] = snapshot.error().message;
    return;
  }
  item["actors"] = snapshot->actors.size();
  item["heads"] = hashes_json(snapshot->heads);
  item["changes"] = snapshot->changes.size();
  json listed = json::array();
  std::optional<Error> unreadable;
  const auto hashes = format::for_each_change(
      *snapshot, [&](std::uint32_t row, const model::ChangeHash& hash, ByteView body) {
        if (!details || row >= kChangesMax) return;
        json entry = {{"change", row}, {"hash", hash.to_hex()}};
        if (auto change = format::decode_change_body(to_bytes(body), hash))
          say_change(entry, *change, true);
        else
          entry["error"] = change.error().message;
        listed.push_back(std::move(entry));
      });
  if (!hashes) item["error"] = hashes.error().message;
  if (details) item["records"] = std::move(listed);
}

void explain_bundle(json& item, ByteView body, bool details) {
  const auto changes = format::decode_bundle(body);
  if (!changes) {
    item["error"] = changes.error().message;
    return;
  }
  item["changes"] = changes->size();
  for (std::size_t i = 0; i < changes->size() && i < kChangesMax; ++i) {
    json entry = {{"change", i}};
    say_change(entry, (*changes)[i], details);
    item["records"].push_back(std::move(entry));
  }
}

const char* type_name(std::uint8_t type) {
  switch (static_cast<ChunkType>(type)) {
    case ChunkType::kDocument:
      return "document";
    case ChunkType::kChange:
      return "change";
    case ChunkType::kCompressedChange:
      return "compressed change";
    case ChunkType::kBundle:
      return "bundle";
  }
  return "unknown";
}

json explain_frame(const Frame& frame, bool details) {
  json item = {{"offset", frame.offset},
               {"bytes", frame.header + frame.body.size()},
               {"type", type_name(frame.type)},
               {"checksum", to_hex(frame.checksum)}};
  const auto type = static_cast<ChunkType>(frame.type);
  if (type == ChunkType::kCompressedChange) {
    explain_compressed(item, frame, details);
    return item;
  }
  const bool ok = matches(frame.checksum, format::digest(type, frame.body));
  item["checksum_ok"] = ok;
  if (type == ChunkType::kChange)
    explain_change(item, frame.body, frame.offset + frame.header, details);
  else if (type == ChunkType::kDocument)
    explain_document(item, frame, details);
  else if (type == ChunkType::kBundle)
    explain_bundle(item, frame.body, details);
  else
    item["error"] = "a chunk of type " + std::to_string(frame.type) + ", which nobody writes";
  if (!ok && !item.contains("error")) item["error"] = "the checksum does not fit the bytes";
  return item;
}

}  // namespace

json explain_chunks(ByteView stream, bool details) {
  json out = json::array();
  std::size_t at = 0;
  while (at < stream.size()) {
    const std::size_t next = find_magic(stream, at);
    if (next > at) {
      out.push_back({{"offset", at}, {"bytes", next - at}, {"error", "no chunk begins here"}});
      at = next;
      continue;
    }
    if (const auto frame = read_frame(stream, at)) {
      out.push_back(explain_frame(*frame, details));
      at += frame->header + frame->body.size();
      continue;
    } else {
      const std::size_t after = find_magic(stream, at + kMagic.size());
      out.push_back({{"offset", at}, {"bytes", after - at}, {"error", frame.error().message}});
      at = after;
    }
  }
  return out;
}

std::size_t count_errors(const json& explained) {
  std::size_t count = explained.is_object() && explained.contains("error") ? 1 : 0;
  if (explained.is_structured())
    for (const json& each : explained) count += count_errors(each);
  return count;
}

}  // namespace converge::verify
