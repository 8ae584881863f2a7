#pragma once

#include "core/crdt/actor_table.h"
#include "core/crdt/clock.h"
#include "core/model/change.h"
#include "core/model/ids.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace converge::crdt {

using model::Action;

/// One op that a register keeps: 32 bytes, trivially copyable. Deletes are never kept: they exist
/// as successors only.
struct OpRecord {
  enum Flag : std::uint8_t {
    kExpand = 1,   ///< marks
    kNamed = 2,    ///< begin marks: `extra` is the name's KeyId
    kSpilled = 4,  ///< succ.counter is an index into Successors
  };

  OpId id;
  OpId succ;  ///< the only successor, or none, or (kSpilled) where they are
  std::uint32_t value = 0;
  std::uint32_t value_size = 0;
  std::uint32_t extra = 0;  ///< make ops: object number; begin marks: KeyId of the name
  Action action = Action::kSet;
  std::uint8_t value_type = 0;
  std::uint8_t flags = 0;

  bool has(Flag flag) const { return (flags & flag) != 0; }
  bool makes_object() const {
    return action == Action::kMakeMap || action == Action::kMakeList ||
           action == Action::kMakeText || action == Action::kMakeTable;
  }
  bool is_counter() const { return action == Action::kSet && value_type == 8; }
};
static_assert(sizeof(OpRecord) == 36 || sizeof(OpRecord) == 32);

/// Successor lists of ops that have several, or that are counters with increments. Kept beside the
/// ops because nearly every op has none or one.
///
/// An increment hides a value that is no counter and adds to one that is (automerge-format 6.3), so
/// the list remembers how many successors hide and what the increments add up to.
///
/// Costs: O(1) for the ops with one successor or none, which is nearly all; for others a search in
/// their own list, and for a successor that is not the youngest moving those behind it.
class Successors {
 public:
  explicit Successors(const ActorTable& actors) : actors_(&actors) {}

  /// `increments`: the successor is an inc op that adds `amount`.
  void add(OpRecord& op, OpId succ, bool increments, std::int64_t amount);
  /// REQUIRES: succ is there.
  void remove(OpRecord& op, OpId succ, bool increments, std::int64_t amount);
  void clear(OpRecord& op);

  std::size_t count(const OpRecord& op) const;
  OpId at(const OpRecord& op, std::size_t index) const;
  bool contains(const OpRecord& op, OpId succ) const;

  /// Visible now: a value that nothing hides.
  bool visible(const OpRecord& op) const;
  /// What the increments known now add to a counter; 0 for anything else.
  std::int64_t increments(const OpRecord& op) const;
  std::size_t memory_bytes() const {
    return spills_.capacity() * sizeof(Spill) + ids_ * sizeof(OpId);
  }

 private:
  struct Spill {
    std::vector<OpId> ids;  ///< ascending
    std::uint32_t hiding = 0;
    std::int64_t sum = 0;
  };

  Spill& spill(OpRecord& op);
  /// Where the successor is in the list or would have to go.
  std::vector<OpId>::iterator place_of(Spill& list, OpId succ) const;
  const Spill& spilled(const OpRecord& op) const { return spills_[op.succ.counter]; }

  const ActorTable* actors_;
  std::vector<Spill> spills_;
  std::vector<std::uint32_t> free_;
  std::size_t ids_ = 0;
};

/// All ops ever written to one map key or list element, ascending by id; for a list element the
/// first is the insert. The first op lives inline; more move to the heap. `visible` counts the
/// visible ones, so that looking for them can stop early; and it starts in front of the increments
/// at the end, of which a counter may have thousands and none is ever a value.
class Register {
 public:
  Register() = default;
  Register(Register&& other) noexcept;
  Register& operator=(Register&& other) noexcept;
  Register(const Register&) = delete;
  Register& operator=(const Register&) = delete;
  ~Register();

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  OpRecord* begin() { return capacity_ == 0 ? &inline_ : heap_; }
  OpRecord* end() { return begin() + size_; }
  const OpRecord* begin() const { return capacity_ == 0 ? &inline_ : heap_; }
  const OpRecord* end() const { return begin() + size_; }
  /// Behind the last op that is no increment.
  const OpRecord* values_end() const { return end() - increments_; }
  const OpRecord& operator[](std::size_t index) const { return begin()[index]; }
  OpRecord& operator[](std::size_t index) { return begin()[index]; }

  /// Nothing (nullptr) when no op has that id. O(log size).
  OpRecord* find(OpId id, const ActorTable& actors);
  const OpRecord* find(OpId id, const ActorTable& actors) const;
  /// Keeps the order. The reference is valid until the next change of the register.
  OpRecord& insert(const OpRecord& op, const ActorTable& actors);
  /// REQUIRES: an op with that id.
  void erase(OpId id, const ActorTable& actors);

  std::uint32_t visible = 0;

  std::size_t heap_bytes() const { return capacity_ * sizeof(OpRecord); }

 private:
  std::size_t lower_bound(OpId id, const ActorTable& actors) const;

  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = 0;    ///< 0: inline
  std::uint32_t increments_ = 0;  ///< inc ops at the end
  union {
    OpRecord inline_{};
    OpRecord* heap_;
  };
};

}  // namespace converge::crdt
