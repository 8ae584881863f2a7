#pragma once

#include "core/crdt/actor_table.h"
#include "core/crdt/content.h"
#include "core/crdt/id_index.h"
#include "core/crdt/register.h"
#include "core/model/ids.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace converge::crdt {

/// What a sequence can be measured in. kElements counts visible elements that are no marks; the
/// other three are the widths of automerge-format 6.7.
enum class Unit : std::uint8_t { kElements, kUtf8Bytes, kCodePoints, kUtf16Units };

struct Metrics {
  std::array<std::uint32_t, 4> by_unit{};

  std::uint32_t operator[](Unit unit) const { return by_unit[static_cast<std::size_t>(unit)]; }
  Metrics& operator+=(const Metrics& o) {
    for (std::size_t i = 0; i < by_unit.size(); ++i) by_unit[i] += o.by_unit[i];
    return *this;
  }
  /// Differences wrap, so that adding one with `-` inside works too.
  Metrics& operator-=(const Metrics& o) {
    for (std::size_t i = 0; i < by_unit.size(); ++i) by_unit[i] -= o.by_unit[i];
    return *this;
  }
  bool operator==(const Metrics&) const = default;
};

/// Metrics of `length` visible code points of `width` UTF-8 bytes each.
inline Metrics text_metrics(std::uint32_t length, std::uint32_t width) {
  return {{length, length * width, length, width == 4 ? length * 2 : length}};
}

/// A maximal run of elements with consecutive ids of one actor, each after the first inserted
/// behind the one before it, in one state: a text run, or one irregular element.
///
/// Text run: elements of one code point each, all of `width` UTF-8 bytes, contiguous in the content
/// buffer; either all visible, or each deleted by exactly one op, ids `deleter + i * step`.
/// Irregular (width 0): length 1; anything else an element can be (numbers, objects, marks, longer
/// strings, overwritten, deleted twice). `content` is the number of its record.
struct Span {
  OpId first;
  OpId reference;  ///< what the first element was inserted behind; kHead possible
  OpId deleter;    ///< none: visible
  std::uint32_t length = 0;
  std::uint32_t content = 0;
  std::uint8_t width = 0;
  std::int8_t step = 1;

  bool is_text() const { return width != 0; }
  OpId id(std::uint32_t offset) const { return {first.counter + offset, first.actor}; }
  OpId deleter_of(std::uint32_t offset) const {
    return {deleter.counter + offset * static_cast<std::uint32_t>(std::int32_t{step}),
            deleter.actor};
  }
  bool holds(OpId wanted) const {
    return wanted.actor == first.actor && wanted.counter - first.counter < length;
  }
  /// The part [offset, offset + count). REQUIRES: a text run, or the whole.
  Span slice(std::uint32_t offset, std::uint32_t count) const;
};

/// The side record of an irregular element.
struct ElementRecord {
  Register ops;     ///< the insert op first
  Metrics metrics;  ///< what the element adds to its sequence now
};

/// A list's or text's elements, tombstones included, in order: the root of a B+tree of spans in a
/// SequenceForest.
struct Sequence {
  std::uint32_t root = 0xffffffffu;
  std::uint32_t first_leaf = 0xffffffffu;
  std::uint32_t owner = 0;  ///< object number
  std::uint32_t marks = 0;  ///< mark elements, visible or not
  bool root_is_leaf = true;
  Metrics total;

  bool empty() const { return first_leaf == 0xffffffffu; }
};

/// An element's place. Valid until the next change of its sequence.
struct Place {
  std::uint32_t leaf = 0;
  std::uint32_t span = 0;
  std::uint32_t offset = 0;
};

