#include "agent/session/message.h"

#include "core/base/assert.h"
#include "core/base/limits.h"
#include "core/codec/base58.h"
#include "core/codec/cbor.h"
#include "core/codec/utf8.h"

#include <algorithm>
#include <utility>

namespace converge::session {
namespace {

using Kind = codec::CborItem::Kind;

constexpr int kDepthMax = 16;  // outside `data`, which is opaque
constexpr std::uint64_t kKeysMax = 64;
constexpr std::string_view kFetchType = "syncctl-fetch";
constexpr std::string_view kFetchedType = "syncctl-changes";
constexpr std::size_t kShortTextMax = 256;  // storage ids, session ids, versions, capabilities
constexpr std::size_t kErrorTextMax = 1024;
constexpr std::size_t kUnknownTypeMax = 64;
constexpr std::size_t kListMax = 4096;  // storage ids of one gossip message, heads of one entry
constexpr std::uint64_t kCountMax = std::uint64_t{1} << 53;  // JavaScript's exact integers
constexpr std::size_t kFlatSize = 128;  // what an envelope adds to its data, roughly

/// All keys that any message type has, each absent until seen. The last of two equal keys counts.
struct Fields {
  std::optional<std::string> type;
  std::optional<std::string> sender;
  std::optional<std::string> target;
  std::optional<std::string> document;
  std::optional<std::string> session_id;
  std::optional<std::string> error_message;
  std::optional<std::string> selected_version;
  std::optional<std::vector<std::string>> versions;
  std::optional<Metadata> metadata;
  std::optional<ByteView> data;  ///< into the frame
  std::optional<std::uint64_t> count;
  std::vector<std::string> add;
  std::vector<std::string> remove;
  std::optional<std::map<std::string, RemoteHeads>> heads;
};

Error corrupt(std::string message) { return Error{ErrorCode::kCorrupt, std::move(message)}; }

bool is_text(const codec::CborItem& item, std::size_t bytes_max) {
  return item.kind == Kind::kText && item.bytes.size() <= bytes_max;
}

std::string text_of(const codec::CborItem& item) { return std::string(as_text(item.bytes)); }

/// Absent unless it is short, well-formed text.
std::optional<std::string> short_text(const codec::CborItem& item, std::size_t bytes_max) {
  if (!is_text(item, bytes_max) || !codec::is_valid_utf8(as_text(item.bytes))) return std::nullopt;
  return text_of(item);
}

/// For people and logs: printable whatever was sent.
std::string shown_text(const codec::CborItem& item) {
  std::string out = text_of(item).substr(0, kErrorTextMax);
  const bool is_utf8 = codec::is_valid_utf8(out);
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) c = ' ';
    if (byte >= 0x80 && !is_utf8) c = '?';
  }
  return out;
}

/// Calls `f(key, value)` for each pair with a text key; f reads the value's content or skips it.
/// Pairs with other keys are skipped.
template <class F>
Result<void> for_each_pair(codec::Reader& in, const codec::CborItem& map, int depth, F&& f) {
  codec::CborChildren children(map);
  while (true) {
    const auto key = children.next(in);
    if (!key) return key.error();
    if (!key->has_value()) return {};
    if (auto skipped = codec::skip_cbor_item(in, **key, depth - 1); !skipped) return skipped;
    const auto value = children.next(in);
    if (!value) return value.error();
    ASSERT(value->has_value());
    const bool is_named = (*key)->kind == Kind::kText;
    const auto done = is_named ? f(as_text((*key)->bytes), **value)
                               : codec::skip_cbor_item(in, **value, depth - 1);
    if (!done) return done;
  }
}

/// An array's short texts; other elements are skipped, a value that is no array gives nothing.
Result<std::vector<std::string>> read_texts(codec::Reader& in, const codec::CborItem& head,
                                            int depth) {
  std::vector<std::string> out;
  if (head.kind != Kind::kArray) {
    if (auto skipped = codec::skip_cbor_item(in, head, depth); !skipped) return skipped.error();
    return out;
  }
  codec::CborChildren children(head);
  while (true) {
    const auto child = children.next(in);
    if (!child) return child.error();
    if (!child->has_value()) return out;
    if (auto skipped = codec::skip_cbor_item(in, **child, depth - 1); !skipped)
      return skipped.error();
    auto text = short_text(**child, kShortTextMax);
    if (!text) continue;
    if (out.size() == kListMax) {
      return Error{ErrorCode::kLimitExceeded, "a list of more than 4096 texts"};
    }
    out.push_back(std::move(*text));
  }
}

