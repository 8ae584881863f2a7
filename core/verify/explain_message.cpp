#include "core/codec/cbor.h"
#include "core/codec/leb128.h"
#include "core/sync/message.h"
#include "core/verify/explain.h"
#include "core/verify/explain_fields.h"
#include "core/verify/explain_ops.h"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <utility>

namespace converge::verify {
namespace {

using codec::CborItem;
using nlohmann::json;
using Kind = CborItem::Kind;

constexpr int kDepthMax = 16;
constexpr std::size_t kHashBytes = 32;
constexpr std::size_t kTextMax = 1024;

// The three numbers in front of a filter's bits; an empty filter has none.
json filter_json(const sync::BloomFilter& filter) {
  const Bytes bytes = filter.encode();
  json out = {{"filter_bytes", bytes.size()}};
  codec::Reader in(bytes);
  for (const char* name : {"entries", "bits_per_entry", "probes"})
    if (const auto number = codec::read_uleb(in)) out[name] = *number;
  return out;
}

json flags_json(std::uint8_t flags) {
  json out = json::array();
  if ((flags & sync::kFlagReset) != 0) out.push_back("reset");
  if ((flags & sync::kFlagReadOnly) != 0) out.push_back("read_only");
  if ((flags & sync::kFlagSupportsReset) != 0) out.push_back("supports_reset");
  return out;
}

bool is_sync(ByteView bytes) {
  return !bytes.empty() && (bytes[0] == std::byte{0x42} || bytes[0] == std::byte{0x43});
}

json explain_sync(ByteView bytes, std::size_t offset, bool details) {
  json out = {{"offset", offset}, {"bytes", bytes.size()}, {"type", "sync message"}};
  if (details) out["fields"] = fields_of_sync(bytes, offset);
  const auto message = sync::decode_message(bytes);
  if (!message) {
    out["error"] = message.error().message;
    return out;
  }
  out["version"] = message->version == sync::Message::Version::kV1 ? 1 : 2;
  out["heads"] = hashes_json(message->heads);
  out["need"] = hashes_json(message->need);
  out["have"] = json::array();
  for (const sync::Have& have : message->have) {
    json entry = filter_json(have.bloom);
    entry["last_sync"] = hashes_json(have.last_sync);
    out["have"].push_back(std::move(entry));
  }
  out["changes"] = message->changes.size();
  if (message->flags) out["flags"] = flags_json(*message->flags);
  if (!details) return out;
  out["records"] = json::array();
  for (const Bytes& change : message->changes)
    for (json& chunk : explain_chunks(change, true)) out["records"].push_back(std::move(chunk));
  return out;
}

/// An item of a frame: scalars as JSON, byte strings in hex, maps as lists of pairs so that no key
/// of a peer's can be mistaken for one of ours.
Result<json> item_json(codec::Reader& in, const CborItem& head, int depth);

Result<json> children_json(codec::Reader& in, const CborItem& head, int depth) {
  if (depth == 0) return Error{ErrorCode::kLimitExceeded, "nested more than 16 levels deep"};
  json out = json::array();
  codec::CborChildren children(head);
  while (true) {
    const auto child = children.next(in);
    if (!child) return child.error();
    if (!child->has_value()) break;
    auto value = item_json(in, **child, depth - 1);
    if (!value) return value;
    out.push_back(std::move(*value));
  }
  if (head.kind == Kind::kArray) return out;
  json pairs = json::array();
  for (std::size_t i = 0; i + 1 < out.size(); i += 2)
    pairs.push_back(json::array({std::move(out[i]), std::move(out[i + 1])}));
  return json{{"map", std::move(pairs)}};
}

Result<json> item_json(codec::Reader& in, const CborItem& head, int depth) {
  switch (head.kind) {
    case Kind::kUnsigned:
      return json(head.number);
    case Kind::kNegative:
      return json(codec::cbor_number(head).value_or(0));
    case Kind::kBytes:
      return json("hex:" + short_hex(head.bytes));
    case Kind::kText:
      return json(text_or_hex(as_text(head.bytes.first(std::min(head.bytes.size(), kTextMax)))));
    case Kind::kBool:
      return json(head.number != 0);
    case Kind::kFloat:
      return json(head.real);
    case Kind::kArray:
    case Kind::kMap:
      return children_json(in, head, depth);
    case Kind::kAbsent:
    case Kind::kSimple:
    case Kind::kBreak:
      break;
  }
  return json(nullptr);
}

/// What stands under "data", by the type of the message around it.
json data_json(const std::string& type, ByteView data, std::size_t offset, bool details) {
  if (type == "sync" || type == "request") return explain_sync(data, offset, details);
  if (type == "syncctl-fetch" && data.size() % kHashBytes == 0) {
    json hashes = json::array();
    for (std::size_t at = 0; at < data.size(); at += kHashBytes)
      hashes.push_back(to_hex(data.subspan(at, kHashBytes)));
    return {{"offset", offset}, {"bytes", data.size()}, {"hashes", std::move(hashes)}};
  }
  return {{"offset", offset}, {"bytes", data.size()}, {"hex", short_hex(data)}};
}

/// One frame as it is read.
struct Envelope {
  std::string type;
  std::optional<ByteView> data;
  std::size_t data_offset = 0;
  json fields = json::array();
};

Result<void> read_envelope(codec::Reader& in, const CborItem& head, Envelope& out) {
  codec::CborChildren children(head);
  while (true) {
    const auto key = children.next(in);
    if (!key) return key.error();
    if (!key->has_value()) return {};
    const auto name = item_json(in, **key, kDepthMax);
    if (!name) return name.error();
    const std::size_t at = in.position();
    const auto value = children.next(in);
    if (!value) return value.error();
    if (!value->has_value()) return Error{ErrorCode::kTruncated, "a key has no value"};
    const auto shown = item_json(in, **value, kDepthMax);
    if (!shown) return shown.error();
    const std::string field = name->is_string() ? name->get<std::string>() : name->dump();
    if (field == "type" && shown->is_string()) out.type = shown->get<std::string>();
    if (field == "data" && (*value)->kind == Kind::kBytes) {
      out.data = (*value)->bytes;
      out.data_offset = in.position() - out.data->size();
    }
    out.fields.push_back(
        {{"field", field}, {"offset", at}, {"bytes", in.position() - at}, {"value", *shown}});
  }
}

json explain_frame(codec::Reader& in, bool details) {
  const std::size_t from = in.position();
  json out = {{"offset", from}};
  Envelope envelope;
  const auto head = codec::read_cbor_item(in);
  std::optional<Error> failed;
  if (!head)
    failed = head.error();
  else if (head->kind != Kind::kMap)
    failed = Error{ErrorCode::kCorrupt, "neither a sync message nor a CBOR map"};
  else if (auto read = read_envelope(in, *head, envelope); !read)
    failed = read.error();
  out["bytes"] = in.position() - from;
  if (failed) {
    out["error"] = failed->message;
    in.skip(in.remaining());
  }
  out["type"] = envelope.type.empty() ? "unknown" : envelope.type;
  for (const json& field : envelope.fields)
    if (const auto& name = field["field"].get_ref<const std::string&>();
        name == "senderId" || name == "targetId" || name == "documentId")
      out[name] = field["value"];
  if (details || failed) out["fields"] = std::move(envelope.fields);
  if (envelope.data)
    out["data"] = data_json(envelope.type, *envelope.data, envelope.data_offset, details);
  return out;
}

}  // namespace

json explain_messages(ByteView bytes, bool details) {
  json out = json::array();
  if (is_sync(bytes)) {
    out.push_back(explain_sync(bytes, 0, details));
    return out;
  }
  codec::Reader in(bytes);
  while (!in.at_end()) out.push_back(explain_frame(in, details));
  return out;
}

}  // namespace converge::verify
