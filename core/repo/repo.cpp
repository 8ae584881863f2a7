#include "core/repo/repo.h"

#include "core/base/assert.h"
#include "core/repo/conflict_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>
#include <set>
#include <utility>

namespace converge::repo {
namespace {

/// Of one append; the store refuses more than 8 MiB unless it is a single change (store.md 8).
constexpr std::size_t kBatchBytes = 6u << 20;

/// With what the store adds to it: keys, receipt, value header.
std::size_t stored_bytes(const store::NewChange& change) { return change.chunk.size() + 256; }

}  // namespace

/// An append under way.
struct Repo::Pending {
  std::uint64_t ticket = 0;
  Committed committed;
  CommitDone done;       ///< empty once answered
  bool written = false;  ///< a relaxed append that waits for its sync
};

/// A document as the store has it.
struct Repo::Loaded {
  engine::Document document;
  store::DocumentHeader header;
  std::set<ChangeHash> orphans;
};

/// One open document. Shared only with callbacks under way; `open` false: no longer in the map.
struct Repo::Cell {
  explicit Cell(engine::Document loaded) : document(std::move(loaded)) {}

  struct Waiter {
    std::uint64_t ticket = 0;
    Released released;
  };

  DocumentId id;
  engine::Document document;
  bool open = true;
  bool is_new = false;                  ///< nothing of it was submitted yet
  bool has_borrowed_actor = false;      ///< the first commit's actor was given, not made here
  std::optional<Error> failure;         ///< the append that failed
  Heads submitted;                      ///< heads as of the last append
  std::set<ChangeHash> stored_orphans;  ///< as of the last append
  bool is_degraded = false;             ///< changes are missing, of which `missing` are known
  std::vector<ChangeHash> missing;      ///< as of the last append; sorted
  bool has_index_entry = false;         ///< the store may have an entry in the conflict index
  std::uint64_t expected_seq = 0;
  std::uint64_t tickets = 0;  ///< appends submitted
  std::uint64_t durable = 0;  ///< highest ticket known durable
  std::deque<Pending> pending;
  std::deque<Waiter> waiters;
  std::size_t accounted = 0;
  std::list<DocumentId>::iterator place;

