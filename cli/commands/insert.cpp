#include "cli/commands/handlers.h"
#include "cli/commands/params.h"
#include "cli/commands/render.h"
#include "core/control/error_table.h"

#include <nlohmann/json.hpp>

namespace converge::cli {

using nlohmann::json;

Result<int> run_insert(Session& session) {
  auto params = write_params(session);
  if (!params) return params.error();
  json values = json::array();
  for (const std::string& word : session.args(2)) {
    auto value = value_of(session, word);
    if (!value) return value.error();
    values.push_back(std::move(*value));
  }
  if (const auto file = session.value("file")) {
    if (!values.empty())
      return control::make_error(control::ErrorId::kUsageArgument,
                                 "a VALUE and --file exclude each other", "leave out one of them");
    auto value = value_of_file(session, *file);
    if (!value) return value.error();
    values.push_back(std::move(*value));
  }
  const std::string doc = session.document(session.arg(0));
  (*params)["doc"] = doc;
  (*params)["pointer"] = session.arg(1);
  (*params)["values"] = std::move(values);
  const auto ack = session.ask_for(doc, "doc.insert", *params);
  if (!ack) return ack.error();
  return print_ack(session, *ack);
}

}  // namespace converge::cli
