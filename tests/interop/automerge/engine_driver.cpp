// Answers commands about documents, one JSON object a line on stdin, one answer a line on stdout,
// so that a program in another language can drive the engine step by step and compare. Commands and
// answers are listed in README.md beside this file. Bytes are lower-case hex, op ids are text.

#include "core/base/bytes.h"
#include "core/engine/cursor.h"
#include "core/engine/document.h"
#include "core/model/ids.h"
#include "core/model/scalar.h"
#include "core/sync/message.h"
#include "core/sync/state.h"
#include "tests/core/engine/patch_json.h"
#include "tests/interop/automerge/describe.h"

#include <nlohmann/json.hpp>

#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace converge::interop {
namespace {

using nlohmann::json;

/// A command that cannot be carried out: the answer is {"error": ...} and the driver goes on.
struct Refused : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <class T>
T value_or_refuse(Result<T> result) {
  if (!result) throw Refused(result.error().message);
  return std::move(*result);
}

void ok_or_refuse(const Result<void>& result) {
  if (!result) throw Refused(result.error().message);
}

Bytes bytes_of(const json& hex) {
  auto bytes = from_hex(hex.get<std::string>());
  if (!bytes) throw Refused("not hex");
  return *bytes;
}

Heads heads_of(const json& list) {
  Heads heads;
  for (const auto& text : list) {
    const auto hash = ChangeHash::from_hex(text.get<std::string>());
    if (!hash) throw Refused("not a change hash");
    heads.push_back(*hash);
  }
  return heads;
}

json hex_list(const std::vector<ChangeHash>& hashes) {
  json list = json::array();
  for (const auto& hash : hashes) list.push_back(hash.to_hex());
  return list;
}

ActorId actor_of(const json& hex) {
  const auto actor = ActorId::from_hex(hex.get<std::string>());
  if (!actor) throw Refused("not an actor id");
  return *actor;
}

engine::Prop prop_of(const json& prop) {
  if (prop.is_string()) return prop.get<std::string>();
  return prop.get<std::size_t>();
}

engine::ObjType object_type_of(const std::string& word) {
  if (word == "map") return engine::ObjType::kMap;
  if (word == "list") return engine::ObjType::kList;
  if (word == "text") return engine::ObjType::kText;
  throw Refused("no object type is called " + word);
}

engine::Transaction::Expand expand_of(const std::string& word) {
  using Expand = engine::Transaction::Expand;
  if (word == "before") return Expand::kBefore;
  if (word == "after") return Expand::kAfter;
  if (word == "both") return Expand::kBoth;
  return Expand::kNone;
}

/// Carries out one edit; the answer is the id of the object it made, or null.
json edit_once(const engine::Document& document, engine::Transaction& transaction,
               const json& edit) {
  const auto what = edit.at(0).get<std::string>();
  const auto object = document.parse_id(edit.at(1).get<std::string>());
  if (!object) throw Refused("no such object");
  if (what == "put") {
    ok_or_refuse(transaction.put(*object, prop_of(edit.at(2)), scalar_from_json(edit.at(3))));
  } else if (what == "make") {
    return document.format_id(value_or_refuse(transaction.put_object(
        *object, prop_of(edit.at(2)), object_type_of(edit.at(3).get<std::string>()))));
  } else if (what == "insert") {
    ok_or_refuse(
        transaction.insert(*object, edit.at(2).get<std::size_t>(), scalar_from_json(edit.at(3))));
  } else if (what == "insert_make") {
    return document.format_id(value_or_refuse(transaction.insert_object(
        *object, edit.at(2).get<std::size_t>(), object_type_of(edit.at(3).get<std::string>()))));
  } else if (what == "erase") {
    ok_or_refuse(transaction.erase(*object, prop_of(edit.at(2))));
  } else if (what == "inc") {
    ok_or_refuse(
        transaction.increment(*object, prop_of(edit.at(2)), edit.at(3).get<std::int64_t>()));
  } else if (what == "splice") {
    ok_or_refuse(transaction.splice_text(*object, edit.at(2).get<std::size_t>(),
                                         edit.at(3).get<std::size_t>(),
                                         edit.at(4).get<std::string>()));
  } else if (what == "mark") {
    ok_or_refuse(transaction.mark(*object, edit.at(2).get<std::size_t>(),
                                  edit.at(3).get<std::size_t>(), edit.at(4).get<std::string>(),
                                  scalar_from_json(edit.at(5)), expand_of(edit.at(6))));
  } else {
    throw Refused("no edit is called " + what);
  }
  return nullptr;
}

/// Everything that the driver knows: documents and sync states by the caller's numbers.
class Driver {
 public:
  json answer(const json& command) {
    const auto what = command.at("do").get<std::string>();
    const auto found = commands().find(what);
    if (found == commands().end()) throw Refused("no command is called " + what);
    return (this->*found->second)(command);
  }