Result<Extension> read_extension(codec::Reader& in, const codec::CborItem& head, int depth) {
  Extension out;
  const auto read = for_each_pair(
      in, head, depth, [&](std::string_view key, const codec::CborItem& value) -> Result<void> {
        if (key == "caps") {
          auto texts = read_texts(in, value, depth - 1);
          if (!texts) return texts.error();
          out.capabilities = std::move(*texts);
          return {};
        }
        if (key == "v") {
          const auto version = codec::cbor_unsigned(value);
          if (version && *version <= 0xffff) out.version = static_cast<std::uint32_t>(*version);
        }
        if (key == "invite") out.invite = short_text(value, kErrorTextMax);
        if (key == "catalog") out.catalog = short_text(value, kShortTextMax);
        return codec::skip_cbor_item(in, value, depth - 1);
      });
  if (!read) return read.error();
  return out;
}

Result<Metadata> read_metadata(codec::Reader& in, const codec::CborItem& head, int depth) {
  Metadata out;
  const auto read = for_each_pair(
      in, head, depth, [&](std::string_view key, const codec::CborItem& value) -> Result<void> {
        if (key == "syncctl" && value.kind == Kind::kMap) {
          auto extension = read_extension(in, value, depth - 1);
          if (!extension) return extension.error();
          out.extension = std::move(*extension);
          return {};
        }
        if (key == "storageId") {
          out.storage_id = short_text(value, kShortTextMax);
          if (out.storage_id && !is_valid_peer_id(*out.storage_id)) out.storage_id.reset();
        }
        if (key == "isEphemeral" && value.kind == Kind::kBool) out.ephemeral = value.number != 0;
        return codec::skip_cbor_item(in, value, depth - 1);
      });
  if (!read) return read.error();
  return out;
}

Result<RemoteHeads> read_remote_heads(codec::Reader& in, const codec::CborItem& head, int depth) {
  RemoteHeads out;
  const auto read = for_each_pair(
      in, head, depth, [&](std::string_view key, const codec::CborItem& value) -> Result<void> {
        if (key == "heads") {
          auto texts = read_texts(in, value, depth - 1);
          if (!texts) return texts.error();
          out.heads = std::move(*texts);
          return {};
        }
        if (key == "timestamp") out.timestamp = codec::cbor_number(value).value_or(0);
        return codec::skip_cbor_item(in, value, depth - 1);
      });
  if (!read) return read.error();
  return out;
}

Result<std::map<std::string, RemoteHeads>> read_heads_map(codec::Reader& in,
                                                          const codec::CborItem& head, int depth) {
  std::map<std::string, RemoteHeads> out;
  const auto read = for_each_pair(
      in, head, depth, [&](std::string_view key, const codec::CborItem& value) -> Result<void> {
        const bool usable = value.kind == Kind::kMap && key.size() <= kShortTextMax &&
                            codec::is_valid_utf8(key) && out.size() < kListMax;
        if (!usable) return codec::skip_cbor_item(in, value, depth - 1);
        auto heads = read_remote_heads(in, value, depth - 1);
        if (!heads) return heads.error();
        out[std::string(key)] = std::move(*heads);
        return {};
      });
  if (!read) return read.error();
  return out;
}

/// Values that are one item: taken from its head alone.
void take_flat_field(Fields& fields, std::string_view key, const codec::CborItem& value) {
  if (key == "type") {
    fields.type = value.kind == Kind::kText ? std::optional(text_of(value)) : std::nullopt;
    if (fields.type && fields.type->size() > kUnknownTypeMax) fields.type->resize(kUnknownTypeMax);
  } else if (key == "senderId") {
    // Anything longer than an id may be is kept long enough to be refused as such.
    fields.sender = short_text(value, limits::kPeerIdBytesMax);
  } else if (key == "targetId") {
    fields.target = short_text(value, limits::kPeerIdBytesMax);
  } else if (key == "documentId") {
    fields.document = value.kind == Kind::kText
                          ? std::optional(text_of(value).substr(0, kShortTextMax + 1))
                          : std::nullopt;
  } else if (key == "sessionId") {
    fields.session_id = short_text(value, kShortTextMax);
  } else if (key == "message") {
    if (value.kind == Kind::kText) fields.error_message = shown_text(value);
  } else if (key == "selectedProtocolVersion") {
    fields.selected_version = short_text(value, kShortTextMax);
  } else if (key == "data") {
    fields.data = value.kind == Kind::kBytes ? std::optional(value.bytes) : std::nullopt;
  } else if (key == "count") {
    fields.count = codec::cbor_unsigned(value);
    if (fields.count && *fields.count > kCountMax) fields.count.reset();
  }
}

