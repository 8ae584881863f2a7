#pragma once

#include "core/base/result.h"
#include "core/verify/convergence.h"

#include <string>

namespace converge::verify {

/// An invariant written in SQL, evaluated by SQLite in memory: `statement` is one reading statement
/// in which ":doc" is the document's JSON (for json_extract, json_each, json_tree); it must give
/// one row with one value, which is true: a number other than 0. One thread at a time.
/// Errors: query.syntax for a statement that SQLite does not take, that writes, or that has other
/// parameters; the check fails with query.syntax when it cannot be evaluated.
Result<Invariant> sql_invariant(std::string name, const std::string& statement);

}  // namespace converge::verify
