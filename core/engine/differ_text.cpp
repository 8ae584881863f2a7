#include "core/engine/differ_parts.h"

#include <string>
#include <utility>

namespace converge::engine {

using crdt::Object;
using crdt::OpRecord;
using crdt::Piece;
using crdt::Place;
using crdt::Unit;

/// Tells the builder what became of the parts of one text, in order.
class TextDiff {
 public:
  TextDiff(const crdt::OpSet& ops, ObjId object, PatchBuilder& builder)
      : object_(object), builder_(builder), before_(ops), after_(ops) {}

  std::size_t index() const { return index_; }
  void move_to(std::size_t index) { index_ = index; }
  void mark_before(const OpRecord& mark) { before_.take(mark); }
  void mark_after(const OpRecord& mark) { after_.take(mark); }

  void stays(std::size_t width) {
    const MarkSet& was = before_.current();
    const MarkSet& is = after_.current();
    const std::size_t end = index_ + width;
    if (width > 0 && was != is) {
      for (const auto& [name, value] : is) {
        const auto old = was.find(name);
        if (old == was.end() || old->second != value) {
          builder_.mark(object_, name, value, index_, end);
        }
      }
      for (const auto& [name, value] : was) {
        if (!is.contains(name)) builder_.mark(object_, name, {}, index_, end);
      }
    }
    index_ = end;
  }
  /// Blocks are not marked.
  void block_stays(std::size_t width) { index_ += width; }
  void goes(std::size_t width) { builder_.erase(object_, index_, width); }
  void comes(std::size_t width, std::string_view text) {
    builder_.splice(object_, index_, width, text, after_.current());
    index_ += width;
  }
  void comes(Value block, std::size_t width) {
    builder_.insert(object_, index_, std::move(block), false);
    index_ += width;
  }

 private:
  ObjId object_;
  PatchBuilder& builder_;
  ActiveMarks before_;
  ActiveMarks after_;
  std::size_t index_ = 0;
};

void Differ::text_run(TextDiff& diff, const crdt::Span& span, std::uint32_t begin,
                      std::uint32_t end) {
  const Unit unit = to_unit(unit_);
  for_each_stretch(span, before_.clock(), after_.clock(), begin, end,
                   [&](std::uint32_t from, std::uint32_t to, bool was, bool is) {
                     const std::size_t width = crdt::text_metrics(to - from, span.width)[unit];
                     if (was && is) diff.stays(width);
                     if (was && !is) diff.goes(width);
                     if (was || !is) return;
                     diff.comes(width, ops_.content().view(span.content + from * span.width,
                                                           std::size_t{to - from} * span.width));
                   });
}

/// Old and new winner of one element, in the order of their ids.
void Differ::text_element(TextDiff& diff, const Object& object, const crdt::Register& ops) {
  const OpRecord* const was = ops_.winner(ops, before_.clock());
  const OpRecord* const is = ops_.winner(ops, after_.clock());
  const auto goes = [&] {
    if (is_mark(was)) return diff.mark_before(*was);
    if (was != nullptr) diff.goes(ops_.forest().measure(*was)[to_unit(unit_)]);
  };
  const auto comes = [&] {
    if (is_mark(is)) return diff.mark_after(*is);
    if (is != nullptr) text_comes(diff, object, ops, *is, exposes(Fate::kNew, *is));
  };
  if (was == is && is != nullptr && !is_mark(is)) {
    descend(object, *is, diff.index(), false);
    const std::size_t width = ops_.forest().measure(*is)[to_unit(unit_)];
    if (is->action == model::Action::kMakeMap) {
      diff.block_stays(width);
    } else {
      diff.stays(width);
    }
  } else if (was != nullptr && is != nullptr && ops_.actors().less(is->id, was->id)) {
    comes();
    goes();
  } else {
    goes();
    comes();
  }
}

void Differ::text_comes(TextDiff& diff, const Object& object, const crdt::Register& ops,
                        const OpRecord& op, bool exposed) {
  const std::size_t at = diff.index();
  if (op.action == model::Action::kMakeMap) {
    diff.comes(value_after(ops, op), ops_.forest().measure(op)[to_unit(unit_)]);
  } else {
    diff.comes(ops_.forest().measure(op)[to_unit(unit_)], shown_text(op));
  }
  descend(object, op, at, exposed);
}

std::string_view Differ::shown_text(const OpRecord& op) const {
  const model::ScalarRef value = ops_.value(op);
  const bool string = op.action == model::Action::kSet && value.is(model::ScalarType::kString);
  return string ? value.raw : kPlaceholder;
}

void Differ::text(const Object& object) {
  TextDiff diff(ops_, object.id, builder_);
  for_each_part(object,
                [&](const Place& at, std::uint32_t begin, std::uint32_t end, std::size_t index) {
                  diff.move_to(index);
                  const crdt::Span& span = ops_.forest().span(at);
                  if (span.is_text()) {
                    text_run(diff, span, begin, end);
                  } else {
                    text_element(diff, object, ops_.forest().record(span).ops);
                  }
                  return diff.index();
                });
}

void Differ::whole_text(const Object& object) {
  TextDiff diff(ops_, object.id, builder_);
  crdt::walk(ops_, ops_.objects().sequence(object), after_.clock(), [&](const Piece& piece) {
    if (piece.is_mark()) {
      diff.mark_after(*piece.winner);
      return true;
    }
    if (piece.is_text()) {
      diff.comes(
          crdt::measure(ops_, piece)[to_unit(unit_)],
          ops_.content().view(piece.content(), std::size_t{piece.count} * piece.span->width));
    } else {
      text_comes(diff, object, *piece.ops, *piece.winner, true);
    }
    return true;
  });
}

}  // namespace converge::engine
