#include "core/engine/operations.h"

#include "core/base/assert.h"
#include "core/format/change.h"

#include <string>
#include <utility>

namespace converge::engine {
namespace {

/// Maps the ids of one change (actor 0 is its author, 1.. the others) to those of the document.
class IdMap {
 public:
  IdMap(const Document& document, const model::Change& change) {
    add(document, change.actor);
    for (const auto& actor : change.other_actors) add(document, actor);
  }

  OpId operator()(OpId id) const {
    if (id.is_none()) return id;
    return {id.counter, actors_[id.actor]};
  }

 private:
  void add(const Document& document, const ActorId& actor) {
    const auto id = document.parse_id("1@" + actor.to_hex());
    ASSERT(id.has_value());  // every actor of an applied change is known
    actors_.push_back(id->actor);
  }

  std::vector<model::ActorIndex> actors_;
};

Operation describe(const model::Change& change, const model::OpRun& run, OpId id,
                   const IdMap& mapped) {
  Operation out;
  out.id = id;
  out.count = run.count;
  out.action = run.action;
  out.object = mapped(run.object);
  out.insert = run.insert;
  out.expand = run.expand;
  out.step = run.step;
  out.mark_name = run.mark_name;
  if (run.key.is_map)
    out.key = run.key.name;
  else
    out.element = mapped(run.key.element);
  if (run.shape == model::OpRun::Shape::kText) {
    out.value = model::ScalarRef{static_cast<std::uint8_t>(ScalarType::kString), run.text};
  } else if (run.action == model::Action::kSet || run.action == model::Action::kInc ||
             (run.action == model::Action::kMark && run.mark_name)) {
    out.value = run.value;
  }
  if (run.shape == model::OpRun::Shape::kSingle)
    for (std::uint32_t i = 0; i < run.pred_count; ++i)
      out.preds.push_back(mapped(change.preds[run.pred_begin + i]));
  return out;
}

}  // namespace

Result<void> for_each_operation(const Document& document, const ChangeHash& hash,
                                const std::function<void(const Operation&)>& f) {
  const auto bytes = document.change_bytes(hash);
  if (!bytes || !document.has_change(hash))
    return Error{ErrorCode::kNotFound, "the document has no change " + hash.to_hex()};
  const auto change = format::decode_change(*bytes);
  if (!change) return change.error();
  const IdMap mapped(document, *change);
  OpId id = mapped({change->start_op, 0});
  for (const auto& run : change->ops) {
    f(describe(*change, run, id, mapped));
    id.counter += run.count;
  }
  return {};
}

}  // namespace converge::engine
