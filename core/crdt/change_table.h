#pragma once

#include "core/model/ids.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace converge::crdt {

using model::ActorIndex;

/// Number of an applied change: its place in the order of application.
using ChangeIndex = std::uint32_t;

/// Which ops a change holds, and whose it is.
struct ChangeNode {
  ActorIndex actor = 0;
  std::uint32_t seq = 0;
  std::uint32_t start_op = 1;
  std::uint32_t op_count = 0;

  std::uint32_t max_op() const { return start_op + op_count - 1; }
};

/// What is known of each change of a document, by index, without a record for each: people write in
/// runs, so most changes follow from the one before. A *stretch* is a maximal row of changes of one
/// actor with one number of ops each, ids and sequence numbers counting on. Everything else is a
/// list of exceptions: where the time changes, deps that are not exactly the change before, texts
/// that are there.
///
/// Memory: 20 bytes a stretch, 16 a change of time, 12 and 4 a dep for other deps; nothing for a
/// change that only continues. Costs: O(log stretches) for any question, O(1) for one about the
/// same stretch as the last or the next one (loops over all changes).
class ChangeTable {
 public:
  std::size_t size() const { return size_; }
  ChangeNode at(ChangeIndex change) const;
  std::int64_t time(ChangeIndex change) const;
  std::string_view message(ChangeIndex change) const {
    return rare_ == nullptr ? std::string_view() : text(rare_->messages, change);
  }
  std::string_view extra(ChangeIndex change) const {
    return rare_ == nullptr ? std::string_view() : text(rare_->extras, change);
  }

  std::uint32_t deps_count(ChangeIndex change) const;
  /// f(ChangeIndex) for each dep, in the change's own order.
  template <class F>
  void for_each_dep(ChangeIndex change, F f) const {
    const Deps* const other = other_deps(change);
    if (other == nullptr) {
      if (change > 0) f(change - 1);
      return;
    }
    for (std::uint32_t i = 0; i < other->count; ++i) f(rare_->deps[other->begin + i]);
  }

  struct NewChange {
    ActorIndex actor = 0;
    std::uint32_t seq = 0;
    std::uint32_t start_op = 1;
    std::uint32_t op_count = 0;
    std::int64_t time = 0;
    std::string_view message;
    std::string_view extra;
    std::span<const ChangeIndex> deps;
  };
  void add(const NewChange& change);
  /// Takes back everything from `size` on.
  void truncate(std::size_t size);
  /// Exact start_ops, one a change, where some were only estimated. Each max_op stays.
  void set_start_ops(std::span<const std::uint32_t> start_ops);

  /// Gives back what growing left over.
  void shrink();

  void check_invariants() const;
  std::size_t memory_bytes() const;

 private:
  struct Stretch {
    ChangeIndex first;
    ChangeNode node;  ///< of the first change
  };
  struct Time {
    ChangeIndex first;
    std::int64_t time;
  };
  struct Deps {
    ChangeIndex first;  ///< of this change alone
    std::uint32_t begin;
    std::uint32_t count;
  };
  /// Texts of single changes, ascending by change.
  struct Texts {
    struct Entry {
      ChangeIndex first;
      std::uint32_t end;  ///< in bytes
    };
    std::vector<Entry> entries;
    std::string bytes;
  };

  /// What many a small document has nothing of.
  struct Rare {
    std::vector<Deps> other_deps;
    std::vector<ChangeIndex> deps;
    Texts messages;
    Texts extras;
    std::size_t finger = 0;  ///< of other_deps
  };

  /// The last entry that begins at or before the change; null when there is none. The finger
  /// remembers where it was.
  template <class Entry>
  static const Entry* find(const std::vector<Entry>& entries, std::size_t& finger,
                           ChangeIndex change);
  /// Null when the change depends on exactly the one before.
  const Deps* other_deps(ChangeIndex change) const {
    if (rare_ == nullptr) return nullptr;
    const Deps* const found = find(rare_->other_deps, rare_->finger, change);
    return found == nullptr || found->first != change ? nullptr : found;
  }
  Rare& rare();
  static std::string_view text(const Texts& texts, ChangeIndex change);
  static void add_text(Texts& texts, ChangeIndex change, std::string_view text);
  static void truncate(Texts& texts, std::size_t size);
  void add_node(const ChangeNode& node);

  std::size_t size_ = 0;
  std::vector<Stretch> stretches_;
  std::vector<Time> times_;     ///< the first change and wherever it differs from the one before
  std::unique_ptr<Rare> rare_;  ///< null while there is none of it
  mutable std::size_t finger_ = 0;
  mutable std::size_t time_finger_ = 0;
};

template <class Entry>
const Entry* ChangeTable::find(const std::vector<Entry>& entries, std::size_t& finger,
                               ChangeIndex change) {
  const auto covers = [&](std::size_t at) {
    return at < entries.size() && entries[at].first <= change &&
           (at + 1 == entries.size() || change < entries[at + 1].first);
  };
  if (!entries.empty() && entries.back().first <= change) return &entries.back();
  if (covers(finger)) return &entries[finger];
  if (covers(finger + 1)) return &entries[++finger];
  std::size_t low = 0;
  std::size_t high = entries.size();
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    if (entries[middle].first <= change) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == 0) return nullptr;
  finger = low - 1;
  return &entries[finger];
}

}  // namespace converge::crdt
