#include "core/base/assert.h"
#include "core/base/limits.h"
#include "core/engine/transaction_impl.h"
#include "core/engine/view_impl.h"

#include <algorithm>
#include <limits>

namespace converge::engine {

using crdt::ChangeIndex;
using model::Action;
using model::ChangeHash;
using model::OpRun;

namespace {

/// The actor of edits made at heads that do not include the own last change: a fork of oneself.
/// Source: automerge-format 1.2.
model::ActorId derived_actor(const model::ActorId& base, std::size_t level) {
  std::string bytes("\x13\xb2\x23\x09", 4);
  do {
    const auto low = static_cast<unsigned char>(level & 0x7f);
    level >>= 7;
    bytes += static_cast<char>(level > 0 ? low | 0x80 : low);
  } while (level > 0);
  bytes += as_text(base.bytes());
  return model::ActorId(as_bytes(bytes));
}

/// A rare huge transaction does not leave its memory behind.
constexpr std::size_t kKeptRunsMax = 256;
constexpr std::size_t kKeptBodyBytesMax = std::size_t{1} << 16;

/// Room left in a change for what is not ops: deps, actors, message.
constexpr std::size_t kHeaderBytesMax = std::size_t{4} << 20;
constexpr std::size_t kMessageBytesMax = std::size_t{1} << 20;

/// At most what a run adds to the encoded change.
std::size_t encoded_size_max(const OpRun& run, std::size_t pred_count) {
  constexpr std::size_t kPerRun = 48;
  constexpr std::size_t kPerPred = 16;
  if (run.shape == OpRun::Shape::kText) {
    // Value lengths of one byte are one run; of mixed ones every cell may need its own bytes.
    const std::size_t lengths = run.text.size() == run.count ? 0 : std::size_t{run.count} * 3;
    return kPerRun + run.text.size() + lengths;
  }
  return kPerRun + run.value.raw.size() + run.key.name.size() + pred_count * kPerPred +
         (run.mark_name ? run.mark_name->size() : 0);
}

/// The longest prefix of whole code points within the limit.
std::string_view cut_message(std::string_view message) {
  if (message.size() <= kMessageBytesMax) return message;
  std::size_t end = kMessageBytesMax;
  while (end > 0 && (static_cast<unsigned char>(message[end]) & 0xc0) == 0x80) --end;
  return message.substr(0, end);
}

}  // namespace

// -------------------------------------------------------------------------------------- beginning

/// The memory of the last transaction that ended on this thread.
std::unique_ptr<Transaction::Impl>& Transaction::Impl::spare() {
  thread_local std::unique_ptr<Impl> kept;
  return kept;
}

void Transaction::Impl::start(Document::Impl& owner) {
  ASSERT(!owner.in_transaction);
  owner.in_transaction = true;
  over = false;
  document = &owner;
  actor = owner.ops.actors().intern(owner.actor);
  start_op = next_op = owner.graph.max_op() + 1;
  content_before = owner.ops.content_size();
  encoded_size = 0;
  change.ops.clear();
  change.preds.clear();
  strings.clear();
  clock.reset();
}

std::unique_ptr<Transaction::Impl> Transaction::Impl::begin(Document::Impl& owner) {
  std::unique_ptr<Impl> out = std::move(spare());
  if (!out) out = std::make_unique<Impl>();
  out->start(owner);
  out->seq = owner.graph.last_seq(out->actor) + 1;
  return out;
}

std::unique_ptr<Transaction::Impl> Transaction::Impl::begin_at(Document::Impl& owner,
                                                               const Heads& at,
                                                               const crdt::Clock& seqs_of_heads) {
  std::unique_ptr<Impl> out = begin(owner);
  for (std::size_t level = 1; owner.graph.last_seq(out->actor) > seqs_of_heads.of(out->actor);
       ++level) {
    out->actor = owner.ops.actors().intern(derived_actor(owner.actor, level));
  }
  out->seq = owner.graph.last_seq(out->actor) + 1;
  out->clock = owner.graph.op_clock(seqs_of_heads);
  out->at_heads = at;
  return out;
}

void Transaction::Impl::end(std::unique_ptr<Impl> ended) {
  ended->rollback();
  if (ended->change.ops.capacity() <= kKeptRunsMax &&
      ended->change.body.capacity() <= kKeptBodyBytesMax) {
    spare() = std::move(ended);
  }
}

// -------------------------------------------------------------------------------------- recording

/// Typing and deleting on make the last run longer instead of adding one.
bool Transaction::Impl::extends_last(const OpRun& run, std::uint32_t content) const {
  if (change.ops.empty()) return false;
  const OpRun& before = change.ops.back();
  if (before.shape != run.shape || before.object != run.object) return false;
  if (run.shape == OpRun::Shape::kText) {
    const RunStrings& last = strings.back();
    return run.key.element == OpId{next_op - 1, actor} && content == last.content + last.bytes;
  }
  if (run.shape != OpRun::Shape::kDelete) return false;
  const OpId first = before.key.element;
  const OpId next = run.key.element;
  if (first.actor != next.actor) return false;
  const auto distance = static_cast<std::int64_t>(next.counter) - first.counter;
  const auto fits = [&](std::int8_t step) {
    return (before.count == 1 || before.step == step) && (run.count == 1 || run.step == step) &&
           distance == static_cast<std::int64_t>(before.count) * step;
  };
  return fits(1) || fits(-1);
}

void Transaction::Impl::extend_last(const OpRun& run, std::size_t bytes) {
  OpRun& last = change.ops.back();
  if (run.shape == OpRun::Shape::kDelete) {
    last.step = run.key.element.counter > last.key.element.counter ? 1 : -1;
  }
  last.count += run.count;
  strings.back().bytes += static_cast<std::uint32_t>(bytes);
}

Result<OpId> Transaction::Impl::emit(OpRun run, std::vector<OpId> op_preds) {
  ASSERT(!over);
  crdt::OpSet& ops = document->ops;
  const std::size_t bytes =
      run.shape == OpRun::Shape::kText ? run.text.size() : run.value.raw.size();
  if (run.count > std::numeric_limits<std::uint32_t>::max() - next_op ||
      !ops.content().fits(bytes) || !ops.keys().fits(run.key.name.size())) {
    return Error{ErrorCode::kLimitExceeded, "the document has no room for more ops"};
  }
  const auto content = static_cast<std::uint32_t>(ops.content_size());
  const bool extends = extends_last(run, content);
  const std::size_t size =
      extends ? bytes + run.count * std::size_t{3} : encoded_size_max(run, op_preds.size());
  if (op_count() + std::uint64_t{run.count} > limits::kRowsPerChangeMax ||
      encoded_size + size > limits::kChangeBytesMax - kHeaderBytesMax) {
    return Error{
        ErrorCode::kLimitExceeded,
        "one change cannot hold that much: at most " + std::to_string(limits::kRowsPerChangeMax) +
            " values and characters of text, in " + std::to_string(limits::kChangeBytesMax >> 20) +
            " MiB",
        "limit.exceeded", "write it in several changes, a long text piece by piece at its end"};
  }
  const OpId id{next_op, actor};
  std::vector<OpId>& preds = change.preds;
  run.pred_begin = static_cast<std::uint32_t>(preds.size());
  run.pred_count = static_cast<std::uint32_t>(op_preds.size());
  preds.insert(preds.end(), op_preds.begin(), op_preds.end());
  if (auto applied = ops.apply(run, id, preds); !applied) {
    preds.resize(run.pred_begin);
    return applied.error();
  }
  if (extends) {
    extend_last(run, bytes);
  } else {
    change.ops.push_back(run);
    RunStrings& added = strings.emplace_back();
    added.content = content;
    added.bytes = static_cast<std::uint32_t>(bytes);
    if (run.key.is_map) added.key = *ops.keys().find(run.key.name);
    if (run.mark_name) added.mark_name = *ops.keys().find(*run.mark_name);
  }
  next_op += run.count;
  encoded_size += size;
  if (clock) clock->raise(actor, next_op - 1);
  return id;
}

// ----------------------------------------------------------------------------------------- ending

/// automerge-format 7.2: heads, and the own previous change, ascending by hash.
void Transaction::Impl::find_dependencies() {
  const crdt::ChangeGraph& graph = document->graph;
  deps = clock ? document->indices_of(at_heads) : graph.head_indices();
  // At old heads these are all: an actor is chosen whose changes they include.
  if (seq > 1 && !clock) {
    const ChangeIndex previous = *graph.by_seq(actor, seq - 1);
    if (std::find(deps.begin(), deps.end(), previous) == deps.end()) deps.push_back(previous);
  }
  if (deps.size() <= 1) return;
  document->seal_all();
  std::sort(deps.begin(), deps.end(),
            [&](ChangeIndex a, ChangeIndex b) { return graph.hash(a) < graph.hash(b); });
}

bool Transaction::Impl::commit(const CommitOptions& options) {
  ASSERT(!over);
  if (change.ops.empty() && !options.allow_empty) {
    rollback();
    return false;
  }
  find_dependencies();
  crdt::ChangeTable::NewChange added;
  added.actor = actor;
  added.seq = seq;
  added.start_op = start_op;
  added.op_count = op_count();
  added.time = std::clamp(options.time, -limits::kChangeTimeMax + 1, limits::kChangeTimeMax - 1);
  added.message = cut_message(options.message);
  added.deps = deps;
  document->graph.add_unhashed(added);
  if (!document->orphans.empty()) document->orphans.drop(document->ops.actors().at(actor), seq);
  over = true;
  document->in_transaction = false;
  return true;
}

std::optional<ChangeHash> Transaction::Impl::commit_sealed(const CommitOptions& options) {
  document->seal_all();
  if (!commit(options)) return std::nullopt;
  document->seal(strings, change);
  return change.hash;
}

bool Transaction::Impl::commit_unsealed(const CommitOptions& options) {
  if (!commit(options)) return false;
  document->unsealed.add(change, strings);
  return true;
}

void Transaction::Impl::rollback() {
  if (over) return;
  set_views(document->ops, strings, change);
  std::uint32_t counter = next_op;
  for (std::size_t i = change.ops.size(); i-- > 0;) {
    counter -= change.ops[i].count;
    document->ops.unapply(change.ops[i], {counter, actor}, change.preds);
  }
  document->ops.content().truncate(content_before);
  over = true;
  document->in_transaction = false;
}

// ------------------------------------------------------------------------------------- public face

Transaction::Transaction(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Transaction::Transaction(Transaction&&) noexcept = default;

Transaction::~Transaction() {
  if (impl_) Impl::end(std::move(impl_));
}

std::size_t Transaction::pending_ops() const { return impl_->op_count(); }

View Transaction::view() const {
  View view;
  view.impl_ = impl_->clock ? std::make_shared<View::Impl>(*impl_->document, *impl_->clock)
                            : std::make_shared<View::Impl>(*impl_->document);
  return view;
}

std::optional<ChangeHash> Transaction::commit(const CommitOptions& options) {
  return impl_->commit_sealed(options);
}

bool Transaction::commit_unsealed(const CommitOptions& options) {
  return impl_->commit_unsealed(options);
}

void Transaction::rollback() { impl_->rollback(); }

Transaction Document::transact() { return Transaction(Transaction::Impl::begin(*impl_)); }

Result<Transaction> Document::transact_at(const Heads& heads) {
  bool missing = false;
  const auto indices = sealed().indices_of(heads, &missing);
  if (missing) return Error{ErrorCode::kNotFound, "unknown heads"};
  return Transaction(Transaction::Impl::begin_at(*impl_, heads, impl_->graph.clock_of(indices)));
}

}  // namespace converge::engine
