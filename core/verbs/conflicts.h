#pragma once

#include "core/base/result.h"
#include "core/engine/document.h"
#include "core/verbs/edits.h"
#include "core/verbs/value.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace converge::verbs {

/// A register that shows several values.
struct Conflict {
  std::string id;  ///< "c-" and 12 hex digits: a hash of document id, object and key or element;
                   ///< the same on every replica and for as long as the conflict lasts
  engine::ObjId object;
  engine::Prop prop;
  std::string path;                   ///< JSON Pointer
  std::vector<engine::Value> values;  ///< winner first, then descending by op id: n = index + 1
};

/// Every conflict among the values the document shows (not inside losing values), in document
/// order. `document_id` is any text that names the document on every replica. Iterative; cost
/// O(document).
std::vector<Conflict> conflicts(const engine::Document& document, std::string_view document_id);

std::size_t count_conflicts(const engine::View& view);

/// The Conflict object (contract 8.3): kind, v, id, path, type, winner, values (n, value, change,
/// actor, author_time). The caller adds doc, name, state, since, and label and received_at of the
/// values.
Result<nlohmann::json> to_json(const engine::Document& document, const Conflict& conflict,
                               Form form = Form::kTyped);

enum class Rule : std::uint8_t { kMax, kMin, kUnion, kLongest, kNewestReceived };
/// max, min, union, longest, newest-received. Errors: usage.argument.
Result<Rule> parse_rule(std::string_view text);

/// Exactly one of pick, value, rule.
struct Resolution {
  std::optional<std::size_t> pick = {};   ///< n, from 1
  const nlohmann::json* value = nullptr;  ///< borrowed
  std::optional<Rule> rule = {};
  /// For newest-received: this replica's receipt number of a change; nothing when not known.
  std::function<std::optional<std::uint64_t>(const ChangeHash&)> receipt = {};
};

/// One change that leaves every named conflict with a single value. A picked value stays the value
/// it is (an object keeps its identity and later edits to it). `ids` may be prefixes of at least 4
/// digits, "c-" included.
/// Errors: conflict.not_found, usage.argument (pick beyond the values, a rule that cannot judge
/// these values), input.json.
Result<Outcome> resolve_conflicts(engine::Document& document, std::string_view document_id,
                                  const std::vector<std::string>& ids, const Resolution& resolution,
                                  const WriteOptions& options);

}  // namespace converge::verbs
