#include "cli/commands/render.h"

#include "cli/output/text.h"
#include "core/control/error_table.h"
#include "core/control/json_text.h"

#include <nlohmann/json.hpp>

namespace converge::cli {

using nlohmann::json;

std::string field(const json& object, std::string_view key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return "";
  return found->is_string() ? found->get<std::string>() : control::to_compact(*found);
}

std::uint64_t count_field(const json& object, std::string_view key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_integer() ? found->get<std::uint64_t>() : 0;
}

std::string name_or_id(const json& object) {
  const std::string name = field(object, "name");
  return name.empty() ? field(object, "id") : name;
}

Cell id_cell(const std::string& id) {
  constexpr std::string_view kScheme = "automerge:";
  std::string shown = id.starts_with(kScheme) ? id.substr(kScheme.size()) : id;
  if (shown.size() > 8) shown = shown.substr(0, 8);
  return {id, shown, Paint::kCyan};
}

Cell hash_cell(const std::string& hash) { return {hash, short_hash(hash), Paint::kCyan}; }

Cell time_cell(const Session& session, const std::string& rfc3339) {
  return {rfc3339, relative_time(rfc3339, session.clock().wall_now_ms()), Paint::kDim};
}

std::string ack_line(const Session& session, const json& ack) {
  const Terminal& terminal = session.terminal();
  const bool unchanged = ack.value("unchanged", false);
  const bool dry = session.has("dry-run");
  std::string word = unchanged ? "unchanged" : dry ? "would change" : "changed";
  if (ack.value("queued", false)) word = "queued";
  const std::string change = field(ack, "change");
  std::vector<Cell> cells = {
      {word, "", unchanged ? Paint::kDim : Paint::kGreen},
      {name_or_id(ack), "", Paint::kNone},
      hash_cell(change),
      {unchanged ? "" : field(ack, "summary"), "", Paint::kNone},
      {ack.value("durable", true) && !unchanged && !dry ? "durable" : "", "", Paint::kDim}};
  std::string line;
  for (const Cell& cell : cells) {
    const std::string text = terminal.out_tty && !cell.shown.empty() ? cell.shown : cell.full;
    if (terminal.out_tty && text.empty()) continue;
    line += (line.empty()       ? ""
             : terminal.out_tty ? "  "
                                : "\t") +
            painted(cell.paint, printable(text), terminal.color_out);
  }
  while (!terminal.out_tty && line.ends_with('\t')) line.pop_back();
  return line + "\n";
}

Result<int> print_ack(Session& session, const json& ack) {
  const auto text = [&] { return session.out().quiet() ? std::string() : ack_line(session, ack); };
  const auto names = [&] {
    const std::string change = field(ack, "change");
    return change.empty() ? std::vector<std::string>() : std::vector<std::string>{change};
  };
  if (auto done = session.out().result(ack, {.text = text, .names = names}); !done)
    return done.error();
  return control::exit_code::kOk;
}

json plain_value(const json& typed) {
  if (typed.is_array()) {
    json out = json::array();
    for (const json& item : typed) out.push_back(plain_value(item));
    return out;
  }
  if (!typed.is_object()) return typed;
  if (typed.size() == 1) {
    const std::string& key = typed.begin().key();
    for (const char* form :
         {"$text", "$str", "$counter", "$timestamp", "$bytes", "$uint", "$float"})
      if (key == form) return typed.begin().value();
  }
  json out = json::object();
  for (const auto& [key, value] : typed.items())
    out[key.starts_with("$$") ? key.substr(1) : key] = plain_value(value);
  return out;
}

std::string patch_text(const Session& session, const json& patch) {
  const Terminal& terminal = session.terminal();
  std::string out;
  for (const json& operation : patch) {
    const std::string op = field(operation, "op");
    const Paint paint = op == "add" ? Paint::kGreen : op == "remove" ? Paint::kRed : Paint::kYellow;
    const char* sign = op == "add" ? "+" : op == "remove" ? "-" : "!";
    std::string line = std::string(sign) + " " + field(operation, "path");
    if (operation.contains("value"))
      line += " " + control::to_compact(plain_value(operation["value"]));
    out += painted(paint, printable(line), terminal.color_out) + "\n";
  }
  return out;
}

void Failures::add(const Error& error) {
  for (Entry& entry : errors_)
    if (entry.error.message == error.message && entry.error.id == error.id) {
      ++entry.count;
      return;
    }
  errors_.push_back({error, 1});
}

int Failures::finish(Session& session, std::size_t succeeded) const {
  int exit = control::exit_code::kOk;
  for (const Entry& entry : errors_) {
    Error error = entry.error;
    if (entry.count > 1) error.message += "\n" + std::to_string(entry.count) + " times";
    session.out().error(error);
    exit = control::stronger_exit(exit, control::exit_code_of(error));
  }
  return !errors_.empty() && succeeded > 0 ? control::exit_code::kPartial : exit;
}

Result<int> print_acks(Session& session, const char* kind, const json& items,
                       const Failures& failures, const char* name_key) {
  if (items.empty() && !failures.empty()) return failures.finish(session, 0);
  const json list = {{"kind", kind}, {"v", 1}, {"items", items}, {"next", nullptr}};
  const auto text = [&] {
    std::string out;
    for (const json& ack : items)
      if (!session.out().quiet()) out += ack_line(session, ack);
    return out;
  };
  const auto names = [&] {
    std::vector<std::string> all;
    for (const json& ack : items) all.push_back(field(ack, name_key));
    return all;
  };
  if (auto done = session.out().result(list, {.text = text, .names = names}); !done)
    return done.error();
  return failures.finish(session, items.size());
}

}  // namespace converge::cli