/// The trees of all sequences of one document. Leaves hold up to kLeafMax spans and are linked in
/// order; inner nodes hold, per child, its metrics and its least element id. One tree so answers
/// every index unit, and the skip rule of insertion (automerge-format 6.5) passes whole subtrees
/// whose least id is greater than the new one.
///
/// Invariants (check_invariants): metrics and least ids are the recomputed ones; the id index finds
/// every element; neighbours inside a leaf that could be one span are one; references exist, are
/// smaller, and the order is that of automerge-format 6.5.
///
/// Costs: O(log spans) for find, index, insert and delete of a run; O(1) per span of a walk.
class SequenceForest {
 public:
  static constexpr std::size_t kLeafMax = 32;
  static constexpr std::size_t kInnerMax = 32;
  static constexpr std::uint32_t kNone = 0xffffffffu;

  SequenceForest(const ActorTable& actors, Successors& successors, Content& content)
      : actors_(&actors), successors_(&successors), content_(&content) {}

  // ------------------------------------------------------------------------------------- reading

  /// The element's place in whatever sequence it is; compare owner() when that matters.
  std::optional<Place> find(OpId element) const;
  std::uint32_t owner(const Place& at) const { return leaves_[at.leaf]->owner; }
  const Span& span(const Place& at) const { return leaves_[at.leaf]->spans[at.span]; }
  OpId element(const Place& at) const { return span(at).id(at.offset); }
  const ElementRecord& record(const Span& span) const { return records_[span.content]; }
  Metrics metrics(const Span& span) const;
  /// One of them: what looking for an index adds up.
  std::uint32_t width(const Span& span, Unit unit) const;
  /// Of one element of the span.
  Metrics element_metrics(const Span& span) const;

  /// The visible element that covers unit `index`, and the units before that element.
  /// REQUIRES: index < total[unit].
  struct Found {
    Place place;
    std::uint32_t start;
  };
  Found at(const Sequence& sequence, Unit unit, std::uint32_t index) const;
  /// Units of visible elements before the place.
  std::uint32_t index_of(const Place& at, Unit unit) const;

  std::optional<Place> first(const Sequence& sequence) const;
  /// Where the place's span stands among the spans of its sequence: a later one has a greater
  /// number. Valid as long as the place. O(log spans).
  std::uint64_t rank(const Place& at) const;
  /// The next span (offset 0).
  std::optional<Place> next_span(const Place& at) const;

  // ------------------------------------------------------------------------------------- editing

  /// Integrates a run of new elements behind `reference` (nothing: HEAD) by the skip rule.
  /// REQUIRES: run.reference is the id at `reference`; content or record exist.
  void insert(Sequence& sequence, const std::optional<Place>& reference, const Span& run);
  /// Turns one element into an irregular one if it is not yet, and returns its record's number.
  std::uint32_t make_irregular(Sequence& sequence, Place& at);
  /// Recomputes what an irregular element adds, after its register changed, and goes back to a text
  /// run where that can say the same.
  void refresh(Sequence& sequence, const Place& at);
  /// Marks `count` elements from the place on as deleted: element i by deleter + i * step.
  /// REQUIRES: inside one visible text span.
  void erase(Sequence& sequence, const Place& at, std::uint32_t count, OpId deleter,
             std::int8_t step);
  /// Makes `count` deleted elements of one text span visible again.
  void unerase(Sequence& sequence, const Place& at, std::uint32_t count);
  /// Takes elements out for good: only to undo an insertion nothing refers to.
  void remove(Sequence& sequence, const Place& at, std::uint32_t count);

  std::uint32_t new_record();
  void free_record(std::uint32_t number);
  ElementRecord& record(std::uint32_t number) { return records_[number]; }
  /// Metrics of the element whose register this is.
  Metrics measure(const Register& ops) const;
  /// Metrics of the element that shows this op.
  Metrics measure(const OpRecord& winner) const;

  // ---------------------------------------------------------------------------------- bulk loading

  /// Puts a span behind all others of the sequence, joining it with the last where that is
  /// possible. Aggregates and index are wrong until finish_loading.
  void append(Sequence& sequence, const Span& span);
  /// Builds the inner nodes over the appended leaves.
  void finish_loading(Sequence& sequence);
  /// The last span appended. REQUIRES: one.
  Span& last_span();

