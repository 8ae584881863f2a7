#pragma once

#include "core/base/result.h"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>

/// Answers that are made tens of thousands of times a second are put together as text: a tree of a
/// dozen members costs as much as the request that it answers. Such a text travels as a JSON value
/// that only to_compact() knows to write.
namespace converge::control {

/// `text` is one JSON value, in the form of to_compact().
nlohmann::json prepared_json(std::string_view text);

bool is_prepared(const nlohmann::json& value);
/// REQUIRES: is_prepared.
std::string_view prepared_text(const nlohmann::json& value);

/// The value itself, for who wants to look inside.
nlohmann::json unprepared(nlohmann::json value);

/// Appends the string in quotes, as to_compact() writes it.
void append_json_string(std::string_view text, std::string& out);

}  // namespace converge::control
