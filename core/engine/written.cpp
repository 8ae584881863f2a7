#include "core/engine/written.h"

#include "core/base/assert.h"
#include "core/crdt/walk.h"
#include "core/format/change.h"

#include <algorithm>

namespace converge::engine {

using crdt::Place;
using model::OpId;
using model::OpRun;

namespace {

void add_run(const OpRun& run, OpId first, OpId target, WrittenPlaces& out) {
  if (run.shape == OpRun::Shape::kText) {
    out.elements.push_back({first, run.count});
  } else if (run.shape == OpRun::Shape::kDelete) {
    if (run.step < 0) target.counter -= run.count - 1;
    out.elements.push_back({target, run.count});
  } else {
    out.elements.push_back({run.insert ? first : target, 1});
  }
}

void add_change(const crdt::OpSet& ops, const model::Change& change, Written& out) {
  std::vector<model::ActorIndex> actor_of{*ops.actors().find(change.actor)};
  for (const auto& other : change.other_actors) actor_of.push_back(*ops.actors().find(other));
  const auto mapped = [&](OpId id) {
    return id.is_none() ? id : OpId{id.counter, actor_of[id.actor]};
  };
  OpId id{change.start_op, actor_of[0]};
  for (const OpRun& run : change.ops) {
    WrittenPlaces& places = out[ops.objects().find(mapped(run.object))];
    if (!run.key.is_map) {
      add_run(run, id, mapped(run.key.element), places);
    } else if (const auto key = ops.keys().find(run.key.name)) {
      places.keys.push_back(*key);
    }
    id.counter += run.count;
  }
}

}  // namespace

std::optional<Written> written_by(const crdt::OpSet& ops, const crdt::ChangeGraph& graph,
                                  const BodyStore& bodies,
                                  std::span<const crdt::ChangeIndex> changes) {
  Written out;
  for (const crdt::ChangeIndex index : changes) {
    const ByteView body = bodies.get(index);
    if (body.empty()) return std::nullopt;
    const auto change = format::decode_change_body(to_bytes(body), graph.hash(index));
    ASSERT(change.has_value());  // verified when it came, or written by us
    add_change(ops, *change, out);
  }
  return out;
}

WrittenSpans::WrittenSpans(const crdt::OpSet& ops, const std::vector<ElementRange>& elements,
                           const crdt::Clock* clock, crdt::Unit unit)
    : ops_(ops) {
  for (const ElementRange& range : elements) locate(range);
  std::sort(pieces_.begin(), pieces_.end(), [](const Piece& a, const Piece& b) {
    return a.rank != b.rank ? a.rank < b.rank : a.begin < b.begin;
  });
  std::size_t kept = 0;
  for (const Piece& piece : pieces_) {
    if (kept > 0 && pieces_[kept - 1].rank == piece.rank && piece.begin <= pieces_[kept - 1].end) {
      pieces_[kept - 1].end = std::max(pieces_[kept - 1].end, piece.end);
    } else {
      pieces_[kept++] = piece;
    }
  }
  pieces_.resize(kept);
  if (clock == nullptr) return;
  const auto units = [&](const Piece& piece, const crdt::Clock* at) -> std::size_t {
    const Place place{piece.place.leaf, piece.place.span, piece.begin};
    crdt::Piece visible = crdt::visible_piece(ops_, place, at);
    if (visible.is_text()) {
      const std::uint32_t from = visible.place.offset;
      visible.count = std::min(visible.count, piece.end > from ? piece.end - from : 0);
    }
    return visible.count == 0 ? 0 : crdt::measure(ops_, visible)[unit];
  };
  for (Piece& piece : pieces_) {
    piece.shift = shift_;
    shift_ += units(piece, clock) - units(piece, nullptr);
  }
}

void WrittenSpans::locate(ElementRange range) {
  const crdt::SequenceForest& forest = ops_.forest();
  while (range.count > 0) {
    const auto place = forest.find(range.first);
    ASSERT(place.has_value());
    const std::uint32_t count = std::min(range.count, forest.span(*place).length - place->offset);
    pieces_.push_back({forest.rank(*place),
                       {place->leaf, place->span, 0},
                       place->offset,
                       place->offset + count,
                       0});
    range.first.counter += count;
    range.count -= count;
  }
}

std::size_t WrittenSpans::shift_at(const Place& place) const {
  const std::uint64_t rank = ops_.forest().rank(place);
  const auto at = std::partition_point(pieces_.begin(), pieces_.end(), [&](const Piece& piece) {
    return piece.rank < rank || (piece.rank == rank && piece.begin < place.offset);
  });
  return at == pieces_.end() ? shift_ : at->shift;
}

}  // namespace converge::engine
