#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace converge::testing {

/// A file or folder of the conformance hand-outs (vectors/, data/, spec/), which live beside the
/// project and not in it. Found through the environment variable CONVERGE_SHARED, else ../shared
/// beside the source tree. Nothing, with one loud warning on stderr, where it is missing: the
/// caller then skips.
std::optional<std::filesystem::path> shared_data(const std::string& relative_path);

/// The whole file; throws std::runtime_error when it cannot be read (tests only).
std::string read_file(const std::filesystem::path& path);

/// The same, un-gzipped when the name ends in .gz.
std::string read_text_maybe_gzip(const std::filesystem::path& path);

}  // namespace converge::testing
