#include "core/sync/state.h"

#include <algorithm>

namespace converge::sync {
namespace {

using engine::Document;
using model::ChangeHash;
using HashSet = std::unordered_set<ChangeHash, model::ChangeHashHasher>;

void sort_unique(Heads& heads) {
  std::sort(heads.begin(), heads.end());
  heads.erase(std::unique(heads.begin(), heads.end()), heads.end());
}

bool contains(const Heads& sorted, const ChangeHash& hash) {
  return std::binary_search(sorted.begin(), sorted.end(), hash);
}

// What the peer's heads reach that is neither applied nor queued here. Changes that other queued
// changes wait for are left to the peers those came from.
std::vector<ChangeHash> missing_of(const Document& document, const Heads& their_heads) {
  std::vector<ChangeHash> stack = their_heads;
  HashSet seen(stack.begin(), stack.end());
  std::vector<ChangeHash> missing;
  while (!stack.empty()) {
    const ChangeHash hash = stack.back();
    stack.pop_back();
    if (document.has_change(hash)) continue;
    if (!document.has_orphan(hash)) {
      missing.push_back(hash);
      continue;
    }
    for (const ChangeHash& dep : document.change_deps(hash).value_or(std::vector<ChangeHash>{})) {
      if (seen.insert(dep).second) stack.push_back(dep);
    }
  }
  std::sort(missing.begin(), missing.end());
  return missing;
}

bool in_any_filter(const std::vector<Have>& have, const ChangeHash& hash) {
  return std::any_of(have.begin(), have.end(),
                     [&](const Have& one) { return one.bloom.contains(hash); });
}

// Changes for the peer: what it asked for, and what its filters do not know together with
// everything built on that.
std::vector<ChangeHash> changes_to_send(const Document& document, const std::vector<Have>& have,
                                        const std::vector<ChangeHash>& need) {
  std::vector<ChangeHash> asked;
  for (const ChangeHash& hash : need) {
    if (document.has_change(hash)) asked.push_back(hash);
  }
  if (have.empty()) return asked;

  Heads last_sync;
  for (const Have& one : have) {
    last_sync.insert(last_sync.end(), one.last_sync.begin(), one.last_sync.end());
  }
  sort_unique(last_sync);
  std::vector<ChangeHash> unknown;
  HashSet is_unknown;
  for (const ChangeHash& hash : document.changes_since(last_sync)) {  // parents come first
    bool send = !in_any_filter(have, hash);
    if (!send && !is_unknown.empty()) {
      const auto deps = document.change_deps(hash);
      send = deps && std::any_of(deps->begin(), deps->end(),
                                 [&](const ChangeHash& dep) { return is_unknown.contains(dep); });
    }
    if (send && is_unknown.insert(hash).second) unknown.push_back(hash);
  }
  std::erase_if(asked, [&](const ChangeHash& hash) { return is_unknown.contains(hash); });
  asked.insert(asked.end(), unknown.begin(), unknown.end());
  return asked;
}

struct Payload {
  Message::Version version = Message::Version::kV1;
  std::vector<ChangeHash> hashes;
  bool whole_document = false;
};

Payload choose_payload(const Document& document, const State& state) {
  Payload out;
  if (state.peer_reads_v2) out.version = Message::Version::kV2;
  if (state.peer_read_only || !state.their_have || !state.their_need) return out;

  const bool peer_is_empty = state.their_heads && state.their_heads->empty();
  if (!(peer_is_empty && state.peer_reads_v2)) {
    out.hashes = changes_to_send(document, *state.their_have, *state.their_need);
    std::erase_if(out.hashes,
                  [&](const ChangeHash& hash) { return state.sent_hashes.contains(hash); });
    // From a third of the history on, the whole document is the shorter message.
    if (!state.peer_reads_v2 || out.hashes.size() <= document.change_count() / 3) return out;
  }
  out.whole_document = true;
  out.hashes = document.all_changes();
  return out;
}

std::vector<Bytes> encode_payload(const Document& document, const State& state,
                                  const Payload& payload) {
  constexpr std::size_t kBundledFrom = 3;
  std::vector<Bytes> out;
  if (payload.whole_document) {
    out.push_back(document.save());
    return out;
  }
  if (payload.version == Message::Version::kV2 && state.peer_reads_bundles &&
      payload.hashes.size() >= kBundledFrom) {
    out.push_back(document.bundle(payload.hashes));
    return out;
  }
  for (const ChangeHash& hash : payload.hashes) {
    auto bytes = document.change_bytes(hash);
    if (!bytes) continue;
    if (payload.version == Message::Version::kV1 || out.empty()) {
      out.push_back(std::move(*bytes));
    } else {
      out.front().insert(out.front().end(), bytes->begin(), bytes->end());
    }
  }
  return out;
}

// The peer counts on changes that we do not have: one of us lost data. Ask for everything anew.
Message reset_request(Heads heads) {
  Message message;
  message.heads = std::move(heads);
  message.have.emplace_back();
  message.flags = kFlagSupportsReset;
  return message;
}

bool peer_counts_on_lost_changes(const Document& document, const State& state) {
  if (!state.their_have || state.their_have->empty()) return false;
  const Heads& last_sync = state.their_have->front().last_sync;
  return std::any_of(last_sync.begin(), last_sync.end(),
                     [&](const ChangeHash& hash) { return !document.has_change(hash); });
}

bool nothing_to_say(const State& state, const Heads& heads, const Payload& payload) {
  if (!state.have_responded || state.last_sent_heads != heads) return false;
  const bool in_step = state.read_only || (state.their_heads && *state.their_heads == heads);
  return (in_step && payload.hashes.empty()) || state.in_flight;
}

// What a peer may learn that gets nothing from us: of its own changes, which are here.
std::optional<Message> generate_withholding(const Document& document, State& state) {
  Heads known;
  for (const ChangeHash& head : state.their_heads.value_or(state.shared_heads)) {
    if (document.has_change(head)) known.push_back(head);
  }
  if (nothing_to_say(state, known, Payload{})) return std::nullopt;
  Message message;
  if (state.their_heads) message.need = missing_of(document, *state.their_heads);
  message.have.push_back({known, BloomFilter(std::vector<ChangeHash>{})});
  message.flags = kFlagSupportsReset;
  message.heads = known;
  state.have_responded = true;
  state.in_flight = true;
  state.last_sent_heads = std::move(known);
  return message;
}

}  // namespace

std::optional<Message> generate(const Document& document, State& state) {
  if (state.withhold) return generate_withholding(document, state);
  Heads heads = document.heads();
  Message message;
  if (!state.read_only && state.their_heads) {
    message.need = missing_of(document, *state.their_heads);
  }
  // With changes missing that are not heads a filter would tell too little: ask for them first.
  const bool need_is_simple =
      std::all_of(message.need.begin(), message.need.end(),
                  [&](const ChangeHash& hash) { return contains(*state.their_heads, hash); });
  if (peer_counts_on_lost_changes(document, state)) return reset_request(std::move(heads));

  const Payload payload = choose_payload(document, state);
  if (nothing_to_say(state, heads, payload)) return std::nullopt;

  message.version = payload.version;
  if (need_is_simple) {
    message.have.push_back(
        {state.shared_heads, BloomFilter(document.changes_since(state.shared_heads))});
  }
  message.changes = encode_payload(document, state, payload);
  message.flags =
      static_cast<std::uint8_t>(kFlagSupportsReset | (state.read_only ? kFlagReadOnly : 0));
  message.heads = heads;
  if (state.needs_reset) {
    state.needs_reset = false;
    if (state.peer_supports_reset) {
      *message.flags |= kFlagReset;
    } else {
      message.heads.clear();  // an older peer sends everything again to one that has nothing
    }
  }
  state.have_responded = true;
  state.in_flight = true;
  state.last_sent_heads = std::move(heads);
  state.sent_hashes.insert(payload.hashes.begin(), payload.hashes.end());
  return message;
}

namespace {

void read_flags(State& state, const Message& message) {
  if (!message.flags) return;
  state.peer_reads_v2 = true;
  state.peer_supports_reset = (*message.flags & kFlagSupportsReset) != 0;
  state.peer_read_only = (*message.flags & kFlagReadOnly) != 0;
  if ((*message.flags & kFlagReset) != 0) state.sent_hashes.clear();
}

Result<engine::ApplyReport> apply(Document& document, const Message& message) {
  if (message.changes.size() == 1) return document.load_incremental(message.changes.front());
  Bytes all;
  for (const Bytes& change : message.changes) all.insert(all.end(), change.begin(), change.end());
  return document.load_incremental(all);
}

// Heads that are new came from the peer; those that were shared and still are heads stay so.
void share_new_heads(State& state, const Heads& before, const Heads& now) {
  Heads shared;
  for (const ChangeHash& head : now) {
    if (!contains(before, head) || contains(state.shared_heads, head)) shared.push_back(head);
  }
  state.shared_heads = std::move(shared);
}

// The peer has its heads and all below: those need no second sending and no memory.
void forget_arrived(const Document& document, State& state, const Heads& known) {
  if (state.sent_hashes.empty() || known.empty()) return;
  HashSet still_unknown;
  for (const ChangeHash& hash : document.changes_since(known)) {
    if (state.sent_hashes.contains(hash)) still_unknown.insert(hash);
  }
  state.sent_hashes = std::move(still_unknown);
}

}  // namespace

Result<engine::ApplyReport> receive(Document& document, State& state, const Message& message) {
  state.in_flight = false;
  read_flags(state, message);
  const Heads before = document.heads();
  Result<engine::ApplyReport> report{engine::ApplyReport{}};
  if (!message.changes.empty() && !state.read_only) {
    report = apply(document, message);
    if (!report) return report;
    share_new_heads(state, before, document.heads());
  }

  Heads known;
  for (const ChangeHash& head : message.heads) {
    if (document.has_change(head)) known.push_back(head);
  }
  forget_arrived(document, state, known);
  if (message.changes.empty() && message.heads == before) state.last_sent_heads = message.heads;
  if (known.size() == message.heads.size()) {
    state.shared_heads = message.heads;
    if (message.heads.empty()) {  // the peer has nothing, or lost it
      state.last_sent_heads.clear();
      state.sent_hashes.clear();
    }
  } else {
    state.shared_heads.insert(state.shared_heads.end(), known.begin(), known.end());
    sort_unique(state.shared_heads);
  }
  state.their_have = message.have;
  state.their_heads = message.heads;
  state.their_need = message.need;
  return report;
}

bool peer_has_everything(const Document& document, const State& state) {
  return state.shared_heads == document.heads();
}

}  // namespace converge::sync
