#include "core/engine/document.h"

#include "core/base/assert.h"
#include "core/engine/document_impl.h"
#include "core/engine/view_impl.h"
#include "core/format/change.h"
#include "core/format/document.h"

#include <algorithm>
#include <charconv>
#include <unordered_set>

namespace converge::engine {

using crdt::ChangeIndex;
using model::ChangeHash;

Document::Document(model::ActorId actor) : impl_(std::make_unique<Impl>(std::move(actor))) {}
Document::Document(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;
Document::~Document() = default;

// ------------------------------------------------------------------------------- bytes in and out

Result<Document> Document::load(ByteView chunks, model::ActorId actor, const LoadOptions& options) {
  auto impl = std::make_unique<Impl>(std::move(actor));
  if (auto loaded = impl->load_stream(chunks, options); !loaded) return loaded.error();
  impl->shrink();
  return Document(std::move(impl));
}

Result<Document> Document::load(ByteView chunks, model::ActorId actor) {
  return load(chunks, std::move(actor), LoadOptions{});
}

Result<ApplyReport> Document::load_incremental(ByteView chunks) {
  ASSERT(!impl_->in_transaction);
  if (sealed().graph.size() > 0 || !impl_->orphans.empty()) return impl_->load_more(chunks, false);
  // Into nothing a document chunk can be loaded as it is, without going through its changes.
  auto fresh = std::make_unique<Impl>(impl_->actor);
  const auto loaded = fresh->load_leading_document(chunks);
  if (!loaded) return loaded.error();
  ApplyReport report;
  for (ChangeIndex i = 0; i < fresh->graph.size(); ++i) {
    report.applied.push_back(fresh->graph.hash(i));
  }
  auto more = fresh->load_more(chunks, *loaded);
  if (!more && report.applied.empty()) return more.error();
  if (!more) {
    report.damage = more.error();
  } else {
    report.applied.insert(report.applied.end(), more->applied.begin(), more->applied.end());
    report.queued = std::move(more->queued);
    report.damage = std::move(more->damage);
  }
  impl_ = std::move(fresh);
  return report;
}

Result<ApplyReport> Document::apply_changes(const std::vector<Bytes>& changes) {
  std::vector<model::ChangeEnvelope> batch;
  batch.reserve(changes.size());
  for (std::size_t i = 0; i < changes.size(); ++i) {
    auto change = format::open_change(changes[i]);
    if (!change) {
      return Error{change.error().code,
                   "change " + std::to_string(i) + ": " + change.error().message};
    }
    batch.push_back(std::move(*change));
  }
  return sealed().apply(std::move(batch));
}

Result<ApplyReport> Document::merge(const Document& other) {
  std::vector<ChangeHash> open = other.heads();
  std::unordered_set<ChangeHash, model::ChangeHashHasher> seen;
  std::vector<ChangeIndex> added;
  while (!open.empty()) {
    const ChangeHash hash = open.back();
    open.pop_back();
    if (has_change(hash) || !seen.insert(hash).second) continue;
    const ChangeIndex index = *other.impl_->graph.find(hash);
    added.push_back(index);
    for (const ChangeHash& dep : other.impl_->dep_hashes(index)) open.push_back(dep);
  }
  std::reverse(added.begin(), added.end());
  std::vector<model::ChangeEnvelope> batch;
  batch.reserve(added.size());
  for (const ChangeIndex index : added) {
    if (other.impl_->bodies.get(index).empty()) other.impl_->ensure_bodies();
    auto change =
        format::open_change_body(other.impl_->bodies.get(index), other.impl_->graph.hash(index));
    if (!change) return change.error();
    batch.push_back(std::move(*change));
  }
  return sealed().apply(std::move(batch));
}

Document Document::fork(model::ActorId actor) const {
  ASSERT(!impl_->in_transaction);
  return Document(sealed().copy(std::move(actor)));
}

Result<Document> Document::fork_at(const Heads& heads, model::ActorId actor) const {
  bool missing = false;
  const auto indices = sealed().indices_of(heads, &missing);
  if (missing) return Error{ErrorCode::kNotFound, "unknown heads"};
  const crdt::Clock clock = impl_->graph.clock_of(indices);
  std::vector<model::ChangeEnvelope> batch;
  for (ChangeIndex i = 0; i < impl_->graph.size(); ++i) {
    if (!impl_->graph.includes(clock, i)) continue;
    if (impl_->bodies.get(i).empty()) impl_->ensure_bodies();
    auto change = format::open_change_body(impl_->bodies.get(i), impl_->graph.hash(i));
    if (!change) return change.error();
    batch.push_back(std::move(*change));
  }
  Document out(std::move(actor));
  auto report = out.impl_->apply(std::move(batch));
  if (!report) return report.error();
  return out;
}

// ---------------------------------------------------------------------------------------- identity

const model::ActorId& Document::actor() const { return impl_->actor; }

void Document::set_actor(model::ActorId actor) {
  ASSERT(!impl_->in_transaction);
  impl_->actor = std::move(actor);
}

std::string Document::format_id(OpId id) const {
  if (id.is_none()) return "_root";
  return std::to_string(id.counter) + "@" + actor_of(id).to_hex();
}

std::optional<OpId> Document::parse_id(std::string_view text) const {
  if (text == "_root" || text == "_head") return model::kRoot;
  const std::size_t at = text.find('@');
  if (at == std::string_view::npos || at == 0) return std::nullopt;
  OpId id;
  const auto [end, error] = std::from_chars(text.data(), text.data() + at, id.counter);
  if (error != std::errc() || end != text.data() + at || id.counter == 0) return std::nullopt;
  const auto actor = model::ActorId::from_hex(text.substr(at + 1));
  if (!actor) return std::nullopt;
  const auto index = impl_->ops.actors().find(*actor);
  if (!index) return std::nullopt;
  id.actor = *index;
  return id;
}

const model::ActorId& Document::actor_of(OpId id) const { return impl_->ops.actors().at(id.actor); }

// ------------------------------------------------------------------------------------------- views

View Document::now() const {
  View view;
  view.impl_ = std::make_shared<View::Impl>(*impl_);
  return view;
}

Result<View> Document::at(const Heads& heads) const {
  bool missing = false;
  const auto indices = sealed().indices_of(heads, &missing);
  if (missing) return Error{ErrorCode::kNotFound, "unknown heads"};
  if (!impl_->in_transaction && heads == this->heads()) return now();
  const crdt::ChangeGraph& graph = impl_->graph;
  View view;
  view.impl_ = std::make_shared<View::Impl>(*impl_, graph.op_clock(graph.clock_of(indices)));
  return view;
}

void Document::shrink() {
  ASSERT(!impl_->in_transaction);
  sealed().shrink();
  impl_->bodies.clear();
}

std::size_t Document::memory_bytes() const {
  return sizeof(Impl) + impl_->ops.memory_bytes() + impl_->graph.memory_bytes() +
         impl_->bodies.memory_bytes() + impl_->unsealed.memory_bytes() + impl_->orphans.bytes();
}

void Document::check_invariants() const {
  sealed().graph.check_invariants();
  impl_->ops.check_invariants();
}

}  // namespace converge::engine
