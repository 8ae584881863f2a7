#include "core/store/backup_records.h"

#include "core/store/directory.h"
#include "core/store/keys.h"
#include "core/store/kv.h"
#include "core/store/manifest.h"
#include "core/store/record_walk.h"
#include "core/store/values.h"

#include <algorithm>
#include <array>

namespace converge::store {
namespace {

/// Spaces of grants, names and tombstones, in key order.
constexpr std::array<std::string_view, 3> kRepeatedSpaces = {"g", "n", "t"};
/// Documents that a finding lists.
constexpr std::size_t kListedDocuments = 100;

Result<void> add_repeated(std::string_view key, std::string_view value, BackupRecords& records) {
  const auto parsed = parse_key(key);
  if (!parsed) return parsed.error();
  if (parsed->kind == Kind::kName) {
    const auto document = decode_name(key, value);
    if (!document) return document.error();
    records.names.push_back({std::string(parsed->name), *document});
  } else if (parsed->kind == Kind::kTombstone) {
    auto tombstone = decode_tombstone(key, value);
    if (!tombstone) return tombstone.error();
    records.tombstones.push_back(std::move(*tombstone));
  } else if (parsed->kind == Kind::kGrant) {
    records.grants.push_back({std::string(key), std::string(value)});
  }
  return {};
}

bool may_hold_repeated(const TableFile& file) {
  const auto first = parse_internal_key(file.smallest);
  const auto last = parse_internal_key(file.largest);
  if (!first || !last) return true;
  return std::ranges::any_of(kRepeatedSpaces, [&](std::string_view space) {
    return first->user_key < prefix_end(space) && last->user_key >= space;
  });
}

Result<void> add_files(const std::filesystem::path& database, RecordWalk& walk) {
  const auto current = read_current(database);
  if (!current) return current.error();
  const auto bytes = read_small_file(database / *current, 1u << 30);
  if (!bytes) return bytes.error();
  const auto version = read_manifest(*bytes);
  if (!version) return version.error();
  for (int level = 0; level < kLevels; ++level) {
    std::vector<TableFile> files;
    for (const TableFile& file : version->files)
      if (file.level == level && may_hold_repeated(file)) files.push_back(file);
    if (level > 0) {
      walk.add_level(std::move(files));
      continue;
    }
    for (const TableFile& file : files) walk.add_table(file.number);
  }
  const auto present = list_database(database);
  if (!present) return present.error();
  for (const std::uint64_t log : present->logs)
    if (log >= version->log_number) walk.add_log(log);
  return {};
}

/// How one sort of record differs; nothing when it does not. Both lists are in key order.
template <class Record, class Less, class DocumentOf>
void compare_sort(const std::string& sort, const std::vector<Record>& said,
                  const std::vector<Record>& found, const Less& less, const DocumentOf& document_of,
                  std::vector<Finding>& findings) {
  Finding finding{"backup.records", Severity::kError, {}, {"BACKUP", 0, {}}, {}, 0, {}};
  std::size_t lacking = 0;
  std::size_t other = 0;
  const auto note = [&](const Record& record) {
    if (finding.documents.size() < kListedDocuments) document_of(record, finding.documents);
  };
  auto have = found.begin();
  for (const Record& record : said) {
    for (; have != found.end() && less(*have, record); ++have, ++other) note(*have);
    const bool is_same = have != found.end() && *have == record;
    if (!is_same) {
      lacking += 1;
      note(record);
    }
    if (have != found.end() && !less(record, *have)) ++have;
  }
  for (; have != found.end(); ++have, ++other) note(*have);
  if (lacking + other == 0) return;
  finding.what = std::to_string(lacking) + " of " + std::to_string(said.size()) + " " + sort +
                 " of the report are not in the files, " + std::to_string(other) +
                 " are in the files only";
  finding.next = "use another backup";
  findings.push_back(std::move(finding));
}

}  // namespace

Result<BackupRecords> collect_backup_records(Cursor& cursor) {
  BackupRecords records;
  for (const std::string_view space : kRepeatedSpaces) {
    for (cursor.seek(space); cursor.valid() && cursor.key().starts_with(space); cursor.next()) {
      if (auto ok = add_repeated(cursor.key(), cursor.value(), records); !ok) return ok.error();
    }
    if (auto ok = cursor.status(); !ok) return ok.error();
  }
  return records;
}

Result<std::vector<Finding>> compare_backup_records(const std::filesystem::path& database,
                                                    const BackupRecords& said) {
  // What cannot be read is not found: that is told, and by which file, when the sums are compared.
  RecordWalk walk(database, [](const WalkDamage&) {});
  if (auto ok = add_files(database, walk); !ok) return ok.error();
  BackupRecords found;
  std::string_view key;
  std::string_view value;
  while (walk.next(key, value)) {
    const bool is_repeated = std::ranges::any_of(
        kRepeatedSpaces, [&](std::string_view space) { return key.starts_with(space); });
    if (is_repeated) static_cast<void>(add_repeated(key, value, found).has_value());
  }
  std::vector<Finding> findings;
  compare_sort(
      "names", said.names, found.names,
      [](const auto& a, const auto& b) { return a.name < b.name; },
      [](const auto& record, auto& out) { out.push_back(record.document); }, findings);
  compare_sort(
      "tombstones", said.tombstones, found.tombstones,
      [](const auto& a, const auto& b) { return a.document < b.document; },
      [](const auto& record, auto& out) { out.push_back(record.document); }, findings);
  compare_sort(
      "grants", said.grants, found.grants,
      [](const auto& a, const auto& b) { return a.key < b.key; }, [](const auto&, auto&) {},
      findings);
  return findings;
}

}  // namespace converge::store
