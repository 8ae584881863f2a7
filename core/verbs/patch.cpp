#include "core/control/error_table.h"
#include "core/verbs/edit_session.h"
#include "core/verbs/edits.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace converge::verbs {
namespace {

using control::ErrorId;
using control::make_error;
using engine::ObjType;
using nlohmann::json;

enum class PatchOp : std::uint8_t { kAdd, kRemove, kReplace, kMove, kCopy, kTest };

struct Operation {
  PatchOp op = PatchOp::kAdd;
  Pointer path;
  Pointer from;                 ///< move, copy
  const json* value = nullptr;  ///< add, replace, test
};

Error malformed(std::size_t index, std::string_view why) {
  return make_error(ErrorId::kInputJson, fmt::format("operation {} of the patch {}", index, why));
}

std::optional<PatchOp> op_of(std::string_view word) {
  if (word == "add") return PatchOp::kAdd;
  if (word == "remove") return PatchOp::kRemove;
  if (word == "replace") return PatchOp::kReplace;
  if (word == "move") return PatchOp::kMove;
  if (word == "copy") return PatchOp::kCopy;
  if (word == "test") return PatchOp::kTest;
  return std::nullopt;
}

Result<Pointer> pointer_member(const json& item, const char* name, std::size_t index) {
  const auto member = item.find(name);
  if (member == item.end() || !member->is_string())
    return malformed(index, fmt::format("has no \"{}\"", name));
  auto pointer = Pointer::parse(member->get_ref<const std::string&>());
  if (!pointer)
    return malformed(index, "has a bad \"" + std::string(name) + "\": " + pointer.error().message);
  return pointer;
}

Result<Operation> read_operation(const json& item, std::size_t index) {
  if (!item.is_object()) return malformed(index, "is not an object");
  const auto word = item.find("op");
  if (word == item.end() || !word->is_string()) return malformed(index, "has no \"op\"");
  const auto op = op_of(word->get_ref<const std::string&>());
  if (!op)
    return malformed(index, fmt::format("has an unknown \"op\": {}", word->get<std::string>()));
  Operation out;
  out.op = *op;
  auto path = pointer_member(item, "path", index);
  if (!path) return path.error();
  out.path = std::move(*path);
  if (*op == PatchOp::kMove || *op == PatchOp::kCopy) {
    auto from = pointer_member(item, "from", index);
    if (!from) return from.error();
    out.from = std::move(*from);
  } else if (*op != PatchOp::kRemove) {
    const auto value = item.find("value");
    if (value == item.end()) return malformed(index, "has no \"value\"");
    const std::string what = fmt::format("the value of operation {} of the patch", index);
    if (auto fine = check_writable(*value, what); !fine) return fine.error();
    out.value = &*value;
  }
  return out;
}

Result<std::vector<Operation>> read_patch(const json& patch) {
  if (!patch.is_array())
    return make_error(ErrorId::kInputJson, "a JSON patch is a list of operations",
                      "for a merge patch (RFC 7396) use --type merge");
  std::vector<Operation> out;
  out.reserve(patch.size());
  for (std::size_t i = 0; i < patch.size(); ++i) {
    auto operation = read_operation(patch[i], i);
    if (!operation) return operation.error();
    out.push_back(std::move(*operation));
  }
  return out;
}

class JsonPatch {
 public:
  explicit JsonPatch(EditSession& session) : session_(session) {}

  Result<void> run(const Operation& operation) {
    switch (operation.op) {
      case PatchOp::kAdd:
        return add(operation.path, *operation.value);
      case PatchOp::kRemove:
        return remove(operation.path);
      case PatchOp::kReplace:
        return replace(operation.path, *operation.value);
      case PatchOp::kMove:
        return move(operation);
      case PatchOp::kCopy:
        return copy(operation);
      case PatchOp::kTest:
        return test(operation.path, *operation.value);
    }
    return {};
  }

 private:
  Result<void> add(const Pointer& path, const json& value) {
    const BareString bare = bare_strings_of(value);
    if (path.is_root()) return assign_root(session_, value, bare);
    const auto place = resolve(session_.view(), path);
    if (!place) return place.error();
    if (place->object_type != ObjType::kList)
      return assign(session_, *place, path.text(), value, bare);
    session_.note("add " + path.text());
    return insert_part(session_.edit(), place->object, std::get<std::size_t>(place->prop), value,
                       bare);
  }

  Result<void> replace(const Pointer& path, const json& value) {
    const BareString bare = bare_strings_of(value);
    if (path.is_root()) return assign_root(session_, value, bare);
    const auto place = resolve_existing(session_.view(), path);
    if (!place) return place.error();
    return assign(session_, *place, path.text(), value, bare);
  }