Result<void> take_field(codec::Reader& in, Fields& fields, std::string_view key,
                        const codec::CborItem& value) {
  const int depth = kDepthMax - 1;
  const bool is_metadata = key == "peerMetadata" || key == "metadata";
  if (is_metadata && value.kind == Kind::kMap) {
    auto metadata = read_metadata(in, value, depth);
    if (!metadata) return metadata.error();
    fields.metadata = std::move(*metadata);
    return {};
  }
  if (key == "newHeads" && value.kind == Kind::kMap) {
    auto heads = read_heads_map(in, value, depth);
    if (!heads) return heads.error();
    fields.heads = std::move(*heads);
    return {};
  }
  const bool is_versions = key == "supportedProtocolVersions" && value.kind == Kind::kArray;
  if (is_versions || key == "add" || key == "remove") {
    auto texts = read_texts(in, value, depth);
    if (!texts) return texts.error();
    if (is_versions) fields.versions = std::move(*texts);
    if (key == "add") fields.add = std::move(*texts);
    if (key == "remove") fields.remove = std::move(*texts);
    return {};
  }
  take_flat_field(fields, key, value);
  return codec::skip_cbor_item(in, value, depth);
}

Result<Fields> read_fields(ByteView frame) {
  codec::Reader in(frame);
  const auto head = codec::read_cbor_item(in);
  if (!head) return head.error();
  if (head->kind != Kind::kMap) return corrupt("the message is not a cbor map");
  Fields fields;
  std::uint64_t keys = 0;
  const auto read =
      for_each_pair(in, *head, kDepthMax,
                    [&](std::string_view key, const codec::CborItem& value) -> Result<void> {
                      if (++keys > kKeysMax) {
                        return Error{ErrorCode::kLimitExceeded, "more than 64 keys in a message"};
                      }
                      return take_field(in, fields, key, value);
                    });
  if (!read) return read.error();
  if (!in.at_end()) {
    return corrupt(std::to_string(in.remaining()) + " bytes behind the message");
  }
  return fields;
}

Ignored ignored(Ignored::Reason reason, const Fields& fields) {
  return Ignored{reason, fields.type.value_or("")};
}

/// The wire form is base58check only: an URL or a UUID is not honoured (repo-protocol 4.3).
std::optional<DocumentId> parse_wire_id(std::string_view text) {
  const auto payload = codec::from_base58check(text);
  DocumentId id;
  if (!payload || payload->size() != id.bytes.size()) return std::nullopt;
  std::copy(payload->begin(), payload->end(), id.bytes.begin());
  return id;
}

Result<Message> handshake_message(Fields fields) {
  if (!fields.sender || !is_valid_peer_id(*fields.sender)) {
    return corrupt(*fields.type + " without a usable senderId");
  }
  if (*fields.type == "join") {
    Join join{.sender = std::move(*fields.sender),
              .metadata = fields.metadata.value_or(Metadata{})};
    if (fields.versions) join.versions = std::move(*fields.versions);
    return Message(std::move(join));
  }
  Peer peer{.sender = std::move(*fields.sender),
            .target = fields.target.value_or(""),
            .metadata = fields.metadata.value_or(Metadata{})};
  if (fields.selected_version) peer.version = std::move(*fields.selected_version);
  return Message(std::move(peer));
}

Result<Message> ephemeral_message(Fields fields, const DocumentId& document) {
  if (!fields.session_id || !fields.count || !fields.data) {
    return Message(ignored(Ignored::Reason::kMissingField, fields));
  }
  return Message(Ephemeral{.sender = std::move(*fields.sender),
                           .target = fields.target.value_or(""),
                           .document = document,
                           .session_id = std::move(*fields.session_id),
                           .count = *fields.count,
                           .data = to_bytes(*fields.data)});
}

