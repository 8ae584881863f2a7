#include "core/store/keys.h"

#include "core/base/limits.h"
#include "core/codec/utf8.h"

#include <algorithm>
#include <cstring>

namespace converge::store {
namespace {

constexpr std::size_t kDocumentBytes = 16;
constexpr std::size_t kHashBytes = 32;
constexpr std::string_view kSettingPrefix = "u.";

template <std::size_t N>
void put(std::string& out, const std::array<std::byte, N>& bytes) {
  out.append(as_text(bytes));
}

template <class Integer>
void put_big_endian(std::string& out, Integer value) {
  for (std::size_t i = sizeof value; i-- > 0;) {
    out.push_back(static_cast<char>((value >> (8 * i)) & 0xff));
  }
}

template <class Integer>
Integer get_big_endian(std::string_view bytes) {
  Integer value = 0;
  for (const char c : bytes.substr(0, sizeof value)) {
    value = static_cast<Integer>((value << 8) | static_cast<unsigned char>(c));
  }
  return value;
}

template <std::size_t N>
void copy_to(std::array<std::byte, N>& out, std::string_view bytes) {
  std::memcpy(out.data(), bytes.data(), N);
}

std::string key_of(char space, const DocumentId& document) {
  std::string out;
  out.reserve(1 + kDocumentBytes + 1 + kHashBytes);
  out.push_back(space);
  put(out, document.bytes);
  return out;
}

Error bad_key(std::string_view key, const char* why) {
  return {ErrorCode::kCorrupt, "key " + describe_key(key) + ": " + why, "store.corrupt"};
}

Result<ParsedKey> parse_document_key(std::string_view key) {
  ParsedKey out;
  if (key.size() < 1 + kDocumentBytes + 1) return bad_key(key, "too short");
  copy_to(out.document.bytes, key.substr(1));
  const std::string_view rest = key.substr(1 + kDocumentBytes + 1);
  std::size_t expected = kHashBytes;
  switch (key[1 + kDocumentBytes]) {
    case 'c':
      out.kind = Kind::kChange;
      break;
    case 'n':
      out.kind = Kind::kReceiptList;
      expected = 8;
      break;
    case 'o':
      out.kind = Kind::kOrphan;
      break;
    case 's':
      out.kind = Kind::kSnapshotPart;
      expected = 8;
      break;
    case 'y':
      out.kind = Kind::kPeerSync;
      break;
    default:
      return bad_key(key, "unknown sort");
  }
  if (rest.size() != expected) return bad_key(key, "wrong length");
  if (out.kind == Kind::kSnapshotPart) {
    out.number = get_big_endian<std::uint32_t>(rest);
    out.part = get_big_endian<std::uint32_t>(rest.substr(4));
  } else if (out.kind == Kind::kReceiptList) {
    out.number = get_big_endian<std::uint64_t>(rest);
  } else if (out.kind == Kind::kPeerSync) {
    copy_to(out.peer, rest);
  } else {
    copy_to(out.hash.bytes, rest);
  }
  return out;
}

Result<ParsedKey> parse_numbered(std::string_view key, Kind kind) {
  if (key.size() != 1 + 8) return bad_key(key, "wrong length");
  ParsedKey out;
  out.kind = kind;
  out.number = get_big_endian<std::uint64_t>(key.substr(1));
  return out;
}

Result<ParsedKey> parse_by_document(std::string_view key, Kind kind, bool with_name) {
  const bool fits = with_name ? key.size() > 1 + kDocumentBytes : key.size() == 1 + kDocumentBytes;
  if (!fits) return bad_key(key, "wrong length");
  ParsedKey out;
  out.kind = kind;
  copy_to(out.document.bytes, key.substr(1));
  out.name = key.substr(1 + kDocumentBytes);
  return out;
}

Result<ParsedKey> parse_named(std::string_view key, Kind kind) {
  if (key.size() < 2) return bad_key(key, "too short");
  ParsedKey out;
  out.kind = kind;
  out.name = key.substr(1);
  return out;
}

}  // namespace

const char* to_string(Kind kind) {
  static constexpr std::array kWords{
      "unknown",        "meta",          "header",      "change",     "orphan",    "snapshot part",
      "sync state",     "receipt",       "name",        "link",       "tombstone", "idempotency",
      "peer",           "grant",         "job",         "quarantine", "audit",     "fingerprint",
      "conflict index", "current value", "receipt list"};
  const auto index = static_cast<std::size_t>(kind);
  return index < kWords.size() ? kWords[index] : kWords[0];
}

std::string meta_key(std::string_view name) { return "m" + std::string(name); }
std::string setting_key(std::string_view name) {
  return "m" + std::string(kSettingPrefix) + std::string(name);
}
std::string header_key(const DocumentId& document) { return key_of('i', document); }

std::string change_key(const DocumentId& document, const ChangeHash& hash) {
  std::string out = key_of('d', document);
  out.push_back('c');
  put(out, hash.bytes);
  return out;
}

std::string orphan_key(const DocumentId& document, const ChangeHash& hash) {
  std::string out = key_of('d', document);
  out.push_back('o');
  put(out, hash.bytes);
  return out;
}

std::string snapshot_key(const DocumentId& document, std::uint32_t generation, std::uint32_t part) {
  std::string out = key_of('d', document);
  out.push_back('s');
  put_big_endian(out, generation);
  put_big_endian(out, part);
  return out;
}

std::string receipt_list_key(const DocumentId& document, ReceiptNumber first) {
  std::string out = key_of('d', document);
  out.push_back('n');
  put_big_endian(out, first);
  return out;
}

std::string peer_sync_key(const DocumentId& document, const PeerKey& peer) {
  std::string out = key_of('d', document);
  out.push_back('y');
  put(out, peer);
  return out;
}

std::string receipt_key(ReceiptNumber number) {
  std::string out = "r";
  put_big_endian(out, number);
  return out;
}

std::string name_key(std::string_view name) { return "n" + std::string(name); }

std::string name_link_key(const DocumentId& document, std::string_view name) {
  return key_of('l', document).append(name);
}

std::string tombstone_key(const DocumentId& document) { return key_of('t', document); }

std::string conflict_key(const DocumentId& document) { return key_of('k', document); }

std::string idempotency_key(const ClientId& client, std::string_view key) {
  std::string out = "x";
  put(out, client);
  return out.append(key);
}

std::string peer_key(const PeerKey& peer) {
  std::string out = "p";
  put(out, peer);
  return out;
}

std::string job_key(std::uint64_t id) {
  std::string out = "j";
  put_big_endian(out, id);
  return out;
}

std::string quarantine_key(std::uint64_t id) {
  std::string out = "q";
  put_big_endian(out, id);
  return out;
}

std::string document_prefix(const DocumentId& document) { return key_of('d', document); }
std::string document_prefix(const DocumentId& document, char sort) {
  std::string out = key_of('d', document);
  out.push_back(sort);
  return out;
}
std::string name_link_prefix(const DocumentId& document) { return key_of('l', document); }

Result<ParsedKey> parse_key(std::string_view key) {
  if (key.empty()) return bad_key(key, "empty");
  switch (key[0]) {
    case 'm':
      return parse_named(key, Kind::kMeta);
    case 'i':
      return parse_by_document(key, Kind::kHeader, false);
    case 'd':
      return parse_document_key(key);
    case 'r':
      return parse_numbered(key, Kind::kReceipt);
    case 'n':
      return parse_named(key, Kind::kName);
    case 'l':
      return parse_by_document(key, Kind::kNameLink, true);
    case 't':
      return parse_by_document(key, Kind::kTombstone, false);
    case 'x': {
      if (key.size() <= 1 + kDocumentBytes) return bad_key(key, "too short");
      ParsedKey out;
      out.kind = Kind::kIdempotency;
      copy_to(out.client, key.substr(1));
      out.name = key.substr(1 + kDocumentBytes);
      return out;
    }
    case 'p': {
      if (key.size() != 1 + kHashBytes) return bad_key(key, "wrong length");
      ParsedKey out;
      out.kind = Kind::kPeer;
      copy_to(out.peer, key.substr(1));
      return out;
    }
    case 'g':
      return parse_named(key, Kind::kGrant);
    case 'j':
      return parse_numbered(key, Kind::kJob);
    case 'q':
      return parse_numbered(key, Kind::kQuarantine);
    case 'a':
      return parse_numbered(key, Kind::kAudit);
    case 'f':
      return parse_named(key, Kind::kFingerprint);
    case 'k':
      return parse_by_document(key, Kind::kConflictIndex, false);
    case 'v':
      return parse_named(key, Kind::kCurrentValue);
    default:
      return bad_key(key, "unknown space");
  }
}

std::string describe_key(std::string_view key) {
  if (key.empty()) return "(empty)";
  const char space = key[0];
  const auto hex = [&](std::size_t from, std::size_t count) {
    return from < key.size() ? to_hex(as_bytes(key.substr(from, count))) : std::string();
  };
  if (space == 'm' || space == 'n') {
    const std::string_view name = key.substr(1);
    const bool printable = std::ranges::all_of(name, [](char c) { return c >= 0x20 && c != 0x7f; });
    if (printable) return std::string(1, space) + "/" + std::string(name);
  }
  const bool has_document = std::string_view("dil kt").find(space) != std::string_view::npos;
  const bool visible = space > 0x20 && space < 0x7f;
  std::string out = visible ? std::string(1, space) : hex(0, 1);
  if (!has_document || key.size() < 1 + kDocumentBytes) return out + "/" + hex(1, key.npos);
  out += "/" + hex(1, kDocumentBytes);
  if (key.size() == 1 + kDocumentBytes) return out;
  if (space != 'd') return out + "/" + hex(1 + kDocumentBytes, key.npos);
  const char sort = key[1 + kDocumentBytes];
  const bool known = std::string_view("cosy").find(sort) != std::string_view::npos;
  out += "/" + (known ? std::string(1, sort) : hex(1 + kDocumentBytes, 1));
  return out + "/" + hex(1 + kDocumentBytes + 1, key.npos);
}

Result<void> check_name(std::string_view name) {
  if (name.empty()) return Error{ErrorCode::kInvalid, "a name must not be empty"};
  if (name.size() > limits::kNameBytesMax) {
    return Error{ErrorCode::kLimitExceeded,
                 "a name of " + std::to_string(name.size()) + " bytes is over the limit of " +
                     std::to_string(limits::kNameBytesMax),
                 "limit.exceeded"};
  }
  if (!codec::is_valid_utf8(name)) {
    return Error{ErrorCode::kInvalid, "the name is not UTF-8"};
  }
  const auto is_control = [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7f;
  };
  if (std::ranges::any_of(name, is_control)) {
    return Error{ErrorCode::kInvalid, "the name contains a control character"};
  }
  return {};
}

std::string prefix_end(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty()) {
    auto& last = end.back();
    if (static_cast<unsigned char>(last) != 0xff) {
      last = static_cast<char>(static_cast<unsigned char>(last) + 1);
      return end;
    }
    end.pop_back();
  }
  return end;
}

}  // namespace converge::store
