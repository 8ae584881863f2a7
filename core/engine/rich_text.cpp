#include "core/engine/active_marks.h"
#include "core/engine/reader.h"
#include "core/engine/view_impl.h"

#include <algorithm>
#include <map>

namespace converge::engine {

using crdt::Object;
using crdt::Piece;

namespace {

constexpr std::string_view kPlaceholder = "\xef\xbf\xbc";

const Object* text_object(const Reader& reader, ObjId id) {
  const Object* const object = reader.object(id);
  return object != nullptr && crdt::is_sequence(object->type) ? object : nullptr;
}

/// Collects mark ranges while the walk tells where the set of marks changes.
class MarkRanges {
 public:
  void at(std::size_t position, const MarkSet& now) {
    for (auto it = open_.begin(); it != open_.end();) {
      const auto found = now.find(it->first);
      if (found != now.end() && found->second == it->second.value) {
        ++it;
        continue;
      }
      close(it->first, it->second, position);
      it = open_.erase(it);
    }
    for (const auto& [name, value] : now) {
      if (!open_.contains(name)) open_.emplace(name, Open{value, position});
    }
  }

  std::vector<Mark> finish(std::size_t position) {
    at(position, {});
    std::vector<Mark> out;
    for (auto& [name, marks] : done_) {
      for (Mark& mark : marks) out.push_back(std::move(mark));
    }
    return out;
  }

 private:
  struct Open {
    model::ScalarRef value;
    std::size_t start;
  };

  void close(std::string_view name, const Open& open, std::size_t end) {
    if (open.start == end) return;
    done_[name].push_back({std::string(name), model::Scalar(open.value), open.start, end});
  }

  std::map<std::string_view, Open> open_;
  std::map<std::string_view, std::vector<Mark>> done_;
};

}  // namespace

std::vector<Mark> View::marks(ObjId id, TextUnit unit) const {
  const Reader reader = impl_->reader();
  const Object* const object = text_object(reader, id);
  if (object == nullptr) return {};
  const crdt::OpSet& ops = reader.ops();
  ActiveMarks active(ops);
  MarkRanges ranges;
  std::size_t position = 0;
  bool changed = false;
  crdt::walk(ops, ops.objects().sequence(*object), reader.clock(), [&](const Piece& piece) {
    if (piece.is_mark()) {
      active.take(*piece.winner);
      changed = true;
      return true;
    }
    const std::uint32_t wide = crdt::measure(ops, piece)[to_unit(unit)];
    if (wide > 0 && changed) {
      ranges.at(position, active.current());
      changed = false;
    }
    position += wide;
    return true;
  });
  return ranges.finish(position);
}

std::vector<Span> View::spans(ObjId id) const {
  const Reader reader = impl_->reader();
  const Object* const object = text_object(reader, id);
  std::vector<Span> out;
  if (object == nullptr) return out;
  const crdt::OpSet& ops = reader.ops();
  ActiveMarks active(ops);
  MarkSet current;
  bool changed = true;
  bool open = false;  // the last span of out may grow
  const auto add = [&](std::string_view text) {
    if (text.empty()) return;
    if (changed) {
      MarkSet now = active.current();
      open = open && now == current;
      current = std::move(now);
      changed = false;
    }
    if (!open) {
      Span& span = out.emplace_back();
      for (const auto& [name, value] : current) {
        span.marks.emplace_back(std::string(name), model::Scalar(value));
      }
      open = true;
    }
    out.back().text += text;
  };
  crdt::walk(ops, ops.objects().sequence(*object), reader.clock(), [&](const Piece& piece) {
    if (piece.is_mark()) {
      active.take(*piece.winner);
      changed = true;
    } else if (piece.is_text()) {
      add(ops.content().view(piece.content(), std::size_t{piece.count} * piece.span->width));
    } else if (piece.winner->action == model::Action::kMakeMap) {
      out.emplace_back().block = piece.winner->id;
      open = false;
    } else {
      const model::ScalarRef value = ops.value(*piece.winner);
      const bool string =
          piece.winner->action == model::Action::kSet && value.is(model::ScalarType::kString);
      add(string ? value.raw : kPlaceholder);
    }
    return true;
  });
  return out;
}

}  // namespace converge::engine
