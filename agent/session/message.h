#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/model/document_id.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// Messages of the automerge-repo network protocol: one message is one binary WebSocket message is
/// one CBOR map. Source: repo-protocol 3 to 6.
namespace converge::session {

/// What a Converge agent says about itself inside `peerMetadata.syncctl`; stock peers skip it.
/// Nothing here is trusted for more than switching on an optional feature, except `invite`, which
/// is a secret.
struct Extension {
  std::uint32_t version = 1;
  std::vector<std::string> capabilities = {};
  bool can(std::string_view capability) const {
    return std::find(capabilities.begin(), capabilities.end(), capability) != capabilities.end();
  }
  std::optional<std::string> invite = {};  ///< one-time token, only in a join
  std::optional<std::string> catalog =
      {};  ///< document id (base58check) of the workspace's catalog
  bool operator==(const Extension&) const = default;
};

/// `peerMetadata` of join and peer. Absent metadata means no storage and ephemeral.
struct Metadata {
  std::optional<std::string> storage_id = {};
  bool ephemeral = true;
  std::optional<Extension> extension = {};
  bool operator==(const Metadata&) const = default;
};

/// Client to server, first message of a connection.
struct Join {
  std::string sender = {};
  Metadata metadata = {};
  std::vector<std::string> versions{"1"};
  bool operator==(const Join&) const = default;
};

/// Server to client, the answer to Join.
struct Peer {
  std::string sender = {};
  std::string target = {};
  Metadata metadata = {};
  std::string version = "1";
  bool operator==(const Peer&) const = default;
};

/// A clean good-bye of old clients. Never sent by us.
struct Leave {
  std::string sender = {};
  bool operator==(const Leave&) const = default;
};

/// A human-readable refusal, sent before closing.
struct ErrorMessage {
  std::string sender = {};
  std::string target = {};
  std::string message = {};
  bool operator==(const ErrorMessage&) const = default;
};

/// `sync`, or with `request` set `request`: an Automerge sync message for one document.
struct Sync {
  bool request = false;
  std::string sender = {};
  std::string target = {};
  DocumentId document = {};
  Bytes data = {};  ///< never empty
  bool operator==(const Sync&) const = default;
};

/// "I do not have it, and nobody I could ask has it"; also: access denied.
struct DocUnavailable {
  std::string sender = {};
  std::string target = {};
  DocumentId document = {};
  bool operator==(const DocUnavailable&) const = default;
};

/// A transient broadcast. `sender` is the author, preserved by every relay.
struct Ephemeral {
  std::string sender = {};
  std::string target = {};
  DocumentId document = {};
  std::string session_id = {};
  std::uint64_t count = 0;
  Bytes data = {};  ///< CBOR of the application's, never decoded on the way
  bool operator==(const Ephemeral&) const = default;
};

/// Between two Converge agents that both name the capability "fetch": asks for exactly these
/// changes, or answers with those that the sender has. Stock peers ignore both.
struct Fetch {
  bool is_answer = false;
  std::string sender = {};
  std::string target = {};
  DocumentId document = {};
  /// Hashes, 32 bytes each; in an answer type-1 chunks, each behind its length (LEB128).
  Bytes data = {};
  bool operator==(const Fetch&) const = default;
};
inline constexpr std::string_view kFetchCapability = "fetch";

/// Between two Converge agents that both name it: several changes of one sync message may be one
/// type-3 chunk.
inline constexpr std::string_view kBundleCapability = "bundle";

/// Remote-heads gossip (repo-protocol 9): decoded, otherwise ignored.
struct RemoteSubscriptionChange {
  std::string sender = {};
  std::string target = {};
  std::vector<std::string> add = {};
  std::vector<std::string> remove = {};
  bool operator==(const RemoteSubscriptionChange&) const = default;
};

struct RemoteHeads {
  std::vector<std::string> heads = {};  ///< base58check of the hashes
  double timestamp = 0;                 ///< wall clock of whoever saw them, milliseconds
  bool operator==(const RemoteHeads&) const = default;
};

struct RemoteHeadsChanged {
  std::string sender = {};
  std::string target = {};
  DocumentId document = {};
  std::map<std::string, RemoteHeads> heads = {};  ///< by storage id
  bool operator==(const RemoteHeadsChanged&) const = default;
};

/// Well-formed CBOR that has to be skipped and counted, never answered (repo-protocol 4.3, 6.2,
/// 12).
struct Ignored {
  enum class Reason : std::uint8_t { kUnknownType, kMissingField, kBadDocumentId, kBadPeerId };
  Reason reason = Reason::kUnknownType;
  std::string type = {};  ///< shortened to 64 bytes
  bool operator==(const Ignored&) const = default;
};

using Message = std::variant<Join, Peer, Leave, ErrorMessage, Sync, DocUnavailable, Ephemeral,
                             Fetch, RemoteSubscriptionChange, RemoteHeadsChanged, Ignored>;

/// What a shard and the network thread exchange. On the way out `sender` and `target` are filled in
/// by the connection (an Ephemeral keeps its author); on the way in they have been checked.
using DocumentMessage = std::variant<Sync, DocUnavailable, Ephemeral, Fetch>;

const DocumentId& document_of(const DocumentMessage& message);
/// Payload bytes plus a flat allowance, for queue bounds.
std::size_t size_of(const DocumentMessage& message);

/// Decodes one WebSocket message. Total: any bytes give a message or an error, memory stays within
/// a small multiple of the frame. Errors (the connection has to close, 1002): kCorrupt, kTruncated
/// (not one CBOR map, trailing bytes, lengths that lie, a join without a sender, sync data absent
/// or empty), kUnsupported (records, indefinite strings), kLimitExceeded (nesting, keys).
Result<Message> decode_message(ByteView frame);

/// The bytes of repo-protocol 3.3: definite, minimal, no null or undefined, timestamps as float64.
/// REQUIRES: data of Sync not empty; not an Ignored.
Bytes encode_message(const Message& message);

/// 1..256 bytes of UTF-8 without control characters (repo-protocol 4.1).
bool is_valid_peer_id(std::string_view id);

}  // namespace converge::session
