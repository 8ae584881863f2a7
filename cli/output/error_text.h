#pragma once

#include "core/base/result.h"

#include <string>

namespace converge::cli {

/// The error form of the contract, section 9: at most five lines, each ending in a line break.
///
///     syncctl: error: WHAT
///       WHY
///     hint: ...
///     code: doc.not_found (exit 3)
std::string error_text(const Error& error, bool with_code, bool color);

/// "syncctl: warning: ..."
std::string warning_text(const std::string& message, bool color);

}  // namespace converge::cli
