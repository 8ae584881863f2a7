#pragma once

#include "core/model/change.h"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace converge::verify {

/// The operations of a change without its document, in the form of `show --ops`: ids are
/// COUNTER@ACTOR in full.
nlohmann::json operations_of(const model::Change& change);

/// In hex.
nlohmann::json hashes_json(const std::vector<ChangeHash>& hashes);
/// The text, or "hex:" and the bytes where it is not UTF-8: JSON can hold either.
std::string text_or_hex(std::string_view bytes);
/// At most 64 bytes in hex, then "...".
std::string short_hex(ByteView bytes);

}  // namespace converge::verify
