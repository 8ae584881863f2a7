#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/engine/document.h"
#include "core/model/ids.h"
#include "core/sync/message.h"

#include <optional>
#include <unordered_set>
#include <vector>

/// The Automerge sync protocol for one document with one peer over one reliable, ordered channel
/// (automerge-format 9, PROTOCOL.md). No I/O, no time: whoever owns the channel calls generate()
/// after every local change and every receive(), and sends what comes out, until nothing does.
///
///   State state;                                    // or State::decode(what was kept)
///   while (auto message = generate(doc, state)) send(encode_message(*message));
///   ...
///   auto message = decode_message(bytes);           // an error here leaves everything untouched
///   auto report = receive(doc, state, *message);
///
/// At most one message is under way each way: generate() answers nothing while the peer still owes
/// a reply to the last one and there is nothing new to say.
namespace converge::sync {

/// What one side knows about the other. A plain value: copy, compare fields, keep.
struct State {
  /// Both sides have these and their ancestors. All that survives a reconnect.
  Heads shared_heads;
  Heads last_sent_heads;

  /// The peer's last message; unknown before the first.
  std::optional<Heads> their_heads;
  std::optional<std::vector<model::ChangeHash>> their_need;
  std::optional<std::vector<Have>> their_have;

  /// Sent in this session and not known to have arrived.
  std::unordered_set<model::ChangeHash, model::ChangeHashHasher> sent_hashes;
  bool in_flight = false;       ///< a message of ours waits for the peer's next one
  bool have_responded = false;  ///< we sent at least one

  // What the peer said it can do.
  bool peer_reads_v2 = false;
  bool peer_supports_reset = false;
  /// Not said in a message but agreed on elsewhere: several changes may come as one bundle.
  bool peer_reads_bundles = false;

  bool read_only = false;       ///< we apply nothing the peer sends; change with set_read_only()
  bool peer_read_only = false;  ///< the peer applies nothing: do not send changes
  /// The peer gets none of our changes and does not learn of them: we look like a replica that has
  /// of its changes what we have, and nothing else.
  bool withhold = false;
  bool needs_reset = false;  ///< the next message must say that we may have missed changes

  /// Keeps shared_heads only: 0x43, count, hashes. For the same peer's next session.
  Bytes encode() const;
  /// A state for a new session. Errors: kTruncated, kCorrupt, kUnsupported.
  static Result<State> decode(ByteView bytes);

  /// Becoming read-only makes the next generate() say so. Ceasing to be starts over, because
  /// changes sent in between were not applied; what the peer can do stays known. No effect if
  /// nothing changes.
  void set_read_only(bool value);
};

/// The next message for the peer; nothing when there is nothing to say now. Cost: by the changes
/// since shared_heads.
std::optional<Message> generate(const engine::Document& document, State& state);

/// Takes a message in: applies its changes unless read-only, and updates the state. Errors: those
/// of Document::load_incremental; then the document is as before and the conversation may go on.
Result<engine::ApplyReport> receive(engine::Document& document, State& state,
                                    const Message& message);

/// The peer is known to have every change we have.
bool peer_has_everything(const engine::Document& document, const State& state);

}  // namespace converge::sync
