#pragma once

#include "cli/commands/session.h"
#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/verify/anonymize.h"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>

namespace converge::cli {

/// The same with nothing in it that could tell whose it is or what is stored: numbers, times, words
/// of our own (states, codes, levels, versions, sizes) stay, any other text becomes "~" and 16
/// digits of a keyed hash, so that equal ones can still be seen to be equal.
nlohmann::json without_secrets(const nlohmann::json& value, const verify::Anonymizer& names);

/// The machine and the program, as far as they matter for a fault.
nlohmann::json describe_system();

/// A document's changes, one chunk behind the other, as stored or anonymized. Errors: those of
/// doc.export, input.file.
Result<Bytes> changes_for_bundle(Session& session, const std::string& doc,
                                 verify::Anonymizer* anonymizer);

/// Runs the line with sh -c. What it prints may hold anything, so anonymized only its size stays.
Result<nlohmann::json> reproduce(const std::string& line, const Clock& clock, bool anonymous);

}  // namespace converge::cli
