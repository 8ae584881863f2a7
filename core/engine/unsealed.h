#pragma once

#include "core/crdt/op_set.h"
#include "core/model/change.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace converge::engine {

/// Where the strings of one recorded run lie: in the document's content and key tables, which grow
/// and move, so the run's own views are only set when they are needed.
struct RunStrings {
  std::uint32_t content = 0;
  std::uint32_t bytes = 0;
  crdt::KeyId key = 0;
  crdt::KeyId mark_name = 0;
};

/// Sets the views of change.ops, one entry of `strings` for each run. Valid until the next edit.
void set_views(const crdt::OpSet& ops, std::span<const RunStrings> strings, model::Change& change);

/// The last local changes of a document, which are applied and stand in its graph but have neither
/// bytes nor hash yet. Typing on so pays for its edits alone, and whoever first asks for a hash
/// pays for sealing: Document::Impl::seal_all.
class UnsealedChanges {
 public:
  bool empty() const { return ends_.empty(); }
  std::size_t size() const { return ends_.size(); }
  /// What a transaction recorded: ops and preds in the document's actor indices.
  void add(const model::Change& recorded, std::span<const RunStrings> strings);
  /// Gives it back: ops and preds of the change and the strings are overwritten.
  void get(std::size_t number, model::Change& recorded, std::vector<RunStrings>& strings) const;
  void clear() { *this = UnsealedChanges(); }
  std::size_t memory_bytes() const;

 private:
  struct End {
    std::size_t ops = 0;
    std::size_t preds = 0;
  };

  std::vector<model::OpRun> ops_;
  std::vector<RunStrings> strings_;  ///< one for each of ops_
  std::vector<model::OpId> preds_;
  std::vector<End> ends_;  ///< of each change, in ops_ and preds_
};

}  // namespace converge::engine
