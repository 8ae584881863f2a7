#include "core/verbs/edit_session.h"

#include "core/control/error_table.h"
#include "core/control/json_text.h"
#include "core/verbs/diff.h"

#include <fmt/format.h>

#include <utility>

namespace converge::verbs {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

/// Values in messages are cut: they are for a person to recognise, not to read.
std::string shown(const json& value) {
  constexpr std::size_t kShownMax = 60;
  std::string text = control::to_compact(value);
  if (text.size() <= kShownMax) return text;
  std::size_t cut = kShownMax;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0u) == 0x80u) --cut;
  return text.substr(0, cut) + "...";
}

/// "2 changes since: replace /items/0/title, ...", for people who must now decide what to do.
std::string what_happened_since(const engine::Document& document, const Heads& expected) {
  const auto changes = changes_between(document, expected, document.heads());
  if (!changes || changes->empty()) return "";
  std::string out =
      fmt::format("\n{} change{} since", changes->size(), changes->size() == 1 ? "" : "s");
  const auto patch = diff_patch(document, expected, document.heads());
  if (!patch || patch->empty()) return out;
  const json& first = patch->front();
  out += fmt::format(": {} {}", first["op"].get<std::string>(), first["path"].get<std::string>());
  if (patch->size() > 1) out += fmt::format(" and {} more", patch->size() - 1);
  return out;
}

Result<void> check_heads(const engine::Document& document, const WriteOptions& options) {
  if (!options.if_heads) return {};
  const auto expected = resolve_revision(document, *options.if_heads, options.revisions);
  if (!expected) return expected.error();
  if (*expected == document.heads()) return {};
  return make_error(
      ErrorId::kHeadsMoved,
      fmt::format("the document has moved on: expected heads {}, found {}{}",
                  format_heads_short(*expected), format_heads_short(document.heads()),
                  what_happened_since(document, *expected)),
      fmt::format("use --base {} to merge with it, or read again", format_heads_short(*expected)));
}

std::string place_text(const Pointer& pointer) {
  return pointer.is_root() ? "the document" : pointer.text();
}

}  // namespace

Result<EditSession> EditSession::begin(engine::Document& document, const WriteOptions& options) {
  if (auto holds = check_heads(document, options); !holds) return holds.error();
  if (options.if_value != nullptr) {
    if (options.if_absent)
      return make_error(ErrorId::kUsageArgument, "if-value and if-absent exclude each other");
    if (auto fine = check_writable(*options.if_value, "the expected value"); !fine)
      return fine.error();
  }
  EditSession session(document, options);
  if (options.base) {
    const auto base = resolve_revision(document, *options.base, options.revisions);
    if (!base) return base.error();
    if (*base != document.heads()) {
      auto transaction = document.transact_at(*base);
      if (!transaction) return transaction.error();
      session.transaction_.emplace(std::move(*transaction));
      return session;
    }
  }
  session.transaction_.emplace(document.transact());
  return session;
}

Result<void> EditSession::check(const Pointer& pointer) const {
  if (options_->if_value == nullptr && !options_->if_absent) return {};
  const engine::View now = view();
  const auto place = resolve(now, pointer);
  if (!place) return place.error();

  if (options_->if_absent) {
    const bool absent = place->is_root ? now.length(model::kRoot) == 0 : !place->value;
    if (absent) return {};
    return make_error(ErrorId::kValueMismatch,
                      fmt::format("{} holds a value already", place_text(pointer)));
  }
  const json& expected = *options_->if_value;
  if (place->is_root) {
    if (object_equals_json(now, model::kRoot, expected, Match::kLoose)) return {};
    return make_error(ErrorId::kValueMismatch, "the document does not hold the expected value");
  }
  if (!place->value)
    return make_error(ErrorId::kValueMismatch, fmt::format("there is nothing at {}, expected {}",
                                                           pointer.text(), shown(expected)));
  if (equals_json(now, *place->value, expected, Match::kLoose)) return {};
  const auto found = to_json(now, *place->value, {.form = Form::kInput});
  return make_error(
      ErrorId::kValueMismatch,
      fmt::format("{} is {}, expected {}", pointer.text(),
                  found ? shown(*found) : describe_kind(*place->value), shown(expected)));
}

void EditSession::note(std::string line) {
  ++note_count_;
  if (notes_.size() < kNotesMax) notes_.push_back(std::move(line));
}

Result<Outcome> EditSession::finish() {
  Outcome outcome;
  outcome.ops = transaction_->pending_ops();
  outcome.unchanged = outcome.ops == 0;
  if (!outcome.unchanged) {
    outcome.notes = std::move(notes_);
    if (!outcome.notes.empty()) outcome.summary = outcome.notes.front();
    if (note_count_ > 1) outcome.summary += fmt::format(" and {} more", note_count_ - 1);
  }
  if (options_->dry_run || outcome.unchanged)
    transaction_->rollback();
  else
    outcome.change = transaction_->commit({.message = options_->message, .time = options_->time});
  transaction_.reset();
  outcome.heads = document_->heads();
  return outcome;
}

Result<void> assign(EditSession& session, const Place& place, const std::string& path,
                    const json& value, BareString bare) {
  if (place.value) {
    const engine::View view = session.view();
    if (view.get_all(place.object, place.prop).size() == 1 &&
        equals_part(view, *place.value, value, bare, Match::kExact))
      return {};
  }
  session.note(fmt::format("{} {}", place.value ? "replace" : "add", path));
  return put_part(session.edit(), place.object, place.prop, value, bare);
}

Result<void> assign_root(EditSession& session, const json& value, BareString bare) {
  const Node node = node_of(value, bare);
  if (node.kind != Node::Kind::kMap)
    return make_error(ErrorId::kPathType,
                      "the document itself is a map: it can only be replaced by an object");
  for (const auto& key : session.view().keys(model::kRoot)) {
    if (value.contains(json_key(key))) continue;
    session.note("remove /" + escape_part(key));
    if (auto done = session.edit().erase(model::kRoot, key); !done) return done;
  }
  for (auto it = value.begin(); it != value.end(); ++it) {
    Place place;
    place.prop = std::string(real_key(it.key()));
    place.value = session.view().get(model::kRoot, place.prop);
    const std::string path = "/" + escape_part(real_key(it.key()));
    if (auto done = assign(session, place, path, it.value(), bare); !done) return done;
  }
  return {};
}

Result<void> remove_at(EditSession& session, const Place& place, const std::string& path) {
  session.note("remove " + path);
  return session.edit().erase(place.object, place.prop);
}

Error root_has_no_register(const char* verb) {
  return make_error(ErrorId::kPathType, fmt::format("the document itself cannot be {}", verb));
}

}  // namespace converge::verbs
