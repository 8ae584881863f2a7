#include "cli/commands/handlers.h"
#include "cli/commands/params.h"
#include "cli/commands/render.h"
#include "core/control/error_table.h"

#include <nlohmann/json.hpp>

namespace converge::cli {
namespace {

Error needs_file(const char* command) {
  return control::make_error(control::ErrorId::kUsageFlag,
                             std::string("\"") + command + "\" needs -f FILE",
                             "-f - reads from stdin");
}

}  // namespace

Result<int> run_patch(Session& session) {
  const auto file = session.value("file");
  if (!file) return needs_file("patch");
  auto params = write_params(session);
  if (!params) return params.error();
  auto patch = json_of_file(*file);
  if (!patch) return patch.error();
  const std::string doc = session.document(session.arg(0));
  (*params)["doc"] = doc;
  (*params)["type"] = session.value("type").value_or("json");
  (*params)["patch"] = std::move(*patch);
  const auto ack = session.ask_for(doc, "doc.patch", *params);
  if (!ack) return ack.error();
  return print_ack(session, *ack);
}

Result<int> run_apply(Session& session) {
  const auto file = session.value("file");
  if (!file) return needs_file("apply");
  auto params = write_params(session);
  if (!params) return params.error();
  auto value = json_of_file(*file);
  if (!value) return value.error();
  const std::string doc = session.document(session.arg(0));
  (*params)["doc"] = doc;
  (*params)["value"] = std::move(*value);
  if (const auto key = session.value("list-key")) (*params)["list_key"] = *key;
  const auto ack = session.ask_for(doc, "doc.apply", *params);
  if (!ack) return ack.error();
  return print_ack(session, *ack);
}

}  // namespace converge::cli
