#include "tests/properties/reference_model.h"

#include "core/format/change.h"

#include <algorithm>
#include <stdexcept>

namespace converge::testing {

using model::Action;
using model::OpRun;
using nlohmann::json;

namespace {

std::size_t code_point_bytes(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  return lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

bool is_sequence(Action type) { return type == Action::kMakeList || type == Action::kMakeText; }

bool makes_object(Action action) {
  return action == Action::kMakeMap || is_sequence(action) || action == Action::kMakeTable;
}

}  // namespace

void ReferenceModel::add(const Bytes& chunk) {
  const auto change = format::decode_change(chunk);
  if (!change) throw std::runtime_error(change.error().message);
  const auto plain = [&](model::OpId id) {
    if (id.is_none()) return PlainId{};
    const model::ActorId& by = id.actor == 0 ? change->actor : change->other_actors[id.actor - 1];
    return PlainId{id.counter, by.to_hex()};
  };
  std::uint32_t counter = change->start_op;
  for (const OpRun& run : change->ops) {
    std::string_view text = run.text;
    for (std::uint32_t i = 0; i < run.count; ++i, ++counter) {
      PlainOp op;
      op.id = {counter, change->actor.to_hex()};
      op.object = plain(run.object);
      op.in_map = run.key.is_map;
      op.key = std::string(run.key.name);
      op.element = plain(run.key.element);
      op.insert = run.insert;
      op.action = run.action;
      op.value = model::Scalar(run.value);
      if (run.shape == OpRun::Shape::kText) {
        if (i > 0) op.element = {counter - 1, op.id.actor};
        const std::size_t bytes = code_point_bytes(text);
        op.insert = true;
        op.action = Action::kSet;
        op.value = model::Scalar::string(text.substr(0, bytes));
        text.remove_prefix(bytes);
      } else if (run.shape == OpRun::Shape::kDelete) {
        op.insert = false;
        op.action = Action::kDel;
        op.element.counter += i * static_cast<std::uint32_t>(std::int32_t{run.step});
        op.preds.insert(op.element);
      } else {
        for (std::uint32_t k = 0; k < run.pred_count; ++k) {
          op.preds.insert(plain(change->preds[run.pred_begin + k]));
        }
      }
      ops_.push_back(std::move(op));
      change_of_.push_back(change->hash);
    }
  }
  index();
}

void ReferenceModel::index() {
  successors_.clear();
  for (const PlainOp& op : ops_) {
    for (const PlainId& pred : op.preds) successors_.emplace(pred, &op);
  }
}

json ReferenceModel::read_at(const std::set<model::ChangeHash>& changes) const {
  ReferenceModel then;
  for (std::size_t i = 0; i < ops_.size(); ++i) {
    if (changes.contains(change_of_[i])) then.ops_.push_back(ops_[i]);
  }
  then.index();
  return then.read();
}

bool ReferenceModel::visible(const PlainOp& op) const {
  if (op.action == Action::kDel || op.action == Action::kInc) return false;
  const bool counter = op.action == Action::kSet && op.value.ref().is(model::ScalarType::kCounter);
  const auto [begin, end] = successors_.equal_range(op.id);
  return std::all_of(begin, end, [&](const auto& entry) {
    return counter && entry.second->action == Action::kInc;
  });
}

json ReferenceModel::value_of(const PlainOp& op) const {
  if (makes_object(op.action)) return read_object(op.id, op.action);
  const model::ScalarRef value = op.value.ref();
  if (value.is(model::ScalarType::kCounter)) {
    std::int64_t sum = value.as_int();
    const auto [begin, end] = successors_.equal_range(op.id);
    for (auto it = begin; it != end; ++it) sum += it->second->value.ref().as_int();
    return sum;
  }
  return {{"type", value.type}, {"raw", to_hex(as_bytes(value.raw))}};
}

json ReferenceModel::register_value(std::vector<const PlainOp*> ops) const {
  std::sort(ops.begin(), ops.end(),
            [](const PlainOp* a, const PlainOp* b) { return a->id < b->id; });
  json values = json::array();
  for (const PlainOp* const op : ops) {
    if (visible(*op)) values.push_back(value_of(*op));
  }
  if (values.empty()) return nullptr;
  return values.size() == 1 ? values[0] : json{{"conflict", values}};
}

void ReferenceModel::add_children(const PlainId& object, const PlainId& parent,
                                  std::vector<PlainId>& out) const {
  std::vector<PlainId> children;
  for (const PlainOp& op : ops_) {
    if (op.insert && op.object == object && op.element == parent) children.push_back(op.id);
  }
  std::sort(children.rbegin(), children.rend());
  for (const PlainId& child : children) {
    out.push_back(child);
    add_children(object, child, out);
  }
}

std::vector<PlainId> ReferenceModel::elements(const PlainId& object) const {
  std::vector<PlainId> out;
  add_children(object, PlainId{}, out);
  return out;
}

json ReferenceModel::read_object(const PlainId& object, Action type) const {
  std::map<std::string, std::vector<const PlainOp*>> by_key;
  std::map<PlainId, std::vector<const PlainOp*>> by_element;
  for (const PlainOp& op : ops_) {
    if (op.object != object) continue;
    if (op.in_map) {
      by_key[op.key].push_back(&op);
    } else if (op.action != Action::kMark) {
      by_element[op.insert ? op.id : op.element].push_back(&op);
    }
  }
  if (!is_sequence(type)) {
    json out = json::object();
    for (const auto& [key, ops] : by_key) {
      json value = register_value(ops);
      if (!value.is_null()) out[key] = std::move(value);
    }
    return out;
  }
  json out = json::array();
  for (const PlainId& element : elements(object)) {
    json value = register_value(by_element[element]);
    if (!value.is_null()) out.push_back(std::move(value));
  }
  return out;
}

}  // namespace converge::testing