 private:
  using Command = json (Driver::*)(const json&);

  static const std::map<std::string, Command>& commands() {
    static const std::map<std::string, Command> table = {
        {"reset", &Driver::reset},
        {"new", &Driver::make},
        {"load", &Driver::load},
        {"save", &Driver::save},
        {"edit", &Driver::edit},
        {"apply", &Driver::apply},
        {"merge", &Driver::merge},
        {"fork_at", &Driver::fork_at},
        {"heads", &Driver::heads},
        {"state", &Driver::state},
        {"diff", &Driver::diff},
        {"cursor", &Driver::cursor},
        {"position", &Driver::position},
        {"changes", &Driver::changes},
        {"bundle", &Driver::bundle},
        {"missing", &Driver::missing},
        {"sync_new", &Driver::sync_new},
        {"sync_generate", &Driver::sync_generate},
        {"sync_receive", &Driver::sync_receive},
        {"sync_reload", &Driver::sync_reload},
    };
    return table;
  }

  engine::Document& document(const json& command, const char* name = "doc") {
    const auto found = documents_.find(command.at(name).get<int>());
    if (found == documents_.end()) throw Refused("no such document");
    return found->second;
  }

  sync::State& sync_state(const json& command) {
    const auto found = sync_states_.find(command.at("state").get<int>());
    if (found == sync_states_.end()) throw Refused("no such sync state");
    return found->second;
  }

  json reset(const json&) {
    documents_.clear();
    sync_states_.clear();
    return json::object();
  }

  json make(const json& command) {
    documents_.insert_or_assign(command.at("doc").get<int>(),
                                engine::Document(actor_of(command.at("actor"))));
    return json::object();
  }

  json load(const json& command) {
    auto loaded = value_or_refuse(
        engine::Document::load(bytes_of(command.at("bytes")), actor_of(command.at("actor"))));
    loaded.check_invariants();
    documents_.insert_or_assign(command.at("doc").get<int>(), std::move(loaded));
    return json::object();
  }

  json save(const json& command) {
    return {{"bytes", to_hex(document(command).save({.deflate = command.at("deflate").get<bool>(),
                                                     .include_orphans = true}))}};
  }

  /// What the last changes did, told as after them or as between two versions, is one thing.
  static void check_patches(const engine::Document& target, const Heads& before,
                            const std::vector<ChangeHash>& last) {
    const auto told = testing::patches_to_json(value_or_refuse(target.patches_of(last)));
    const auto found =
        testing::patches_to_json(value_or_refuse(target.diff(before, target.heads())));
    if (told != found) std::abort();  // never an answer: the caller may expect a refusal
  }

  json edit(const json& command) {
    auto& target = document(command);
    const auto before = target.heads();
    json results = json::array();
    auto transaction = command.contains("at")
                           ? value_or_refuse(target.transact_at(heads_of(command.at("at"))))
                           : target.transact();
    for (const auto& edit : command.at("edits")) {
      try {
        results.push_back(edit_once(target, transaction, edit));
      } catch (const Refused& refused) {
        results.push_back({{"error", refused.what()}});
      }
    }
    const auto hash = transaction.commit({.message = command.value("message", std::string()),
                                          .time = command.value("time", std::int64_t{0})});
    json answer = {{"results", results}, {"hash", nullptr}};
    if (!hash) return answer;
    answer["hash"] = hash->to_hex();
    answer["change"] = to_hex(target.change_bytes(*hash).value());
    target.check_invariants();
    check_patches(target, before, {*hash});
    return answer;
  }

  json apply(const json& command) {
    std::vector<Bytes> changes;
    for (const auto& change : command.at("changes")) changes.push_back(bytes_of(change));
    auto& target = document(command);
    const auto before = target.heads();
    const auto report = value_or_refuse(target.apply_changes(changes));
    target.check_invariants();
    check_patches(target, before, report.applied);
    return {{"applied", report.applied.size()}, {"queued", report.queued.size()}};
  }

