#pragma once

#include "core/base/bytes.h"
#include "core/model/change.h"
#include "core/model/ids.h"
#include "core/model/scalar.h"

#include <nlohmann/json.hpp>

#include <compare>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace converge::testing {

/// An op id that needs no table: counter, then actor bytes, is its order.
struct PlainId {
  std::uint32_t counter = 0;
  std::string actor;
  auto operator<=>(const PlainId&) const = default;
};

/// One op, spelled out.
struct PlainOp {
  PlainId id;
  PlainId object;
  bool in_map = false;
  std::string key;
  PlainId element;
  bool insert = false;
  model::Action action = model::Action::kSet;
  model::Scalar value;
  std::set<PlainId> preds;
};

/// The slow, obvious second opinion: a plain list of ops, and for every question a look at all of
/// them (automerge-format 6.2 to 6.7 as directly as it can be written). Knows nothing of runs,
/// trees, indices or caches.
class ReferenceModel {
 public:
  /// One type-1 chunk; order does not matter.
  void add(const Bytes& chunk);

  /// What a view shows: maps, lists, texts as strings, counters as numbers, and every register with
  /// several values as {"conflict": [values by id]}.
  nlohmann::json read() const { return read_object(PlainId{}, model::Action::kMakeMap); }
  /// The same, of these changes only.
  nlohmann::json read_at(const std::set<model::ChangeHash>& changes) const;

 private:
  bool visible(const PlainOp& op) const;
  nlohmann::json value_of(const PlainOp& op) const;
  nlohmann::json register_value(std::vector<const PlainOp*> ops) const;
  nlohmann::json read_object(const PlainId& object, model::Action type) const;
  std::vector<PlainId> elements(const PlainId& object) const;
  void add_children(const PlainId& object, const PlainId& parent, std::vector<PlainId>& out) const;

  std::vector<PlainOp> ops_;
  std::vector<model::ChangeHash> change_of_;  ///< of each op
  std::multimap<PlainId, const PlainOp*> successors_;
  void index();
};

}  // namespace converge::testing
