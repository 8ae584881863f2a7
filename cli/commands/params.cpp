#include "cli/commands/params.h"

#include "cli/commands/files.h"
#include "core/base/limits.h"
#include "core/control/error_table.h"
#include "core/control/json_text.h"
#include "core/verbs/text_forms.h"
#include "core/verbs/value.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

Result<void> check_ack(const std::string& ack) {
  if (ack == "local") return {};
  if (ack.starts_with("peer=") && ack.size() > 5) return {};
  const std::string count = ack.starts_with("peers=") ? ack.substr(6) : "";
  if (!count.empty() && count.size() < 5 &&
      std::ranges::all_of(count, [](char c) { return c >= '0' && c <= '9'; }))
    return {};
  return make_error(ErrorId::kUsageFlag,
                    "--ack \"" + ack + "\" is not local, peer=NAME or peers=N");
}

}  // namespace

Result<json> write_params(Session& session) {
  json params = json::object();
  const auto copy = [&](const char* flag, const char* key) {
    if (const auto value = session.value(flag)) params[key] = *value;
  };
  copy("message", "message");
  copy("base", "base");
  copy("if-heads", "if_heads");
  copy("durability", "durability");
  copy("ack", "ack");
  if (const auto ack = session.value("ack")) {
    if (auto good = check_ack(*ack); !good) return good.error();
    // The agent gives up a little before we do, so that it can say that the write itself is done.
    const auto limit = session.timeout();
    if (*ack != "local" && limit.count() > 0)
      params["timeout_ms"] = (limit - std::min(limit / 10, std::chrono::milliseconds(200))).count();
  }
  if (const auto value = session.value("if-value")) {
    auto parsed = control::parse_json(*value, "the value of --if-value");
    if (!parsed) return parsed.error();
    params["if_value"] = std::move(*parsed);
  }
  if (session.has("if-absent")) params["if_absent"] = true;
  if (session.has("dry-run")) params["dry_run"] = true;
  params["request_id"] = session.value("request-id").value_or(new_request_id());
  return params;
}

Result<json> value_of(const Session& session, const std::string& word) {
  if (session.has("string")) return json(word);
  if (const auto type = session.value("type")) return verbs::json_of_type(*type, word);
  auto value = control::parse_json(word, "the value");
  if (value) return value;
  if (value.error().code == ErrorCode::kLimitExceeded)
    return make_error(ErrorId::kUsageArgument, value.error().message, value.error().hint);
  return make_error(ErrorId::kUsageArgument, "the value \"" + word + "\" is not JSON",
                    "for a string use --string");
}

Result<json> value_of_file(const Session& session, const std::string& file) {
  const std::string type = session.value("type").value_or("");
  if (!session.has("string") && type.empty()) return json_of_file(file);
  auto content = read_input(file, limits::kControlMessageBytesMax);
  if (!content) return content.error();
  if (type == "bytes") return json{{"$bytes", verbs::to_base64(as_bytes(*content))}};
  return value_of(session, *content);
}

Result<json> json_of_file(const std::string& file) {
  auto content = read_input(file, limits::kControlMessageBytesMax);
  if (!content) return content.error();
  return control::parse_json(*content, file == "-" ? "stdin" : "the file \"" + file + "\"");
}

json comma_list(const std::string& text) {
  json list = json::array();
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    if (comma > at) list.push_back(text.substr(at, comma - at));
    at = comma + 1;
  }
  return list;
}

}  // namespace converge::cli