  json merge(const json& command) {
    auto& target = document(command);
    const auto before = target.heads();
    const auto report = value_or_refuse(target.merge(document(command, "other")));
    target.check_invariants();
    check_patches(target, before, report.applied);
    return {{"applied", report.applied.size()}};
  }

  json fork_at(const json& command) {
    auto fork = value_or_refuse(
        document(command).fork_at(heads_of(command.at("heads")), actor_of(command.at("actor"))));
    documents_.insert_or_assign(command.at("as").get<int>(), std::move(fork));
    return json::object();
  }

  json heads(const json& command) { return {{"heads", hex_list(document(command).heads())}}; }

  engine::View view(const json& command) {
    const auto& target = document(command);
    if (!command.contains("at")) return target.now();
    return value_or_refuse(target.at(heads_of(command.at("at"))));
  }

  json state(const json& command) {
    return {{"state", describe(document(command), view(command))}};
  }

  engine::ObjId object(const json& command) {
    const auto id = document(command).parse_id(command.at("object").get<std::string>());
    if (!id) throw Refused("no such object");
    return *id;
  }

  json cursor(const json& command) {
    const auto move =
        command.at("move") == "before" ? engine::CursorMove::kBefore : engine::CursorMove::kAfter;
    const auto made = value_or_refuse(
        view(command).cursor(object(command), command.at("index").get<std::size_t>(), move));
    const auto again = value_or_refuse(engine::decode_cursor(engine::encode_cursor(made)));
    if (again != made) std::abort();
    return {{"cursor", engine::format_cursor(again)}};
  }

  json position(const json& command) {
    const auto cursor =
        value_or_refuse(engine::parse_cursor(command.at("cursor").get<std::string>()));
    return {{"position", value_or_refuse(view(command).position(object(command), cursor))}};
  }

  json diff(const json& command) {
    const auto patches = value_or_refuse(
        document(command).diff(heads_of(command.at("before")), heads_of(command.at("after"))));
    return {{"patches", testing::patches_to_json(patches)}};
  }

  json bundle(const json& command) {
    const auto& target = document(command);
    const auto changes = target.changes_since(heads_of(command.at("since")));
    json hashes = json::array();
    for (const auto& hash : changes) hashes.push_back(hash.to_hex());
    return {{"bytes", to_hex(target.bundle(changes))}, {"hashes", hashes}};
  }

  json changes(const json& command) {
    const auto& target = document(command);
    json list = json::array();
    for (const auto& hash : target.changes_since(heads_of(command.at("since"))))
      list.push_back(to_hex(target.change_bytes(hash).value()));
    return {{"changes", list}};
  }

  json missing(const json& command) {
    return {{"missing", hex_list(document(command).missing_deps({}))}};
  }

  json sync_new(const json& command) {
    sync_states_.insert_or_assign(command.at("state").get<int>(), sync::State());
    return json::object();
  }

  json sync_generate(const json& command) {
    const auto message = sync::generate(document(command), sync_state(command));
    if (!message) return {{"message", nullptr}};
    return {{"message", to_hex(sync::encode_message(*message))}};
  }

  json sync_receive(const json& command) {
    const auto message = value_or_refuse(sync::decode_message(bytes_of(command.at("message"))));
    value_or_refuse(sync::receive(document(command), sync_state(command), message));
    document(command).check_invariants();
    return json::object();
  }

  /// As after a restart: only what is kept on disk survives.
  json sync_reload(const json& command) {
    auto& state = sync_state(command);
    const auto bytes = state.encode();
    state = value_or_refuse(sync::State::decode(bytes));
    return {{"bytes", to_hex(bytes)}};
  }

  std::map<int, engine::Document> documents_;
  std::map<int, sync::State> sync_states_;
};

}  // namespace
}  // namespace converge::interop

int main() {
  using nlohmann::json;
  std::ios::sync_with_stdio(false);
  converge::interop::Driver driver;
  for (std::string line; std::getline(std::cin, line);) {
    json answer;
    try {
      answer = driver.answer(json::parse(line));
    } catch (const std::exception& problem) {
      answer = {{"error", problem.what()}};
    }
    std::cout << answer.dump(-1, ' ', true) << std::endl;  // ASCII only
  }
}