  bool is_idle() const { return pending.empty() && waiters.empty(); }
};

namespace {

/// A little for the cell itself, so that a million empty documents are not free.
constexpr std::size_t kCellBytes = 512;

/// The document's own changes, each on top of everything before it: they can leave no register with
/// two values where there was none before.
bool continues_alone(const engine::Document& document, const Heads& before,
                     const std::vector<store::NewChange>& fresh) {
  Heads heads = before;
  for (const store::NewChange& change : fresh) {
    auto info = document.change_info(change.hash);
    if (!info || info->actor != document.actor()) return false;
    std::sort(info->deps.begin(), info->deps.end());
    if (info->deps != heads) return false;
    heads = {change.hash};
  }
  return true;
}

bool has_content(const store::DocumentAppend& part) {
  return !part.changes.empty() || !part.orphans.empty() || !part.removed_orphans.empty();
}

Error not_found(const DocumentId& id) {
  return Error{ErrorCode::kNotFound, fmt::format("there is no document {}", id.to_url()),
               "doc.not_found"};
}

}  // namespace

Repo::Repo(store::Store& store, const Clock& clock, Random& random, Post post, Observer& observer,
           Options options)
    : store_(store),
      clock_(clock),
      random_(random),
      post_(std::move(post)),
      observer_(observer),
      options_(options),
      alive_(std::make_shared<bool>(true)) {}

Repo::~Repo() { *alive_ = false; }

Result<engine::Document*> Repo::open(const DocumentId& id) {
  if (const CellPtr cell = find(id)) {
    recent_.splice(recent_.begin(), recent_, cell->place);
    return &cell->document;
  }
  auto loaded = load(id);
  if (!loaded) {
    if (loaded.error().code == ErrorCode::kCorrupt) observer_.damaged(id, loaded.error());
    return loaded.error();
  }
  trim(loaded->get());
  return &(*loaded)->document;
}

Result<void> Repo::peek(const DocumentId& id,
                        const std::function<void(const engine::Document&)>& look) {
  if (const CellPtr cell = find(id)) {
    look(cell->document);
    return {};
  }
  auto loaded = read(id);
  if (!loaded) {
    if (loaded.error().code == ErrorCode::kCorrupt) observer_.damaged(id, loaded.error());
    return loaded.error();
  }
  look(loaded->document);
  if (memory_bytes_ + loaded->document.memory_bytes() + kCellBytes <= options_.cache_bytes) {
    adopt(id, std::move(*loaded));
  }
  return {};
}

Result<engine::Document*> Repo::create(const DocumentId& id, std::optional<ActorId> actor) {
  const auto there = exists(id);
  if (!there) return there.error();
  if (*there) {
    return Error{ErrorCode::kConflict, fmt::format("the document {} exists already", id.to_url()),
                 "doc.exists"};
  }
  const auto tombstone = store_.tombstone(id);
  if (!tombstone) return tombstone.error();
  if (*tombstone) {
    return Error{ErrorCode::kNotFound, fmt::format("the document {} was deleted", id.to_url()),
                 "doc.not_found"};
  }
  const CellPtr cell = insert(id, engine::Document(actor ? *actor : actor_for(id)));
  cell->is_new = true;
  cell->has_borrowed_actor = actor.has_value();
  trim(cell.get());
  return &cell->document;
}

void Repo::commit(const DocumentId& id, CommitRequest request, CommitDone done) {
  const CellPtr cell = find(id);
  ASSERT(cell != nullptr);
  store::Append append;
  append.source = std::move(request.source);
  append.names = std::move(request.names);
  append.idempotency = std::move(request.idempotency);
  store::DocumentAppend part = collect(*cell);
  const bool was_split = submit_overflow(cell, part, append.source, request.durability);
  // The pieces say that they do not know; the rest always does.
  if (was_split && options_.conflicts && !part.conflicts) part.conflicts = Bytes{};
  part.peer_states = std::move(request.peer_states);
  const bool is_needed =
      has_content(part) || part.missing || !part.peer_states.empty() || part.conflicts;
  if (is_needed) append.documents.push_back(std::move(part));
  if (!is_needed && append.names.empty() && !append.idempotency) {
    Committed nothing;
    nothing.document = id;
    nothing.before = nothing.heads = cell->submitted;
    nothing.source = append.source;
    nothing.at_ms = clock_.wall_now_ms();
    nothing.durable = true;
    when_durable(id, [done = std::move(done), nothing = std::move(nothing)](Result<void> released) {
      released ? done(nothing) : done(released.error());
    });
    if (cell->is_new && cell->tickets == 0) forget(cell);
    return;
  }
  submit(cell, std::move(append), request.durability, std::move(done));
}

/// What the document has and the store was not yet given. Moves the cell's marks.
store::DocumentAppend Repo::collect(Cell& cell) {
  store::DocumentAppend part;
  part.document = cell.id;
  part.expected_seq = cell.expected_seq;
  part.heads = cell.document.heads();
  const auto chunk_of = [&cell](const ChangeHash& hash) {
    auto bytes = cell.document.change_bytes(hash);
    ASSERT(bytes.has_value());
    return store::NewChange{hash, std::move(*bytes)};
  };
  if (part.heads != cell.submitted) {
    for (const ChangeHash& hash : cell.document.changes_since(cell.submitted)) {
      part.changes.push_back(chunk_of(hash));
    }
    part.actors = cell.document.actor_count();
    part.conflicts = index_entry(cell, part.changes);
  }
  if (cell.is_degraded) part.missing = lessen_missing(cell);
  const std::vector<ChangeHash> queued = cell.document.orphans();
  if (queued.empty() && cell.stored_orphans.empty()) return part;
  std::set<ChangeHash> orphans(queued.begin(), queued.end());
  for (const ChangeHash& hash : orphans) {
    if (!cell.stored_orphans.contains(hash)) part.orphans.push_back(chunk_of(hash));
  }
  for (const ChangeHash& hash : cell.stored_orphans) {
    if (!orphans.contains(hash)) part.removed_orphans.push_back(hash);
  }
  cell.stored_orphans = std::move(orphans);
  return part;
}

/// What is still missing of a degraded document; nothing when that has not changed. A missing
/// change that came without its own ancestors is not missing any more, they are.
std::optional<std::vector<ChangeHash>> Repo::lessen_missing(Cell& cell) {
  std::set<ChangeHash> missing;
  std::set<ChangeHash> seen;
  std::vector<ChangeHash> left = cell.missing;
  while (!left.empty()) {
    const ChangeHash hash = left.back();
    left.pop_back();
    if (cell.document.has_change(hash) || !seen.insert(hash).second) continue;
    const auto deps = cell.document.change_deps(hash);
    if (deps) {
      left.insert(left.end(), deps->begin(), deps->end());
    } else {
      missing.insert(hash);
    }
  }
  std::vector<ChangeHash> now(missing.begin(), missing.end());
  if (now == cell.missing) return std::nullopt;
  cell.missing = std::move(now);
  cell.is_degraded = !cell.missing.empty();
  return cell.missing;
}

/// The entry of the conflict index that must be stored with these changes; nothing when what is
/// stored stays right.
std::optional<Bytes> Repo::index_entry(Cell& cell, const std::vector<store::NewChange>& fresh) {
  if (!options_.conflicts) return std::nullopt;
  if (!cell.has_index_entry && continues_alone(cell.document, cell.submitted, fresh)) {
    return std::nullopt;
  }
  Bytes entry = options_.conflicts(cell.id, cell.document);
  if (entry.empty() && !cell.has_index_entry) return std::nullopt;
  cell.has_index_entry = !entry.empty();
  return entry;
}

void Repo::reindex(const DocumentId& id, CommitDone done) {
  const CellPtr cell = find(id);
  ASSERT(cell != nullptr && options_.conflicts);
  store::DocumentAppend part;
  part.document = id;
  part.expected_seq = cell->expected_seq;
  part.heads = cell->submitted;
  part.actors = cell->document.actor_count();
  part.conflicts = options_.conflicts(id, cell->document);
  cell->has_index_entry = !part.conflicts->empty();
  store::Append append;
  append.documents.push_back(std::move(part));
  submit(cell, std::move(append), store::Durability::kRelaxed, std::move(done));
}

/// A batch is bounded (store.md 8): what does not fit the last one goes ahead in batches of its
/// own, each a consistent older state of the document. Leaves the rest in `part`; tells whether
/// there were any.
bool Repo::submit_overflow(const CellPtr& cell, store::DocumentAppend& part,
                           const store::Source& source, store::Durability durability) {
  std::size_t left = 0;
  for (const store::NewChange& change : part.changes) left += stored_bytes(change);
  if (left <= kBatchBytes) return false;
  std::set<ChangeHash> heads(cell->submitted.begin(), cell->submitted.end());
  std::size_t begin = 0;
  while (left > kBatchBytes) {
    store::DocumentAppend piece;
    piece.document = part.document;
    piece.expected_seq = cell->expected_seq;
    std::set<ChangeHash> taken;
    std::size_t bytes = 0;
    while (begin < part.changes.size()) {
      store::NewChange& change = part.changes[begin];
      const std::size_t size = stored_bytes(change);
      if (bytes != 0 && bytes + size > kBatchBytes) break;
      ++begin;
      bytes += size;
      const auto deps = cell->document.change_deps(change.hash);
      ASSERT(deps.has_value());
      for (const ChangeHash& dep : *deps) heads.erase(dep);
      heads.insert(change.hash);
      taken.insert(change.hash);
      piece.changes.push_back(std::move(change));
    }
    left -= bytes;
    piece.heads.assign(heads.begin(), heads.end());
    if (options_.conflicts)
      piece.conflicts = encode(ConflictSummary{.exact = false, .count = 0, .ids = {}});
    std::erase_if(part.removed_orphans, [&](const ChangeHash& hash) {
      if (taken.contains(hash)) piece.removed_orphans.push_back(hash);
      return taken.contains(hash);
    });
    store::Append append;
    append.source = source;
    append.documents.push_back(std::move(piece));
    submit(cell, std::move(append), durability, nullptr);
  }
  part.changes.erase(part.changes.begin(),
                     part.changes.begin() + static_cast<std::ptrdiff_t>(begin));
  part.expected_seq = cell->expected_seq;
  return begin > 0;
}

void Repo::submit(const CellPtr& cell, store::Append append, store::Durability durability,
                  CommitDone done) {
  Pending pending;
  pending.ticket = ++cell->tickets;
  pending.done = std::move(done);
  pending.committed.document = cell->id;
  pending.committed.source = append.source;
  pending.committed.at_ms = clock_.wall_now_ms();
  pending.committed.before = cell->submitted;
  pending.committed.heads = cell->submitted;
  if (!append.documents.empty()) {
    const store::DocumentAppend& part = append.documents.front();
    pending.committed.created = cell->is_new;
    pending.committed.heads = part.heads;
    for (const store::NewChange& change : part.changes) {
      pending.committed.changes.push_back(change.hash);
    }
    cell->submitted = part.heads;
    if (has_content(part) || cell->is_new) cell->expected_seq += 1;
    cell->is_new = false;
  }
  if (cell->has_borrowed_actor && !pending.committed.changes.empty()) {
    cell->document.set_actor(actor_for(cell->id));
    cell->has_borrowed_actor = false;
  }
  const std::uint64_t ticket = pending.ticket;
  cell->pending.push_back(std::move(pending));
  account(*cell);

  // The store answers on its own thread; `this` is touched only on ours, and only while it lives.
  const auto on_done = [this, cell, ticket, post = post_,
                        alive = alive_](Result<store::AppendResult> result) {
    post([this, cell, ticket, alive, result = std::move(result)]() mutable {
      if (*alive) written(cell, ticket, std::move(result));
    });
  };
  store::Durable on_durable;
  if (durability == store::Durability::kRelaxed) {
    on_durable = [this, cell, ticket, post = post_, alive = alive_] {
      post([this, cell, ticket, alive] {
        if (*alive) made_durable(cell, ticket);
      });
    };
  }
  store_.append(std::move(append), durability, on_done, std::move(on_durable));
  trim(cell.get());
}

void Repo::written(const CellPtr& cell, std::uint64_t ticket, Result<store::AppendResult> result) {
  const auto pending =
      std::find_if(cell->pending.begin(), cell->pending.end(),
                   [ticket](const Pending& each) { return each.ticket == ticket; });
  if (pending == cell->pending.end()) return;
  if (result && result->replayed) {
    // The key was answered before; what the retry did to the document in memory must go.
    result = Error{ErrorCode::kConflict, "the request was carried out before", "request.replayed"};
  }
  if (!result) {
    failed(cell, ticket, cell->failure ? *cell->failure : result.error());
    return;
  }
  pending->written = true;
  if (!result->documents.empty()) {
    pending->committed.first_receipt = result->documents.front().first_receipt;
  }
  pending->committed.durable = result->durable;
  if (CommitDone done = std::exchange(pending->done, nullptr)) done(pending->committed);
  if (result->durable) made_durable(cell, ticket);
}

/// Everything up to `ticket` is durable: order in the queue is order in the log.
void Repo::made_durable(const CellPtr& cell, std::uint64_t ticket) {
  cell->durable = std::max(cell->durable, ticket);
  while (!cell->pending.empty() && cell->pending.front().ticket <= ticket &&
         cell->pending.front().written) {
    Committed committed = std::move(cell->pending.front().committed);
    cell->pending.pop_front();
    committed.durable = true;
    if (committed.created || !committed.changes.empty()) observer_.committed(committed);
  }
  while (!cell->waiters.empty() && cell->waiters.front().ticket <= cell->durable) {
    Released released = std::move(cell->waiters.front().released);
    cell->waiters.pop_front();
    released({});
  }
  trim(nullptr);
}

/// The append did not happen, or nobody knows: the document in memory is ahead of the store.
void Repo::failed(const CellPtr& cell, std::uint64_t ticket, const Error& error) {
  const bool first = !cell->failure.has_value();
  if (first) cell->failure = error;
  CommitDone done;
  const auto pending =
      std::find_if(cell->pending.begin(), cell->pending.end(),
                   [ticket](const Pending& each) { return each.ticket == ticket; });
  if (pending != cell->pending.end()) {
    done = std::move(pending->done);
    cell->pending.erase(pending);
  }
  std::deque<Cell::Waiter> waiters = std::exchange(cell->waiters, {});
  if (cell->open) {
    actors_.erase(cell->id);
    forget(cell);
  }
  if (first) observer_.dropped(cell->id, error);
  if (done) done(error);
  for (Cell::Waiter& waiter : waiters) waiter.released(error);
}

void Repo::when_durable(const DocumentId& id, Released released) {
  const CellPtr cell = find(id);
  if (cell == nullptr || cell->durable >= cell->tickets) {
    // Through the waiting line if there is one, so that answers keep their order.
    if (cell == nullptr || cell->waiters.empty()) {
      post_([alive = alive_, released = std::move(released)] {
        if (*alive) released({});
      });
      return;
    }
  }
  cell->waiters.push_back(Cell::Waiter{cell->tickets, std::move(released)});
}

bool Repo::is_durable(const DocumentId& id) const {
  const auto found = cells_.find(id);
  if (found == cells_.end()) return true;
  return found->second->durable >= found->second->tickets && found->second->waiters.empty();
}

void Repo::discard(const DocumentId& id) {
  const CellPtr cell = find(id);
  if (cell != nullptr && cell->is_new && cell->tickets == 0) forget(cell);
}

bool Repo::refresh(const DocumentId& id, CommitDone done) {
  const CellPtr cell = find(id);
  if (cell == nullptr || !cell->is_idle() || cell->is_new) return false;
  const auto header = store_.header(id);
  if (!header || header->document_seq == cell->expected_seq) return false;
  std::vector<Bytes> kept;
  for (const ChangeHash& hash : cell->document.changes_since(header->heads)) {
    auto bytes = cell->document.change_bytes(hash);
    if (bytes) kept.push_back(std::move(*bytes));
  }
  forget(cell);
  const auto again = load(id);
  if (!again) return false;
  const auto applied = (*again)->document.apply_changes(kept);
  if (!applied) return false;  // what is stored counts
  commit(id, {}, std::move(done));
  return true;
}

void Repo::remove(const DocumentId& id, store::Source by, Released done) {
  if (const CellPtr cell = find(id)) forget(cell);
  actors_.erase(id);
  store_.remove(id, std::move(by),
                [this, id, post = post_, alive = alive_,
                 done = std::move(done)](Result<store::CommitNumber> result) {
                  post([this, id, alive, done, result = std::move(result)] {
                    if (!*alive) return;
                    if (!result) return done(result.error());
                    if (const CellPtr cell = find(id)) forget(cell);
                    observer_.removed(id);
                    done({});
                  });
                });
}

Result<bool> Repo::exists(const DocumentId& id) {
  if (cells_.contains(id)) return true;
  const auto stored = store_.header(id);
  if (stored) return stored->state != store::DocumentState::kDeleted;
  if (stored.error().code == ErrorCode::kNotFound) return false;
  return stored.error();
}

Result<store::DocumentHeader> Repo::header(const DocumentId& id) { return store_.header(id); }

std::optional<std::size_t> Repo::missing_changes(const DocumentId& id) const {
  const auto found = cells_.find(id);
  if (found == cells_.end() || !found->second->is_degraded) return std::nullopt;
  return found->second->missing.size();
}

Repo::CellPtr Repo::find(const DocumentId& id) {
  const auto found = cells_.find(id);
  return found == cells_.end() ? nullptr : found->second;
}

Result<Repo::Loaded> Repo::read(const DocumentId& id) {
  auto stored = store_.load(id);
  if (!stored) {
    if (stored.error().code == ErrorCode::kNotFound) return not_found(id);
    return stored.error();
  }
  auto document = engine::Document::load(stored->snapshot, actor_for(id));
  if (!document) return document.error();
  std::vector<Bytes> chunks;
  std::set<ChangeHash> orphans;
  for (store::StoredChange& change : stored->tail) chunks.push_back(std::move(change.chunk));
  for (store::StoredChange& change : stored->orphans) {
    orphans.insert(change.hash);
    chunks.push_back(std::move(change.chunk));
  }
  if (!chunks.empty()) {
    const auto applied = document->apply_changes(chunks);
    if (!applied) return applied.error();
  }
  if (document->heads() != stored->header.heads) {
    return Error{ErrorCode::kCorrupt,
                 fmt::format("the changes of {} do not lead to its stored heads", id.to_url()),
                 "store.corrupt"};
  }
  return Loaded{std::move(*document), std::move(stored->header), std::move(orphans)};
}

Result<Repo::CellPtr> Repo::load(const DocumentId& id) {
  auto loaded = read(id);
  if (!loaded) return loaded.error();
  return adopt(id, std::move(*loaded));
}

Repo::CellPtr Repo::adopt(const DocumentId& id, Loaded loaded) {
  const CellPtr cell = insert(id, std::move(loaded.document));
  cell->submitted = std::move(loaded.header.heads);
  cell->stored_orphans = std::move(loaded.orphans);
  cell->expected_seq = loaded.header.document_seq;
  cell->is_degraded = loaded.header.state == store::DocumentState::kDegraded;
  cell->missing = std::move(loaded.header.missing);
  if (options_.conflicts) {
    const auto entry = store_.conflicts_of(id);
    // What cannot be read is written again with the next change.
    cell->has_index_entry = !entry || entry->has_value();
  }
  return cell;
}

Repo::CellPtr Repo::insert(const DocumentId& id, engine::Document document) {
  const auto cell = std::make_shared<Cell>(std::move(document));
  cell->id = id;
  recent_.push_front(id);
  cell->place = recent_.begin();
  cells_.emplace(id, cell);
  account(*cell);
  return cell;
}

/// The actor of this process for the document: kept over evictions, because every change it made is
/// in the store, so its sequence goes on.
ActorId Repo::actor_for(const DocumentId& id) {
  if (const auto known = actors_.find(id); known != actors_.end()) return known->second;
  std::array<std::byte, 16> bytes{};
  random_.fill(bytes);
  return ActorId(ByteView(bytes));
}

void Repo::remember_actor(const Cell& cell) {
  if (cell.failure || cell.is_new || cell.has_borrowed_actor) return;
  if (actors_.size() >= options_.actors_max) actors_.erase(actors_.begin());
  actors_.insert_or_assign(cell.id, cell.document.actor());
}

/// Out of the map and the cache; callbacks under way keep the cell alive and answer their callers.
void Repo::forget(const CellPtr& cell) {
  if (!cell->open) return;
  cell->open = false;
  if (cell->is_idle()) remember_actor(*cell);
  memory_bytes_ -= cell->accounted;
  recent_.erase(cell->place);
  cells_.erase(cell->id);
}

void Repo::account(Cell& cell) {
  if (!cell.open) return;
  const std::size_t bytes = cell.document.memory_bytes() + kCellBytes;
  memory_bytes_ += bytes - cell.accounted;
  cell.accounted = bytes;
}

void Repo::trim(const Cell* keep) {
  auto place = recent_.end();
  while (memory_bytes_ > options_.cache_bytes && place != recent_.begin()) {
    --place;
    const CellPtr cell = cells_.at(*place);
    const bool unsaved = cell->is_new || cell->document.heads() != cell->submitted;
    if (cell.get() == keep || !cell->is_idle() || unsaved) continue;
    const auto behind = std::next(place);
    forget(cell);
    place = behind;
  }
}

}  // namespace converge::repo