Result<Message> document_message(Fields fields) {
  const std::string& type = *fields.type;
  const bool is_sync = type == "sync" || type == "request";
  if (is_sync && (!fields.data || fields.data->empty())) {
    return corrupt(type + " without data");
  }
  if (!fields.document) return Message(ignored(Ignored::Reason::kMissingField, fields));
  const auto document = parse_wire_id(*fields.document);
  if (!document) return Message(ignored(Ignored::Reason::kBadDocumentId, fields));
  if (!fields.sender || !is_valid_peer_id(*fields.sender)) {
    return Message(ignored(Ignored::Reason::kBadPeerId, fields));
  }
  std::string target = fields.target.value_or("");
  if (is_sync) {
    return Message(Sync{.request = type == "request",
                        .sender = std::move(*fields.sender),
                        .target = std::move(target),
                        .document = *document,
                        .data = to_bytes(*fields.data)});
  }
  if (type == "doc-unavailable") {
    return Message(DocUnavailable{std::move(*fields.sender), std::move(target), *document});
  }
  if (type == kFetchType || type == kFetchedType) {
    if (!fields.data) return Message(ignored(Ignored::Reason::kMissingField, fields));
    return Message(Fetch{type == kFetchedType, std::move(*fields.sender), std::move(target),
                         *document, to_bytes(*fields.data)});
  }
  if (type == "ephemeral") return ephemeral_message(std::move(fields), *document);
  if (!fields.heads) return Message(ignored(Ignored::Reason::kMissingField, fields));
  return Message(RemoteHeadsChanged{std::move(*fields.sender), std::move(target), *document,
                                    std::move(*fields.heads)});
}

void write_pair(Bytes& out, std::string_view key, std::string_view value) {
  codec::write_cbor_text(out, key);
  codec::write_cbor_text(out, value);
}

void write_texts(Bytes& out, std::string_view key, const std::vector<std::string>& texts) {
  codec::write_cbor_text(out, key);
  codec::write_cbor_array(out, texts.size());
  for (const auto& text : texts) codec::write_cbor_text(out, text);
}

void write_metadata(Bytes& out, const Metadata& metadata) {
  const auto& extension = metadata.extension;
  codec::write_cbor_text(out, "peerMetadata");
  codec::write_cbor_map(out, 1u + (metadata.storage_id ? 1u : 0u) + (extension ? 1u : 0u));
  if (metadata.storage_id) write_pair(out, "storageId", *metadata.storage_id);
  codec::write_cbor_text(out, "isEphemeral");
  codec::write_cbor_bool(out, metadata.ephemeral);
  if (!extension) return;
  codec::write_cbor_text(out, "syncctl");
  codec::write_cbor_map(out, 2u + (extension->invite ? 1u : 0u) + (extension->catalog ? 1u : 0u));
  codec::write_cbor_text(out, "v");
  codec::write_cbor_number(out, extension->version);
  write_texts(out, "caps", extension->capabilities);
  if (extension->invite) write_pair(out, "invite", *extension->invite);
  if (extension->catalog) write_pair(out, "catalog", *extension->catalog);
}

/// type, senderId and, unless empty, targetId; `more` further pairs follow.
void begin_message(Bytes& out, std::string_view type, const std::string& sender,
                   const std::string& target, std::uint64_t more) {
  codec::write_cbor_map(out, 2 + (target.empty() ? 0u : 1u) + more);
  write_pair(out, "type", type);
  write_pair(out, "senderId", sender);
  if (!target.empty()) write_pair(out, "targetId", target);
}

void encode(Bytes& out, const Join& join) {
  begin_message(out, "join", join.sender, "", 2);
  write_metadata(out, join.metadata);
  write_texts(out, "supportedProtocolVersions", join.versions);
}

void encode(Bytes& out, const Peer& peer) {
  begin_message(out, "peer", peer.sender, peer.target, 2);
  write_metadata(out, peer.metadata);
  write_pair(out, "selectedProtocolVersion", peer.version);
}

void encode(Bytes& out, const Leave& leave) { begin_message(out, "leave", leave.sender, "", 0); }

void encode(Bytes& out, const ErrorMessage& error) {
  begin_message(out, "error", error.sender, error.target, 1);
  write_pair(out, "message", error.message);
}

void encode(Bytes& out, const Sync& sync) {
  ASSERT(!sync.data.empty());
  out.reserve(sync.data.size() + 512);
  begin_message(out, sync.request ? "request" : "sync", sync.sender, sync.target, 2);
  write_pair(out, "documentId", sync.document.to_base58());
  codec::write_cbor_text(out, "data");
  codec::write_cbor_bytes(out, sync.data);
}