  void check_invariants(const Sequence& sequence) const;
  std::size_t memory_bytes() const;

 private:
  struct Leaf {
    std::uint32_t parent = kNone;
    std::uint32_t next = kNone;
    std::uint32_t previous = kNone;
    std::uint32_t owner = 0;
    std::vector<Span> spans;
  };
  struct Inner {
    std::uint32_t parent = kNone;
    std::uint16_t count = 0;
    bool above_leaves = true;
    std::array<std::uint32_t, kInnerMax> child;
    std::array<Metrics, kInnerMax> metrics;
    std::array<OpId, kInnerMax> least;
  };

  static bool can_join(const Span& left, const Span& right);
  static void join(Span& left, const Span& right);

  void replace(Sequence& sequence, std::uint32_t leaf, std::uint32_t at, std::uint32_t removed,
               const Span* pieces, std::size_t count);
  void split_leaf(Sequence& sequence, std::uint32_t leaf, std::size_t edited);
  void insert_child(Sequence& sequence, std::uint32_t parent, std::uint32_t left,
                    std::uint32_t right, bool leaves);
  void split_inner(Sequence& sequence, std::uint32_t inner);
  void new_root(Sequence& sequence, std::uint32_t left, std::uint32_t right, bool leaves);
  void remove_leaf(Sequence& sequence, std::uint32_t leaf);
  void drop_thin_root(Sequence& sequence);
  void remove_child(Sequence& sequence, std::uint32_t inner, std::size_t slot);
  void add_metrics(Sequence& sequence, std::uint32_t leaf, const Metrics& change);
  void lower_least(std::uint32_t leaf, OpId id);
  void refresh_least(std::uint32_t leaf);
  OpId least_of(std::uint32_t node, bool leaf) const;
  Metrics metrics_of(std::uint32_t node, bool leaf) const;
  std::size_t slot_of(const Inner& inner, std::uint32_t child) const;
  void set_parent(std::uint32_t child, bool leaf, std::uint32_t parent);

  /// Nothing when the index lies behind the leaf. REQUIRES: not before it.
  std::optional<Found> find_in_leaf(std::uint32_t leaf, std::uint32_t start, Unit unit,
                                    std::uint32_t index) const;
  /// The first span at or behind (leaf, span) whose first id is smaller than `id`; a position one
  /// past the last span of the last leaf when there is none.
  Place skip_greater(std::uint32_t leaf, std::uint32_t span, OpId id) const;

  std::uint32_t new_leaf();
  std::uint32_t new_inner();
  void build_index() const;
  void index_span(const Span& span, std::uint32_t leaf);

  const ActorTable* actors_;
  Successors* successors_;
  Content* content_;
  std::vector<std::unique_ptr<Leaf>> leaves_;
  std::vector<std::unique_ptr<Inner>> inners_;
  std::vector<std::uint32_t> free_leaves_;
  std::vector<std::uint32_t> free_inners_;
  std::vector<ElementRecord> records_;
  std::vector<std::uint32_t> free_records_;
  std::size_t spans_ = 0;
  std::uint32_t loading_leaf_ = kNone;

  /// Built at the first search: reading a document never needs it.
  mutable IdIndex index_;
  mutable bool index_built_ = true;
  /// Where the last search ended, which is where the next one begins: mostly it ends there too.
  struct Finger {
    std::uint32_t leaf = kNone;
    std::uint32_t span = 0;
  };
  mutable Finger finger_;
  /// Where the leaf of the last index search begins, in that search's unit: the next index is
  /// mostly in the same leaf. What is edited inside the leaf does not move its begin.
  struct LeafStart {
    std::uint32_t leaf = kNone;
    std::uint32_t index = 0;
    Unit unit = Unit::kElements;
  };
  mutable LeafStart leaf_start_;
};

}  // namespace converge::crdt
