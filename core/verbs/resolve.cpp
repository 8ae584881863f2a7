#include "core/control/error_table.h"
#include "core/verbs/conflicts.h"
#include "core/verbs/edit_session.h"
#include "core/verbs/text_forms.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

namespace converge::verbs {
namespace {

using control::ErrorId;
using control::make_error;
using engine::ObjType;
using engine::Value;
using nlohmann::json;

constexpr std::size_t kIdPrefixMin = 6;  // "c-" and 4 digits

bool is_map(const Value& value) {
  return value.object && (*value.object == ObjType::kMap || *value.object == ObjType::kTable);
}

Error cannot_judge(const Conflict& conflict, const char* rule, const char* wanted) {
  return make_error(ErrorId::kUsageArgument,
                    fmt::format("the rule {} cannot judge {} at {}: it needs {}", rule, conflict.id,
                                conflict.path, wanted),
                    "use --pick N or --value VALUE");
}

/// A value on a scale: what max and min compare.
struct Rank {
  enum class Scale : std::uint8_t { kNumber, kTime, kString } scale = Scale::kNumber;
  long double number = 0;  // holds every i64, u64 and double exactly on x86; else nearly
  std::string text;
};

std::optional<Rank> rank_of(const engine::View& view, const Value& value) {
  if (value.object) {
    if (*value.object != ObjType::kText) return std::nullopt;
    return Rank{Rank::Scale::kString, 0, view.text(value.id)};
  }
  const ScalarRef ref = value.scalar.ref();
  switch (ref.kind()) {
    case ScalarType::kUint:
      return Rank{Rank::Scale::kNumber, static_cast<long double>(ref.as_uint()), {}};
    case ScalarType::kInt:
    case ScalarType::kCounter:
      return Rank{Rank::Scale::kNumber, static_cast<long double>(ref.as_int()), {}};
    case ScalarType::kFloat64:
      if (std::isnan(ref.as_float64())) return std::nullopt;
      return Rank{Rank::Scale::kNumber, static_cast<long double>(ref.as_float64()), {}};
    case ScalarType::kTimestamp:
      return Rank{Rank::Scale::kTime, static_cast<long double>(ref.as_int()), {}};
    case ScalarType::kString:
      return Rank{Rank::Scale::kString, 0, value.scalar.raw};
    default:
      return std::nullopt;
  }
}

/// Index of the extreme value; of equals the first, which is nearest to the winner.
Result<std::size_t> extreme(const engine::View& view, const Conflict& conflict, bool greatest) {
  std::optional<Rank> best;
  std::size_t best_index = 0;
  for (std::size_t i = 0; i < conflict.values.size(); ++i) {
    const auto rank = rank_of(view, conflict.values[i]);
    if (!rank || (best && rank->scale != best->scale))
      return cannot_judge(conflict, greatest ? "max" : "min",
                          "numbers only, times only or strings only");
    const auto key = [](const Rank& r) { return std::tie(r.number, r.text); };
    const bool better = best && (greatest ? key(*best) < key(*rank) : key(*rank) < key(*best));
    if (best && !better) continue;
    best = rank;
    best_index = i;
  }
  return best_index;
}

std::optional<std::size_t> length_of(const engine::View& view, const Value& value) {
  if (value.object) return view.length(value.id, engine::TextUnit::kCodePoints);
  if (value.scalar.ref().is(ScalarType::kString)) return count_code_points(value.scalar.raw);
  if (value.scalar.ref().is(ScalarType::kBytes)) return value.scalar.raw.size();
  return std::nullopt;
}

Result<std::size_t> longest(const engine::View& view, const Conflict& conflict) {
  std::size_t best = 0;
  std::size_t best_length = 0;
  for (std::size_t i = 0; i < conflict.values.size(); ++i) {
    const auto length = length_of(view, conflict.values[i]);
    if (!length) return cannot_judge(conflict, "longest", "text, strings, bytes, lists or maps");
    if (i > 0 && *length <= best_length) continue;
    best = i;
    best_length = *length;
  }
  return best;
}

Result<std::size_t> newest_received(const engine::Document& document, const Conflict& conflict,
                                    const Resolution& resolution) {
  std::optional<std::pair<std::uint64_t, std::size_t>> best;
  for (std::size_t i = 0; resolution.receipt && i < conflict.values.size(); ++i) {
    const auto change = document.change_of(conflict.values[i].id);
    const auto receipt = change ? resolution.receipt(*change) : std::nullopt;
    if (receipt && (!best || *receipt > best->first)) best = {*receipt, i};
  }
  if (!best)
    return cannot_judge(conflict, "newest-received", "a replica that knows when it received them");
  return best->second;
}

/// Adds what the losing lists and maps have and the kept one lacks.
class Union {
 public:
  Union(EditSession& session, const Conflict& conflict) : session_(session), conflict_(conflict) {}

  Result<void> run() {
    const Value& kept = conflict_.values.front();
    const bool lists = std::all_of(conflict_.values.begin(), conflict_.values.end(),
                                   [](const Value& v) { return v.object == ObjType::kList; });
    const bool maps = std::all_of(conflict_.values.begin(), conflict_.values.end(), is_map);
    if (!lists && !maps) return cannot_judge(conflict_, "union", "lists only or maps only");
    for (std::size_t i = 1; i < conflict_.values.size(); ++i) {
      const auto other = to_json(session_.view(), conflict_.values[i], {.form = Form::kInput});
      if (!other) return other.error();
      if (auto fine = check_writable(*other, conflict_.path); !fine) return fine;
      if (auto done = lists ? add_elements(kept, *other) : add_members(kept, *other); !done)
        return done;
    }
    return session_.edit().keep_only(conflict_.object, conflict_.prop, kept.id);
  }