void encode(Bytes& out, const DocUnavailable& unavailable) {
  begin_message(out, "doc-unavailable", unavailable.sender, unavailable.target, 1);
  write_pair(out, "documentId", unavailable.document.to_base58());
}

void encode(Bytes& out, const Ephemeral& ephemeral) {
  begin_message(out, "ephemeral", ephemeral.sender, ephemeral.target, 4);
  write_pair(out, "documentId", ephemeral.document.to_base58());
  codec::write_cbor_text(out, "count");
  codec::write_cbor_number(out, ephemeral.count);
  write_pair(out, "sessionId", ephemeral.session_id);
  codec::write_cbor_text(out, "data");
  codec::write_cbor_bytes(out, ephemeral.data);
}

void encode(Bytes& out, const Fetch& fetch) {
  begin_message(out, fetch.is_answer ? kFetchedType : kFetchType, fetch.sender, fetch.target, 2);
  write_pair(out, "documentId", fetch.document.to_base58());
  codec::write_cbor_text(out, "data");
  codec::write_cbor_bytes(out, fetch.data);
}

void encode(Bytes& out, const RemoteSubscriptionChange& change) {
  begin_message(out, "remote-subscription-change", change.sender, change.target,
                (change.add.empty() ? 0u : 1u) + (change.remove.empty() ? 0u : 1u));
  if (!change.add.empty()) write_texts(out, "add", change.add);
  if (!change.remove.empty()) write_texts(out, "remove", change.remove);
}

void encode(Bytes& out, const RemoteHeadsChanged& change) {
  begin_message(out, "remote-heads-changed", change.sender, change.target, 2);
  write_pair(out, "documentId", change.document.to_base58());
  codec::write_cbor_text(out, "newHeads");
  codec::write_cbor_map(out, change.heads.size());
  for (const auto& [storage_id, heads] : change.heads) {
    codec::write_cbor_text(out, storage_id);
    codec::write_cbor_map(out, 2);
    write_texts(out, "heads", heads.heads);
    codec::write_cbor_text(out, "timestamp");
    codec::write_cbor_float64(out, heads.timestamp);
  }
}

void encode(Bytes& /*out*/, const Ignored& /*message*/) { ASSERT(false && "never sent"); }

}  // namespace

const DocumentId& document_of(const DocumentMessage& message) {
  return std::visit([](const auto& m) -> const DocumentId& { return m.document; }, message);
}

std::size_t size_of(const DocumentMessage& message) {
  if (const auto* sync = std::get_if<Sync>(&message)) return kFlatSize + sync->data.size();
  if (const auto* e = std::get_if<Ephemeral>(&message)) return kFlatSize + e->data.size();
  if (const auto* fetch = std::get_if<Fetch>(&message)) return kFlatSize + fetch->data.size();
  return kFlatSize;
}

Result<Message> decode_message(ByteView frame) {
  auto read = read_fields(frame);
  if (!read) return read.error();
  Fields& fields = *read;
  if (!fields.type) return Message(ignored(Ignored::Reason::kMissingField, fields));
  const std::string& type = *fields.type;
  if (type == "join" || type == "peer") return handshake_message(std::move(fields));
  if (type == "sync" || type == "request" || type == "doc-unavailable" || type == "ephemeral" ||
      type == kFetchType || type == kFetchedType || type == "remote-heads-changed") {
    return document_message(std::move(fields));
  }
  const std::string sender = fields.sender.value_or("");
  if (type == "leave") return Message(Leave{sender});
  if (type == "error") {
    return Message(ErrorMessage{sender, fields.target.value_or(""),
                                fields.error_message.value_or("(no message)")});
  }
  if (type == "remote-subscription-change") {
    return Message(RemoteSubscriptionChange{sender, fields.target.value_or(""),
                                            std::move(fields.add), std::move(fields.remove)});
  }
  return Message(ignored(Ignored::Reason::kUnknownType, fields));
}

Bytes encode_message(const Message& message) {
  Bytes out;
  std::visit([&](const auto& m) { encode(out, m); }, message);
  return out;
}

bool is_valid_peer_id(std::string_view id) {
  if (id.empty() || id.size() > limits::kPeerIdBytesMax) return false;
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  return codec::is_valid_utf8(id) && std::none_of(id.begin(), id.end(), is_control);
}

}  // namespace converge::session