  Result<void> remove(const Pointer& path) {
    if (path.is_root()) return root_has_no_register("removed");
    const auto place = resolve_existing(session_.view(), path);
    if (!place) return place.error();
    return remove_at(session_, *place, path.text());
  }

  /// The value with its types, for another place.
  Result<json> lift(const Pointer& from) {
    const engine::View view = session_.view();
    const auto place = resolve_existing(view, from);
    if (!place) return place.error();
    if (place->is_root) return object_to_json(view, model::kRoot, {.form = Form::kTyped});
    return to_json(view, *place->value, {.form = Form::kTyped});
  }

  Result<void> copy(const Operation& operation) {
    const auto value = lift(operation.from);
    if (!value) return value.error();
    if (auto fine = check_writable(*value, operation.from.text()); !fine) return fine;
    return add(operation.path, *value);
  }

  Result<void> move(const Operation& operation) {
    const auto& from = operation.from.parts;
    const auto& to = operation.path.parts;
    if (from.size() < to.size() && std::equal(from.begin(), from.end(), to.begin()))
      return make_error(ErrorId::kPathType,
                        fmt::format("{} cannot move into itself, to {}",
                                    from.empty() ? "the document" : operation.from.text(),
                                    operation.path.text()));
    const auto value = lift(operation.from);
    if (!value) return value.error();
    if (operation.from == operation.path) return {};
    if (auto fine = check_writable(*value, operation.from.text()); !fine) return fine;
    if (auto done = remove(operation.from); !done) return done;
    return add(operation.path, *value);
  }

  Result<void> test(const Pointer& path, const json& value) {
    const engine::View view = session_.view();
    const auto place = resolve_existing(view, path);
    if (!place) return place.error();
    const bool equal = place->is_root ? object_equals_json(view, model::kRoot, value, Match::kLoose)
                                      : equals_json(view, *place->value, value, Match::kLoose);
    if (equal) return {};
    return make_error(ErrorId::kValueMismatch,
                      fmt::format("the patch's test failed: {} holds another value",
                                  path.is_root() ? "the document" : path.text()));
  }

  EditSession& session_;
};

/// RFC 7396: what is left of a patch that meets no object. Depth is bounded by check_writable.
json without_nulls(const json& patch) {
  if (!patch.is_object() || is_typed_form(patch)) return patch;
  json out = json::object();
  for (auto it = patch.begin(); it != patch.end(); ++it)
    if (!it->is_null()) out[it.key()] = without_nulls(*it);
  return out;
}

/// Recursion follows the patch, whose depth check_writable has bounded.
Result<void> merge_into(EditSession& session, engine::ObjId object, const std::string& path,
                        const json& patch, BareString bare) {
  for (auto it = patch.begin(); it != patch.end(); ++it) {
    Place place;
    place.object = object;
    place.prop = std::string(real_key(it.key()));
    place.value = session.view().get(object, place.prop);
    const std::string here = path + "/" + escape_part(real_key(it.key()));
    const bool both_maps =
        place.value && place.value->object && *place.value->object != ObjType::kList &&
        *place.value->object != ObjType::kText && it->is_object() && !is_typed_form(*it);
    Result<void> done;
    if (both_maps)
      done = merge_into(session, place.value->id, here, *it, bare);
    else if (!it->is_null())
      done = assign(session, place, here, without_nulls(*it), bare);
    else if (place.value)
      done = remove_at(session, place, here);
    if (!done) return done;
  }
  return {};
}

Result<void> run_merge_patch(EditSession& session, const json& patch) {
  if (!patch.is_object() || is_typed_form(patch))
    return make_error(ErrorId::kPathType,
                      "a merge patch that is no object would replace the whole document, which is "
                      "always a map");
  return merge_into(session, model::kRoot, "", patch, bare_strings_of(patch));
}

}  // namespace

Result<Outcome> patch(engine::Document& document, PatchType type, const json& patch,
                      const WriteOptions& options) {
  std::vector<Operation> operations;
  if (type == PatchType::kJson) {
    auto read = read_patch(patch);
    if (!read) return read.error();
    operations = std::move(*read);
  } else if (auto fine = check_writable(patch, "the merge patch"); !fine) {
    return fine.error();
  }
  auto session = EditSession::begin(document, options);
  if (!session) return session.error();
  if (auto holds = session->check(Pointer{}); !holds) return holds.error();

  if (type == PatchType::kMerge) {
    if (auto done = run_merge_patch(*session, patch); !done) return done.error();
    return session->finish();
  }
  JsonPatch run(*session);
  for (std::size_t i = 0; i < operations.size(); ++i) {
    if (auto done = run.run(operations[i]); !done) {
      Error error = done.error();
      error.message = fmt::format("operation {} of the patch: {}", i, error.message);
      return error;
    }
  }
  return session->finish();
}

}  // namespace converge::verbs
