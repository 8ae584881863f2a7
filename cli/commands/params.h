#pragma once

#include "cli/commands/session.h"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>
#include <vector>

/// From words of the command line to parameters of requests.
namespace converge::cli {

/// message, base, if_heads, ... as far as they are given, with a request id and dry_run. Errors:
/// usage.argument for --if-value or --ack.
Result<nlohmann::json> write_params(Session& session);

/// VALUE under -s and --type. Errors: usage.argument.
Result<nlohmann::json> value_of(const Session& session, const std::string& word);

/// The value of -f FILE. Errors: those of read_input; input.json.
Result<nlohmann::json> value_of_file(const Session& session, const std::string& file);

/// JSON of a file or stdin. Refuses a terminal as stdin unless it was asked for by "-".
Result<nlohmann::json> json_of_file(const std::string& file);

/// "a,b" as ["a","b"].
nlohmann::json comma_list(const std::string& text);

}  // namespace converge::cli
