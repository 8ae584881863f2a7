#pragma once

#include "core/engine/active_marks.h"
#include "core/engine/patch.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace converge::engine {

/// Collects patches and joins each with the one before where both say one thing: neighbouring
/// inserts, splices with equal marks, deletes at one place, marks that go on (automerge-format 8).
/// Expects what a walk from the start to the end of an object finds, indices never falling.
class PatchBuilder {
 public:
  /// The object stands at `at` in its parent, which was told of before unless it is the root.
  void reached(ObjId object, ObjId parent, Prop at);

  void put(ObjId object, Prop at, Value value, bool conflict);
  void insert(ObjId list, std::size_t index, Value value, bool conflict);
  /// `units`: how long the text is in the unit of the indices.
  void splice(ObjId text, std::size_t index, std::size_t units, std::string_view inserted,
              const MarkSet& marks);
  /// Nothing when length is 0.
  void erase(ObjId sequence, std::size_t index, std::size_t length);
  void erase_key(ObjId map, std::string_view name);
  void increment(ObjId object, Prop at, std::int64_t amount);
  void conflict(ObjId object, Prop at);
  /// A null `value`: the mark went away.
  void mark(ObjId text, std::string_view name, model::ScalarRef value, std::size_t start,
            std::size_t end);

  Patches finish() { return std::move(out_); }

 private:
  /// The last patch, if it is of that kind and on that object.
  template <class Action>
  Action* last_of(ObjId object);
  template <class Action>
  void add(ObjId object, Action action);

  Patches out_;
  std::size_t splice_end_ = 0;  ///< behind the last patch, if that is a splice
};

}  // namespace converge::engine