 private:
  Result<void> add_elements(const Value& kept, const json& other) {
    const auto present = to_json(session_.view(), kept, {.form = Form::kInput});
    if (!present) return present.error();
    std::multiset<std::string> have;
    for (const auto& element : *present) have.insert(element.dump());
    std::size_t index = present->size();
    for (const auto& element : other) {
      if (const auto it = have.find(element.dump()); it != have.end()) {
        have.erase(it);  // an element that stands twice on one side stands twice in the union
        continue;
      }
      auto done = insert_part(session_.edit(), kept.id, index++, element, BareString::kText);
      if (!done) return done;
    }
    return {};
  }

  Result<void> add_members(const Value& kept, const json& other) {
    for (auto it = other.begin(); it != other.end(); ++it) {
      const std::string key(real_key(it.key()));
      if (session_.view().get(kept.id, key)) continue;
      auto done = put_part(session_.edit(), kept.id, key, *it, BareString::kText);
      if (!done) return done;
    }
    return {};
  }

  EditSession& session_;
  const Conflict& conflict_;
};

class Resolver {
 public:
  Resolver(const engine::Document& document, EditSession& session, const Resolution& resolution)
      : document_(document), session_(session), resolution_(resolution) {}

  Result<void> run(const Conflict& conflict) {
    session_.note("resolve " + conflict.path);
    if (resolution_.value != nullptr)
      return put_json(session_.edit(), conflict.object, conflict.prop, *resolution_.value);
    if (resolution_.rule == Rule::kUnion) return Union(session_, conflict).run();
    const auto index = choose(conflict);
    if (!index) return index.error();
    return session_.edit().keep_only(conflict.object, conflict.prop, conflict.values[*index].id);
  }

 private:
  Result<std::size_t> choose(const Conflict& conflict) {
    if (resolution_.pick) {
      if (*resolution_.pick >= 1 && *resolution_.pick <= conflict.values.size())
        return *resolution_.pick - 1;
      return make_error(ErrorId::kUsageArgument,
                        fmt::format("{} has the values 1 to {}, not {}", conflict.id,
                                    conflict.values.size(), *resolution_.pick));
    }
    const engine::View view = session_.view();
    switch (*resolution_.rule) {
      case Rule::kMax:
        return extreme(view, conflict, true);
      case Rule::kMin:
        return extreme(view, conflict, false);
      case Rule::kLongest:
        return longest(view, conflict);
      default:
        return newest_received(document_, conflict, resolution_);
    }
  }

  const engine::Document& document_;
  EditSession& session_;
  const Resolution& resolution_;
};

Result<std::vector<Conflict>> select(std::vector<Conflict> all,
                                     const std::vector<std::string>& ids) {
  std::set<std::size_t> chosen;
  for (const auto& id : ids) {
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < all.size(); ++i)
      if (all[i].id == id || (id.size() >= kIdPrefixMin && all[i].id.starts_with(id)))
        found.push_back(i);
    if (found.empty())
      return make_error(ErrorId::kConflictNotFound,
                        fmt::format("no open conflict is called \"{}\"", id),
                        "\"syncctl conflict ls\" lists them");
    if (found.size() > 1)
      return make_error(
          ErrorId::kConflictNotFound,
          fmt::format("\"{}\" could be {} or {}", id, all[found[0]].id, all[found[1]].id),
          "give more digits");
    chosen.insert(found.front());
  }
  std::vector<Conflict> out;
  for (const std::size_t index : chosen) out.push_back(std::move(all[index]));
  return out;
}

}  // namespace

Result<Rule> parse_rule(std::string_view text) {
  if (text == "max") return Rule::kMax;
  if (text == "min") return Rule::kMin;
  if (text == "union") return Rule::kUnion;
  if (text == "longest") return Rule::kLongest;
  if (text == "newest-received") return Rule::kNewestReceived;
  return make_error(ErrorId::kUsageArgument, fmt::format("\"{}\" is not a rule", text),
                    "rules are max, min, union, longest and newest-received");
}

Result<Outcome> resolve_conflicts(engine::Document& document, std::string_view document_id,
                                  const std::vector<std::string>& ids, const Resolution& resolution,
                                  const WriteOptions& options) {
  const int given =
      (resolution.pick ? 1 : 0) + (resolution.value != nullptr ? 1 : 0) + (resolution.rule ? 1 : 0);
  if (given != 1)
    return make_error(ErrorId::kUsageArgument,
                      "a resolution is exactly one of a pick, a value and a rule");
  if (resolution.value != nullptr)
    if (auto fine = check_writable(*resolution.value); !fine) return fine.error();
  WriteOptions present = options;
  present.base.reset();  // the conflicts are those of the present
  auto chosen = select(conflicts(document, document_id), ids);
  if (!chosen) return chosen.error();
  auto session = EditSession::begin(document, present);
  if (!session) return session.error();
  Resolver resolver(document, *session, resolution);
  for (const auto& conflict : *chosen)
    if (auto done = resolver.run(conflict); !done) return done.error();
  return session->finish();
}

}  // namespace converge::verbs
