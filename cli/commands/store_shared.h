#pragma once

#include "cli/commands/session.h"
#include "core/store/store.h"

#include <nlohmann/json_fwd.hpp>

#include <filesystem>
#include <string>

/// What the commands about stores share.
namespace converge::cli {

/// The stopped store that --store, a setting or a context names; nothing when the agent is meant.
Result<std::optional<std::filesystem::path>> stopped_store(Session& session);

/// Asks like Session::ask, but waits as long as it takes unless --timeout was given: what operators
/// ask for takes as long as there is data.
Result<nlohmann::json> ask_patiently(Session& session, std::string_view method,
                                     const nlohmann::json& params);

/// For commands that open or make stores themselves. `session` outlives it.
store::OpenOptions open_options(const Session& session);

/// An absolute path without dots: the agent's working directory is another one.
std::filesystem::path absolute_path(const std::string& word);

/// Makes sure of a directory that a new store may be made in: an empty one, made if it is absent.
/// Errors: output.exists, io.
Result<void> make_store_directory(const std::filesystem::path& directory);

/// Findings for people: code, place, documents, next command.
std::string findings_text(const Session& session, const nlohmann::json& findings);

/// Writes `value` where --report or a like flag says. Errors: those of write_file.
Result<void> write_report(Session& session, const char* flag, const std::string& text);

}  // namespace converge::cli
