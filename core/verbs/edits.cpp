#include "core/verbs/edits.h"

#include "core/control/error_table.h"
#include "core/verbs/edit_session.h"
#include "core/verbs/text_forms.h"

#include <fmt/format.h>
#include <utf8.h>

#include <algorithm>
#include <utility>

namespace converge::verbs {
namespace {

using control::ErrorId;
using control::make_error;
using engine::ObjType;
using engine::TextUnit;
using nlohmann::json;

struct Assignment {
  Pointer pointer;
  const json* value;
};

Result<std::vector<Assignment>> read_assignments(const json& edits) {
  constexpr const char* kShape = "edits must be a list of {\"pointer\":POINTER,\"value\":VALUE}";
  if (!edits.is_array() || edits.empty()) return make_error(ErrorId::kUsageArgument, kShape);
  std::vector<Assignment> out;
  for (const auto& item : edits) {
    if (!item.is_object() || !item.contains("pointer") || !item["pointer"].is_string() ||
        !item.contains("value") || item.size() != 2)
      return make_error(ErrorId::kUsageArgument, kShape);
    auto pointer = Pointer::parse(item["pointer"].get_ref<const std::string&>());
    if (!pointer) return pointer.error();
    const std::string what = "the value for " + (pointer->is_root() ? "\"\"" : pointer->text());
    if (auto fine = check_writable(item["value"], what); !fine) return fine.error();
    out.push_back({std::move(*pointer), &item["value"]});
  }
  return out;
}

Result<void> set_one(EditSession& session, const Assignment& assignment) {
  const BareString bare = bare_strings_of(*assignment.value);
  if (assignment.pointer.is_root()) return assign_root(session, *assignment.value, bare);
  const auto place = resolve(session.view(), assignment.pointer);
  if (!place) return place.error();
  if (place->object_type == ObjType::kList && !place->value)
    return make_error(ErrorId::kPathNotFound,
                      fmt::format("{} is past the end of its list", assignment.pointer.text()),
                      "use insert to add list elements");
  return assign(session, *place, assignment.pointer.text(), *assignment.value, bare);
}

Result<void> insert_values(EditSession& session, const Pointer& pointer, const Place& list,
                           const json& values) {
  auto index = std::get<std::size_t>(list.prop);
  const std::string parent = pointer.prefix_text(pointer.parts.size() - 1);
  for (const auto& value : values) {
    session.note(fmt::format("insert {}/{}", parent, index));
    if (auto done = insert_json(session.edit(), list.object, index++, value); !done) return done;
  }
  return {};
}

Result<void> insert_text(EditSession& session, const Pointer& pointer, engine::ObjId text,
                         const json& values) {
  std::string joined;
  for (const auto& value : values) {
    if (!value.is_string())
      return make_error(ErrorId::kPathType,
                        fmt::format("{}: only strings can be inserted into text", pointer.text()));
    joined += value.get_ref<const std::string&>();
  }
  const std::size_t length = session.view().length(text, TextUnit::kCodePoints);
  const std::string& part = pointer.parts.back();
  const auto index = part == "-" ? std::optional(length) : parse_index(part);
  if (!index)
    return make_error(ErrorId::kPathType,
                      fmt::format("{}: \"{}\" is no index into text", pointer.text(), part));
  if (*index > length)
    return make_error(
        ErrorId::kPathNotFound,
        fmt::format("{}: beyond the end of the text, {} code points", pointer.text(), length));
  if (joined.empty()) return {};
  session.note("insert " + pointer.text());
  return session.edit().splice_text(text, *index, 0, joined, TextUnit::kCodePoints);
}

/// The value at a pointer, which must be of one object type.
Result<engine::Value> value_at(const engine::View& view, const Pointer& pointer) {
  auto place = resolve_existing(view, pointer);
  if (!place) return place.error();
  if (!place->is_root) return *place->value;
  engine::Value root;
  root.object = ObjType::kMap;
  return root;
}

struct Target {
  Pointer pointer;
  Place place;
};

/// Deeper first, and in one list from the back, so that no removal moves what a later one means.
bool removed_before(const Target& left, const Target& right) {
  if (left.pointer.parts.size() != right.pointer.parts.size())
    return left.pointer.parts.size() > right.pointer.parts.size();
  return left.place.prop > right.place.prop;
}

}  // namespace

Result<Outcome> set(engine::Document& document, const json& edits, const WriteOptions& options) {
  const auto assignments = read_assignments(edits);
  if (!assignments) return assignments.error();
  auto session = EditSession::begin(document, options);
  if (!session) return session.error();
  for (const auto& assignment : *assignments)
    if (auto holds = session->check(assignment.pointer); !holds) return holds.error();
  for (const auto& assignment : *assignments)
    if (auto done = set_one(*session, assignment); !done) return done.error();
  return session->finish();
}

Result<Outcome> unset(engine::Document& document, const std::vector<Pointer>& pointers,
                      const WriteOptions& options) {
  auto session = EditSession::begin(document, options);
  if (!session) return session.error();
  std::vector<Target> targets;
  for (const auto& pointer : pointers) {
    if (pointer.is_root()) return root_has_no_register("unset");
    if (auto holds = session->check(pointer); !holds) return holds.error();
    auto place = resolve_existing(session->view(), pointer);
    if (!place) return place.error();
    targets.push_back({pointer, std::move(*place)});
  }
  std::stable_sort(targets.begin(), targets.end(), removed_before);
  for (auto it = targets.begin(); it != targets.end(); ++it) {
    const bool repeated = std::any_of(targets.begin(), it, [&](const Target& earlier) {
      return earlier.place.object == it->place.object && earlier.place.prop == it->place.prop;
    });
    if (repeated) continue;
    if (auto done = remove_at(*session, it->place, it->pointer.text()); !done) return done.error();
  }
  return session->finish();
}

Result<Outcome> insert(engine::Document& document, const Pointer& pointer, const json& values,
                       const WriteOptions& options) {
  if (!values.is_array() || values.empty())
    return make_error(ErrorId::kUsageArgument,
                      "the values to insert must be a list of at least one");
  if (auto fine = check_writable(values); !fine) return fine.error();
  if (pointer.is_root()) return root_has_no_register("inserted into");
  auto session = EditSession::begin(document, options);
  if (!session) return session.error();
  const engine::View view = session->view();

  Pointer parent = pointer;
  parent.parts.pop_back();
  const auto container = value_at(view, parent);
  if (!container) return container.error();
  if (container->object == ObjType::kText) {
    if (auto done = insert_text(*session, pointer, container->id, values); !done)
      return done.error();
    return session->finish();
  }
  if (container->object != ObjType::kList)
    return make_error(
        ErrorId::kPathType,
        fmt::format("{}: {} is {}, insert needs a list", pointer.text(),
                    parent.is_root() ? "the document" : parent.text(), describe_kind(*container)),
        "use set to write a key of a map");
  const auto place = resolve(view, pointer);
  if (!place) return place.error();
  if (auto holds = session->check(pointer); !holds) return holds.error();
  if (auto done = insert_values(*session, pointer, *place, values); !done) return done.error();
  return session->finish();
}

Result<Outcome> increment(engine::Document& document, const Pointer& pointer, std::int64_t amount,
                          const WriteOptions& options) {
  if (pointer.is_root()) return root_has_no_register("incremented");
  auto session = EditSession::begin(document, options);
  if (!session) return session.error();
  const auto place = resolve_existing(session->view(), pointer);
  if (!place) {
    Error error = place.error();
    if (control::is(error, ErrorId::kPathNotFound))
      error.hint = fmt::format("make a counter first: set DOC {} --type counter 0", pointer.text());
    return error;
  }
  if (place->value->object || !place->value->scalar.ref().is(ScalarType::kCounter))
    return make_error(
        ErrorId::kPathType,
        fmt::format("{} is {}, not a counter", pointer.text(), describe_kind(*place->value)),
        fmt::format("make it one with: set DOC {} --type counter N", pointer.text()));
  if (auto holds = session->check(pointer); !holds) return holds.error();
  if (amount != 0) {
    session->note(fmt::format("add {} to {}", amount, pointer.text()));
    if (auto done = session->edit().increment(place->object, place->prop, amount); !done)
      return done.error();
  }
  return session->finish();
}

Result<Outcome> splice(engine::Document& document, const Pointer& pointer, std::size_t index,
                       std::size_t erase, std::string_view text, const WriteOptions& options) {
  if (!utf8::is_valid(text.begin(), text.end()))
    return make_error(ErrorId::kUsageArgument, "the text to insert is not UTF-8");
  auto session = EditSession::begin(document, options);
  if (!session) return session.error();
  const engine::View view = session->view();
  const auto value = value_at(view, pointer);
  if (!value) return value.error();
  if (value->object != ObjType::kText)
    return make_error(
        ErrorId::kPathType,
        fmt::format("{} is {}, not text", pointer.is_root() ? "the document" : pointer.text(),
                    describe_kind(*value)));
  if (auto holds = session->check(pointer); !holds) return holds.error();
  const std::size_t length = view.length(value->id, TextUnit::kCodePoints);
  if (index > length || erase > length - index)
    return make_error(ErrorId::kPathNotFound,
                      fmt::format("{}: {} code points from {} are beyond the end of the text, {} "
                                  "code points",
                                  pointer.text(), erase, index, length));
  if (erase > 0 || !text.empty()) {
    session->note(fmt::format("splice {} at {}: -{} +{}", pointer.text(), index, erase,
                              count_code_points(text)));
    auto done = session->edit().splice_text(value->id, index, erase, text, TextUnit::kCodePoints);
    if (!done) return done.error();
  }
  return session->finish();
}

json to_json(const Outcome& outcome) {
  json heads = json::array();
  for (const auto& hash : outcome.heads) heads.emplace_back(hash.to_hex());
  // Member by member: a list of initialisers copies each of them.
  json out = json::object();
  out["change"] = outcome.change ? json(outcome.change->to_hex()) : json(nullptr);
  out["heads"] = std::move(heads);
  out["unchanged"] = outcome.unchanged;
  out["summary"] = outcome.summary;
  out["ops"] = outcome.ops;
  return out;
}

}  // namespace converge::verbs
