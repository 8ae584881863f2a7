#include "core/crdt/change_table.h"

#include "core/base/assert.h"

#include <algorithm>

namespace converge::crdt {
namespace {

/// The change `count` places behind one, if the row goes on.
ChangeNode advanced(const ChangeNode& node, std::uint32_t count) {
  return {node.actor, node.seq + count, node.start_op + count * node.op_count, node.op_count};
}

bool same(const ChangeNode& a, const ChangeNode& b) {
  return a.actor == b.actor && a.seq == b.seq && a.start_op == b.start_op &&
         a.op_count == b.op_count;
}

}  // namespace

// ---------------------------------------------------------------------------------------- reading

ChangeNode ChangeTable::at(ChangeIndex change) const {
  DEBUG_ASSERT(change < size_);
  const Stretch* const stretch = find(stretches_, finger_, change);
  return advanced(stretch->node, change - stretch->first);
}

std::int64_t ChangeTable::time(ChangeIndex change) const {
  return find(times_, time_finger_, change)->time;
}

std::uint32_t ChangeTable::deps_count(ChangeIndex change) const {
  const Deps* const other = other_deps(change);
  if (other == nullptr) return change > 0 ? 1 : 0;
  return other->count;
}

std::string_view ChangeTable::text(const Texts& texts, ChangeIndex change) {
  const auto at = std::lower_bound(
      texts.entries.begin(), texts.entries.end(), change,
      [](const Texts::Entry& entry, ChangeIndex wanted) { return entry.first < wanted; });
  if (at == texts.entries.end() || at->first != change) return {};
  const std::uint32_t begin = at == texts.entries.begin() ? 0 : (at - 1)->end;
  return std::string_view(texts.bytes).substr(begin, at->end - begin);
}

// --------------------------------------------------------------------------------------- changing

void ChangeTable::add_text(Texts& texts, ChangeIndex change, std::string_view text) {
  texts.bytes += text;
  texts.entries.push_back({change, static_cast<std::uint32_t>(texts.bytes.size())});
}

void ChangeTable::add_node(const ChangeNode& node) {
  const auto index = static_cast<ChangeIndex>(size_++);
  if (!stretches_.empty()) {
    const Stretch& last = stretches_.back();
    if (same(advanced(last.node, index - last.first), node)) return;
  }
  stretches_.push_back({index, node});
}

void ChangeTable::add(const NewChange& change) {
  const auto index = static_cast<ChangeIndex>(size_);
  add_node({change.actor, change.seq, change.start_op, change.op_count});
  if (times_.empty() || times_.back().time != change.time) times_.push_back({index, change.time});
  const bool follows =
      index == 0 ? change.deps.empty() : change.deps.size() == 1 && change.deps[0] + 1 == index;
  if (!follows) {
    std::vector<ChangeIndex>& deps = rare().deps;
    rare().other_deps.push_back({index, static_cast<std::uint32_t>(deps.size()),
                                 static_cast<std::uint32_t>(change.deps.size())});
    deps.insert(deps.end(), change.deps.begin(), change.deps.end());
  }
  if (!change.message.empty()) add_text(rare().messages, index, change.message);
  if (!change.extra.empty()) add_text(rare().extras, index, change.extra);
}

void ChangeTable::truncate(Texts& texts, std::size_t size) {
  while (!texts.entries.empty() && texts.entries.back().first >= size) texts.entries.pop_back();
  texts.bytes.resize(texts.entries.empty() ? 0 : texts.entries.back().end);
}

void ChangeTable::truncate(std::size_t size) {
  size_ = size;
  while (!stretches_.empty() && stretches_.back().first >= size) stretches_.pop_back();
  while (!times_.empty() && times_.back().first >= size) times_.pop_back();
  if (rare_ == nullptr) return;
  while (!rare_->other_deps.empty() && rare_->other_deps.back().first >= size) {
    rare_->deps.resize(rare_->other_deps.back().begin);
    rare_->other_deps.pop_back();
  }
  truncate(rare_->messages, size);
  truncate(rare_->extras, size);
}

ChangeTable::Rare& ChangeTable::rare() {
  if (rare_ == nullptr) rare_ = std::make_unique<Rare>();
  return *rare_;
}

void ChangeTable::shrink() {
  stretches_.shrink_to_fit();
  times_.shrink_to_fit();
  if (rare_ == nullptr) return;
  rare_->other_deps.shrink_to_fit();
  rare_->deps.shrink_to_fit();
  for (Texts* const texts : {&rare_->messages, &rare_->extras}) {
    texts->entries.shrink_to_fit();
    texts->bytes.shrink_to_fit();
  }
}

void ChangeTable::set_start_ops(std::span<const std::uint32_t> start_ops) {
  ASSERT(start_ops.size() == size_);
  const auto matches = [&](ChangeIndex change) { return at(change).start_op == start_ops[change]; };
  ChangeIndex first_wrong = 0;
  while (first_wrong < size_ && matches(first_wrong)) ++first_wrong;
  if (first_wrong == size_) return;

  const std::vector<Stretch> old = std::move(stretches_);
  stretches_.clear();
  size_ = 0;
  for (std::size_t s = 0; s < old.size(); ++s) {
    const std::size_t end = s + 1 < old.size() ? old[s + 1].first : start_ops.size();
    for (std::size_t i = old[s].first; i < end; ++i) {
      ChangeNode node = advanced(old[s].node, static_cast<std::uint32_t>(i) - old[s].first);
      node.op_count = node.max_op() + 1 - start_ops[i];
      node.start_op = start_ops[i];
      add_node(node);
    }
  }
}

// ------------------------------------------------------------------------------------- invariants

void ChangeTable::check_invariants() const {
  ASSERT(stretches_.empty() == (size_ == 0));
  for (std::size_t s = 0; s < stretches_.size(); ++s) {
    const Stretch& stretch = stretches_[s];
    ASSERT(stretch.first < size_);
    if (s == 0) {
      ASSERT(stretch.first == 0);
      continue;
    }
    const Stretch& before = stretches_[s - 1];
    ASSERT(before.first < stretch.first);
    ASSERT(!same(advanced(before.node, stretch.first - before.first), stretch.node));
  }
  for (std::size_t i = 1; i < times_.size(); ++i) {
    ASSERT(times_[i - 1].first < times_[i].first);
    ASSERT(times_[i - 1].time != times_[i].time);
  }
  for (std::size_t i = 1; rare_ != nullptr && i < rare_->other_deps.size(); ++i) {
    ASSERT(rare_->other_deps[i - 1].first < rare_->other_deps[i].first);
  }
}

std::size_t ChangeTable::memory_bytes() const {
  const std::size_t common =
      stretches_.capacity() * sizeof(Stretch) + times_.capacity() * sizeof(Time);
  if (rare_ == nullptr) return common;
  const Rare& rare = *rare_;
  return common + sizeof(Rare) + rare.other_deps.capacity() * sizeof(Deps) +
         rare.deps.capacity() * sizeof(ChangeIndex) +
         (rare.messages.entries.capacity() + rare.extras.entries.capacity()) *
             sizeof(Texts::Entry) +
         rare.messages.bytes.capacity() + rare.extras.bytes.capacity();
}

}  // namespace converge::crdt
