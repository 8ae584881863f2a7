#include "core/store/migrate.h"

#include "core/store/directory.h"
#include "core/store/inspect.h"
#include "core/store/keys.h"
#include "core/store/values.h"

#include <charconv>

namespace converge::store {
namespace {

constexpr std::string_view kFormatWord = "syncd-store ";

Error unknown_format(const std::string& what) {
  return {ErrorCode::kUnsupported,
          what + "; this release knows formats up to " + std::to_string(kNewestFormat),
          "store.newer", "use the release that wrote it, or a newer one"};
}

/// The number in FORMAT, which is read before anything else.
Result<std::uint32_t> format_number(const std::filesystem::path& directory) {
  const std::filesystem::path file = directory / kFormatFile;
  const auto line = read_small_file(file, 256);
  if (!line) {
    if (line.error().code != ErrorCode::kNotFound) return line.error();
    return Error{ErrorCode::kInvalid, directory.string() + " is not a store: it has no file FORMAT",
                 "input.file"};
  }
  std::uint32_t number = 0;
  const char* end = line->data() + line->size();
  const char* digits = line->starts_with(kFormatWord) ? line->data() + kFormatWord.size() : end;
  const auto [at, error] = std::from_chars(digits, end, number);
  if (error != std::errc{} || at == end || *at != '\n' || number == 0) {
    return Error{ErrorCode::kInvalid,
                 directory.string() + " is not a store: its FORMAT says something else",
                 "input.file"};
  }
  if (number > kNewestFormat)
    return unknown_format("the store has format " + std::to_string(number));
  return number;
}

Result<FormatRecord> format_record(const std::filesystem::path& directory) {
  const std::string wanted = meta_key("format");
  Result<FormatRecord> found =
      Error{ErrorCode::kCorrupt, "store.metadata: the record of the store's format is missing",
            "store.corrupt", "syncctl store check"};
  RecordScan scan;
  scan.prefix = wanted;
  scan.on_record = [&](std::string_view key, std::string_view value) {
    if (key == wanted) found = decode_format(key, value);
    return false;
  };
  const auto scanned = scan_records(directory, scan);
  if (!scanned) return scanned.error();
  return found;
}

}  // namespace

Result<MigrateReport> plan_migration(const std::filesystem::path& directory,
                                     const MigrateOptions& options) {
  if (auto ok = expect_store(directory); !ok) return ok.error();
  const auto number = format_number(directory);
  if (!number) return number.error();
  MigrateReport report;
  report.from = *number;
  report.to = options.to.value_or(kNewestFormat);
  if (report.to > kNewestFormat)
    return unknown_format("format " + std::to_string(report.to) + " was asked for");
  if (report.to < report.from) {
    return Error{ErrorCode::kInvalid,
                 "the store has format " + std::to_string(report.from) + ", and there is no way " +
                     "back to " + std::to_string(report.to),
                 "usage.argument",
                 "\"syncctl export --to DIR\" writes files that every release reads"};
  }
  const auto record = format_record(directory);
  if (!record) return record.error();
  if (record->major != *number)
    return Error{ErrorCode::kCorrupt,
                 "FORMAT says " + std::to_string(*number) + ", the store's own record " +
                     std::to_string(record->major),
                 "store.corrupt", "syncctl store check"};
  if (!record->required.empty())
    return unknown_format("the store, written by " + record->writer + ", needs the feature " +
                          record->required.front());
  report.writer = record->writer;
  report.steps = report.to - report.from;
  return report;
}

}  // namespace converge::store
