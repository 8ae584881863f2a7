#pragma once

#include "core/base/result.h"
#include "core/store/record_walk.h"
#include "core/store/types.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>
#include <vector>

/// Looks inside the files of a stopped store or a backup, by our own readers; changes nothing. For
/// people who debug, and for the proof that other programs read the same.
namespace converge::store {

/// Everything that a reader of the database sees, in key order.
struct RecordScan {
  std::string_view prefix;  ///< only keys that begin so
  /// False ends the scan. Borrowed until the next call.
  std::function<bool(std::string_view key, std::string_view value)> on_record;
};
struct ScanReport {
  std::uint64_t records = 0;
  /// Over all records that were passed on: each key and value as length (8, big-endian) and bytes.
  Sha256 digest{};
  std::vector<WalkDamage> damage;  ///< stepped over
};
/// Errors: kNotFound, kInvalid (no store), kLocked, kCorrupt (MANIFEST).
Result<ScanReport> scan_records(const std::filesystem::path& directory, const RecordScan& scan);

/// What a record says, field by field; what cannot be decoded says why under "error". Total.
nlohmann::json explain_record(std::string_view key, std::string_view value);

/// One entry a log record, with offset, sequence and operations; holes among them. Errors: kIo.
Result<nlohmann::json> explain_log(const std::filesystem::path& file, bool with_values);
/// The version that a MANIFEST ends with. Errors: kCorrupt, kIo.
Result<nlohmann::json> explain_manifest(const std::filesystem::path& file);
/// Blocks of a table and, asked for, their entries; damaged ones say so. Errors: kIo, kNotFound.
Result<nlohmann::json> explain_table(const std::filesystem::path& file, bool with_entries);

}  // namespace converge::store
