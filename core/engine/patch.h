#pragma once

#include "core/engine/document.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace converge::engine {

/// How one state of a document turns into another, as steps that a program that holds a plain copy
/// of the first state can follow one by one (automerge-format 8). Indices are those of the copy at
/// that step; text indices and lengths are in the unit asked for. A value that is an object arrives
/// empty; what is in it follows in later patches on that object.

/// A map key or list element got this value; it may have had another.
struct PutPatch {
  Prop at;
  Value value;
  bool conflict = false;  ///< the register shows more than this one
};

/// New elements from `index` on; in a text, block markers.
struct InsertPatch {
  struct Item {
    Value value;
    bool conflict = false;
  };
  std::size_t index = 0;
  std::vector<Item> items;
};

/// New text at `index`; `marks` by name are those that cover all of it.
struct SplicePatch {
  std::size_t index = 0;
  std::string text;
  std::vector<std::pair<std::string, model::Scalar>> marks;
};

/// A key went, or `length` elements or text units from an index on.
struct DeletePatch {
  Prop at;
  std::size_t length = 1;
};

struct IncrementPatch {
  Prop at;
  std::int64_t amount = 0;
};

/// The value stayed and is now one of several.
struct ConflictPatch {
  Prop at;
};

/// Text that stayed is marked differently; a null value: no longer.
struct MarkPatch {
  std::vector<Mark> marks;  ///< by name, then position
};

struct Patch {
  ObjId object;
  std::variant<PutPatch, InsertPatch, SplicePatch, DeletePatch, IncrementPatch, ConflictPatch,
               MarkPatch>
      action;
};

/// Patches in the order in which they apply, grouped by ascending object id. Paths are kept once an
/// object, not once a patch, so that deep documents cost what they hold.
class Patches {
 public:
  const std::vector<Patch>& all() const { return all_; }
  bool empty() const { return all_.empty(); }
  /// From the root to the object, in the state after. REQUIRES: a patch's object. O(depth).
  std::vector<Prop> path(ObjId object) const;

 private:
  friend class PatchBuilder;
  struct Step {
    ObjId parent;
    Prop at;
  };
  static std::uint64_t key(ObjId id) { return std::uint64_t{id.counter} << 32 | id.actor; }

  std::vector<Patch> all_;
  std::unordered_map<std::uint64_t, Step> steps_;  ///< every object on a path but the root
};

}  // namespace converge::engine
