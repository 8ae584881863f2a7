#pragma once

#include "core/base/result.h"
#include "core/store/store.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace converge::store {

/// The format that this release writes, and the newest that it reads.
inline constexpr std::uint32_t kNewestFormat = 1;

struct MigrateOptions {
  std::optional<std::uint32_t> to;  ///< nothing: kNewestFormat
};

struct MigrateReport {
  std::uint32_t from = 0;
  std::uint32_t to = 0;
  std::string writer;  ///< who wrote the store's format record
  /// Steps that lead from one to the other; while there is one format there are none.
  std::uint32_t steps = 0;
};

/// What it takes to bring a stopped store to another major format (store.md 15). Reads only: a
/// store that has the format already is not touched, not even opened. Errors: kNotFound, kInvalid
/// (not a store; a way back, which there is none of), kUnsupported "store.newer" (a format or
/// feature, of the store or asked for, that this release does not know), kLocked, kCorrupt.
Result<MigrateReport> plan_migration(const std::filesystem::path& directory,
                                     const MigrateOptions& options);

}  // namespace converge::store
