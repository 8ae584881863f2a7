#include "cli/commands/whole_document.h"

#include "cli/commands/render.h"

#include <nlohmann/json.hpp>

namespace converge::cli {

using nlohmann::json;

json input_form(const json& typed) {
  if (typed.is_string()) return {{"$str", typed}};
  if (typed.is_array()) {
    json out = json::array();
    for (const json& item : typed) out.push_back(input_form(item));
    return out;
  }
  if (!typed.is_object()) return typed;
  if (typed.size() == 1 && typed.begin().key() == "$text") return typed.begin().value();
  const bool form = typed.size() == 1 && typed.begin().key().starts_with('$') &&
                    !typed.begin().key().starts_with("$$");
  if (form) return typed;
  json out = json::object();
  for (const auto& [key, value] : typed.items()) out[key] = input_form(value);
  return out;
}

Result<WholeDocument> read_whole(Session& session, const std::string& doc) {
  const auto heads = session.ask_for(doc, "doc.heads", {{"doc", doc}});
  if (!heads) return heads.error();
  WholeDocument out{doc, "", nullptr};
  for (const json& head : heads->at("heads"))
    out.heads += (out.heads.empty() ? "" : "+") + head.get<std::string>();
  json params = {{"doc", doc}, {"typed", true}};
  if (!out.heads.empty()) params["at"] = out.heads;
  const auto answer = session.ask_for(doc, "doc.get", params);
  if (!answer) return answer.error();
  out.value = std::make_shared<const json>(input_form(answer->at("value")));
  return out;
}

Result<int> write_whole(Session& session, const WholeDocument& read, json wanted,
                        const std::string& message) {
  json params = {{"doc", read.doc},
                 {"value", std::move(wanted)},
                 {"message", session.value("message").value_or(message)},
                 {"request_id", new_request_id()}};
  if (!read.heads.empty()) params["base"] = read.heads;
  if (session.has("dry-run")) params["dry_run"] = true;
  const auto ack = session.ask_for(read.doc, "doc.apply", params);
  if (!ack) return ack.error();
  return print_ack(session, *ack);
}

}  // namespace converge::cli
