#pragma once

#include "core/crdt/op_set.h"
#include "core/crdt/walk.h"
#include "core/engine/document.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace converge::engine {

crdt::Unit to_unit(TextUnit unit);
ObjType to_obj_type(crdt::ObjectType type);

/// One visible op of a register. `ops` and `record` are null for an element of a plain text run,
/// whose only op is its insert.
struct VisibleOp {
  OpId id;
  const crdt::Register* ops = nullptr;
  const crdt::OpRecord* record = nullptr;
  model::ScalarRef value;

  bool is_counter() const { return record != nullptr && record->is_counter(); }
  bool makes_object() const { return record != nullptr && record->makes_object(); }
};

/// Reads one OpSet at one clock; nullptr is the present. What View and Transaction share. Shares
/// the lifetime rules of View.
class Reader {
 public:
  Reader(const crdt::OpSet& ops, const crdt::Clock* clock) : ops_(ops), clock_(clock) {}

  const crdt::OpSet& ops() const { return ops_; }
  const crdt::Clock* clock() const { return clock_; }

  /// nullptr when there is no such object, or not yet at the clock.
  const crdt::Object* object(ObjId id) const;

  std::vector<VisibleOp> at_key(const crdt::Object& object, std::string_view key) const;
  /// `element` is the element that covers unit `index`; nothing when the sequence is shorter.
  struct Element {
    OpId id;
    crdt::Place place;
    std::size_t start = 0;  ///< units before it
    crdt::Metrics size;
  };
  std::optional<Element> element_at(const crdt::Object& object, crdt::Unit unit,
                                    std::size_t index) const;
  std::vector<VisibleOp> at_element(const crdt::Place& place) const;
  Value to_value(const VisibleOp& op) const;

  std::size_t length(const crdt::Object& object, crdt::Unit unit) const;
  /// Map keys that show a value.
  std::size_t key_count(const crdt::Object& object) const;
  /// Units of visible elements before the place.
  std::size_t index_of(const crdt::Object& object, const crdt::Place& place, crdt::Unit unit) const;

  /// automerge-format 6.9. REQUIRES: a sequence. Errors: kNotFound beyond the end.
  Result<OpId> insert_reference(const crdt::Object& object, std::size_t index,
                                crdt::Unit unit) const;

 private:
  OpId last_of_boundary(OpId candidate, std::optional<crdt::Place> behind) const;

  const crdt::OpSet& ops_;
  const crdt::Clock* clock_;
};

/// The unit of list and text indices in a Prop.
inline crdt::Unit index_unit(const crdt::Object& object) {
  return object.type == crdt::ObjectType::kText ? crdt::Unit::kUtf16Units : crdt::Unit::kElements;
}

}  // namespace converge::engine
