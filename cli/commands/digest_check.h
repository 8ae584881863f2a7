#pragma once

#include "core/base/result.h"

#include <nlohmann/json_fwd.hpp>

#include <map>
#include <string>

/// Is it what it was? What --expect of "digest" and "replay" asks.
namespace converge::cli {

/// What an earlier output of "digest" says: digests by document, or only a root.
struct ExpectedDigest {
  std::string root;
  std::map<std::string, std::string> digests;  ///< by URL, or by name where there is none
};

/// Any text or JSON form of "syncctl digest", or a recording, whose last mark counts. Errors:
/// input.file, input.json.
Result<ExpectedDigest> read_expected_digest(const std::string& file);

/// Only the root is compared from now on: worked out from the documents' digests where the file
/// does not say it. Errors: input.file for documents beside files, which have no common root.
Result<void> keep_root_alone(ExpectedDigest& expected, const std::string& file);

/// A DigestComparison: "only_left" is what `digest` has and nobody expected.
nlohmann::json compare_digest(const nlohmann::json& digest, const ExpectedDigest& expected);

/// "* todo/home", a line a difference.
std::string differences_text(const nlohmann::json& comparison);

}  // namespace converge::cli
