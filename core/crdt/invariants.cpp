#include "core/base/assert.h"
#include "core/crdt/op_set.h"

#include <set>

namespace converge::crdt {
namespace {

/// The obvious test of automerge-format 6.5, element by element: keeps the path from HEAD to the
/// last element and the sibling that was left last.
class PreOrder {
 public:
  explicit PreOrder(const ActorTable& actors) : actors_(actors) {}

  bool accept(OpId id, OpId reference) {
    OpId sibling;
    while (!path_.empty() && path_.back() != reference) {
      sibling = path_.back();
      path_.pop_back();
    }
    if (path_.empty() && !reference.is_none()) return false;
    if (!sibling.is_none() && !actors_.less(id, sibling)) return false;
    if (!reference.is_none() && !actors_.less(reference, id)) return false;
    path_.push_back(id);
    return true;
  }

 private:
  const ActorTable& actors_;
  std::vector<OpId> path_;
};

void check_register(const OpSet& ops, const Register& reg) {
  std::uint32_t visible = 0;
  for (std::size_t i = 0; i < reg.size(); ++i) {
    ASSERT(i == 0 || ops.actors().less(reg[i - 1].id, reg[i].id));
    if (ops.successors().visible(reg[i])) ++visible;
    for (std::size_t k = 0; k < ops.successors().count(reg[i]); ++k) {
      ASSERT(ops.actors().less(reg[i].id, ops.successors().at(reg[i], k)));
      ASSERT(k == 0 ||
             ops.actors().less(ops.successors().at(reg[i], k - 1), ops.successors().at(reg[i], k)));
    }
    if (reg[i].makes_object()) {
      ASSERT(reg[i].extra < ops.objects().size());
      ASSERT(ops.objects().at(reg[i].extra).id == reg[i].id);
    }
  }
  ASSERT(visible == reg.visible);
  for (const OpRecord* op = reg.values_end(); op != reg.end(); ++op) {
    ASSERT(op->action == Action::kInc);
  }
  ASSERT(reg.values_end() == reg.begin() || (reg.values_end() - 1)->action != Action::kInc);
}

}  // namespace

void SequenceForest::check_invariants(const Sequence& sequence) const {
  if (sequence.empty()) {
    ASSERT(sequence.total == Metrics{});
    return;
  }
  PreOrder order(*actors_);
  Metrics total;
  std::uint32_t previous = kNone;
  for (std::uint32_t number = sequence.first_leaf; number != kNone;) {
    const Leaf& leaf = *leaves_[number];
    ASSERT(leaf.owner == sequence.owner);
    ASSERT(leaf.previous == previous);
    ASSERT(!leaf.spans.empty());
    ASSERT(leaf.spans.size() <= kLeafMax);
    total += metrics_of(number, true);
    for (std::size_t i = 0; i < leaf.spans.size(); ++i) {
      const Span& span = leaf.spans[i];
      ASSERT(i == 0 || !can_join(leaf.spans[i - 1], span));
      ASSERT(span.length > 0);
      ASSERT(span.is_text() || span.length == 1);
      for (std::uint32_t k = 0; k < span.length; ++k) {
        ASSERT(order.accept(span.id(k), k == 0 ? span.reference : span.id(k - 1)));
        const auto found = find(span.id(k));
        ASSERT(found && found->leaf == number && found->span == i && found->offset == k);
      }
      if (!span.is_text()) {
        const ElementRecord& record = records_[span.content];
        ASSERT(record.metrics == measure(record.ops));
        ASSERT(record.ops[0].id == span.first);
      }
    }
    for (std::uint32_t child = number, parent = leaf.parent, is_leaf = 1; parent != kNone;
         is_leaf = 0) {
      const Inner& inner = *inners_[parent];
      const std::size_t slot = slot_of(inner, child);
      ASSERT(inner.metrics[slot] == metrics_of(child, is_leaf != 0));
      ASSERT(inner.least[slot] == least_of(child, is_leaf != 0));
      child = parent;
      parent = inner.parent;
    }
    previous = number;
    number = leaf.next;
  }
  ASSERT(total == sequence.total);
  ASSERT(metrics_of(sequence.root, sequence.root_is_leaf) == total);
}

void OpSet::check_invariants() const {
  actors_.check_invariants();
  for (std::uint32_t number = 0; number < objects_.size(); ++number) {
    const Object& object = objects_.at(number);
    ASSERT(objects_.find(object.id) == number);
    ASSERT(object.parent <= number);
    if (is_sequence(object.type)) {
      const Sequence& sequence = objects_.sequence(object);
      forest_.check_invariants(sequence);
      std::uint32_t marks = 0;
      for (auto at = forest_.first(sequence); at; at = forest_.next_span(*at)) {
        const Span& span = forest_.span(*at);
        if (span.is_text()) continue;
        check_register(*this, forest_.record(span).ops);
        marks += forest_.record(span).ops[0].action == Action::kMark ? 1 : 0;
      }
      ASSERT(marks == sequence.marks);
      continue;
    }
    const MapObject& map = objects_.map(object);
    std::uint32_t visible = 0;
    std::set<KeyId> seen;
    for (const MapObject::Entry& entry : map.entries()) {
      ASSERT(seen.insert(entry.key).second);
      ASSERT(map.find(entry.key) == &entry);
      check_register(*this, entry.ops);
      visible += entry.ops.visible > 0 ? 1 : 0;
    }
    ASSERT(visible == map.visible_keys);
    ASSERT(map.sorted(keys_).size() == map.entries().size());
  }
}

}  // namespace converge::crdt
