#include "core/control/error_json.h"

#include "core/control/error_table.h"
#include "core/control/json_text.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>

namespace converge::control {
namespace {

std::string text_field(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// For a code of a newer agent: any kind with the same exit code keeps scripts right.
ErrorCode kind_of_exit(const nlohmann::json& exit) {
  if (!exit.is_number_integer()) return ErrorCode::kIo;
  const auto code = exit.get<std::int64_t>();
  for (const ErrorRow& row : error_table())
    if (row.exit == code && default_error_row(row.kind).exit == code) return row.kind;
  return ErrorCode::kIo;
}

}  // namespace

nlohmann::json to_json(const Error& error) {
  const ErrorRow& row = row_of(error);
  const std::size_t line_end = error.message.find('\n');
  nlohmann::json details = nlohmann::json::object();
  if (line_end != std::string::npos) details["why"] = error.message.substr(line_end + 1);
  if (!error.subject.empty()) {
    details["name"] = error.subject;
    details["candidates"] = error.candidates;
  }
  return {{"kind", "Error"},
          {"v", 1},
          {"code", error.id.empty() ? std::string(row.code) : error.id},
          {"exit", row.exit},
          {"message", error.message.substr(0, line_end)},
          {"hint", error.hint.empty() ? nlohmann::json() : nlohmann::json(error.hint)},
          {"retryable", row.retryable},
          {"details", std::move(details)}};
}

Error from_json(const nlohmann::json& object) {
  if (!object.is_object() || text_field(object, "code").empty())
    return make_error(ErrorId::kInternal, "an answer holds an error that is not an Error object: " +
                                              to_compact(object).substr(0, 200));
  Error error{ErrorCode::kIo, text_field(object, "message"), text_field(object, "code"),
              text_field(object, "hint")};
  const ErrorRow* row = find_error(error.id);
  error.code = row != nullptr
                   ? row->kind
                   : kind_of_exit(object.contains("exit") ? object["exit"] : nlohmann::json());
  const auto details = object.find("details");
  if (details == object.end() || !details->is_object()) return error;
  if (const std::string why = text_field(*details, "why"); !why.empty())
    error.message += "\n" + why;
  error.subject = text_field(*details, "name");
  const auto candidates = details->find("candidates");
  if (candidates != details->end() && candidates->is_array())
    for (const nlohmann::json& candidate : *candidates)
      if (candidate.is_string()) error.candidates.push_back(candidate.get<std::string>());
  return error;
}

}  // namespace converge::control
