#include "core/verify/explain_ops.h"

#include "core/codec/utf8.h"
#include "core/verbs/operations.h"
#include "core/verbs/value.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace converge::verify {
namespace {

using model::Change;
using model::OpId;
using model::OpRun;
using nlohmann::json;

constexpr std::size_t kHexBytesMax = 64;

/// Writes the ids of one change; what they name may lie in changes that are not here.
class Namer {
 public:
  explicit Namer(const Change& change) {
    actors_.push_back(change.actor.to_hex());
    for (const ActorId& other : change.other_actors) actors_.push_back(other.to_hex());
  }
  std::string id(OpId id) const { return std::to_string(id.counter) + "@" + actors_[id.actor]; }
  std::string object(OpId object) const { return object.is_none() ? "_root" : id(object); }
  std::string element(OpId element) const { return element.is_none() ? "_head" : id(element); }

 private:
  std::vector<std::string> actors_;
};

json value_of(const model::ScalarRef& value) {
  if (value.is(ScalarType::kString)) return std::string(value.raw);
  return verbs::scalar_to_json(model::Scalar(value), verbs::Form::kTyped);
}

json preds_of(const Change& change, const OpRun& run, const Namer& name) {
  json out = json::array();
  if (run.shape == OpRun::Shape::kSingle)
    for (std::uint32_t i = 0; i < run.pred_count; ++i)
      out.push_back(name.id(change.preds[run.pred_begin + i]));
  if (run.shape == OpRun::Shape::kDelete) out.push_back(name.id(run.key.element));
  return out;
}

bool carries_value(const OpRun& run) {
  return run.action == model::Action::kSet || run.action == model::Action::kInc ||
         (run.action == model::Action::kMark && run.mark_name);
}

json operation_of(const Change& change, const OpRun& run, OpId id, const Namer& name) {
  json out = {{"id", name.id(id)},
              {"action", verbs::action_name(run.action)},
              {"object", name.object(run.object)},
              {"insert", run.insert},
              {"pred", preds_of(change, run, name)}};
  if (run.key.is_map)
    out["key"] = std::string(run.key.name);
  else
    out["element"] = name.element(run.key.element);
  if (run.shape == OpRun::Shape::kText)
    out["value"] = std::string(run.text);
  else if (carries_value(run))
    out["value"] = value_of(run.value);
  if (run.mark_name) out["mark"] = std::string(*run.mark_name);
  if (run.action == model::Action::kMark) out["expand"] = run.expand;
  if (run.count > 1) {
    out["count"] = run.count;
    if (run.shape == OpRun::Shape::kDelete) out["step"] = run.step;
  }
  return out;
}

}  // namespace

json operations_of(const Change& change) {
  const Namer name(change);
  json out = json::array();
  OpId id{change.start_op, 0};
  for (const OpRun& run : change.ops) {
    out.push_back(operation_of(change, run, id, name));
    id.counter += run.count;
  }
  return out;
}

json hashes_json(const std::vector<ChangeHash>& hashes) {
  json out = json::array();
  for (const ChangeHash& hash : hashes) out.push_back(hash.to_hex());
  return out;
}

std::string text_or_hex(std::string_view bytes) {
  if (codec::is_valid_utf8(bytes)) return std::string(bytes);
  return "hex:" + short_hex(as_bytes(bytes));
}

std::string short_hex(ByteView bytes) {
  const ByteView shown = bytes.first(std::min(bytes.size(), kHexBytesMax));
  return to_hex(shown) + (shown.size() < bytes.size() ? "..." : "");
}

}  // namespace converge::verify
