#include "core/store/inspect.h"

#include "core/store/directory.h"
#include "core/store/keys.h"
#include "core/store/lock_probe.h"
#include "core/store/log_walk.h"
#include "core/store/manifest.h"
#include "core/store/running_hash.h"
#include "core/store/table_reader.h"
#include "core/store/values.h"

#include <nlohmann/json.hpp>

#include <optional>

namespace converge::store {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

json hashes_of(const Heads& heads) {
  json out = json::array();
  for (const ChangeHash& hash : heads) out.push_back(hash.to_hex());
  return out;
}

json header_json(const HeaderRecord& record) {
  const DocumentHeader& header = record.header;
  return {{"state", static_cast<int>(header.state)},
          {"heads", hashes_of(header.heads)},
          {"document_seq", header.document_seq},
          {"changes", header.change_count},
          {"tail_changes", header.tail_changes},
          {"tail_bytes", header.tail_bytes},
          {"snapshot",
           {{"generation", header.snapshot.generation},
            {"bytes", header.snapshot.bytes},
            {"changes", header.snapshot.changes}}}};
}

json change_fields(const ChangeRecord& record) {
  return {{"receipt", record.receipt},
          {"received_ms", record.received_ms},
          {"source", record.source.peer},
          {"chunk_bytes", record.chunk.size()}};
}

json part_json(const SnapshotPart& part) {
  json out = {{"data_bytes", part.data.size()}};
  if (part.head) {
    out["bytes"] = part.head->bytes;
    out["parts"] = part.head->parts;
    out["changes"] = part.head->changes;
    out["sha256"] = to_hex(part.head->sha256);
    out["heads"] = hashes_of(part.head->heads);
  }
  return out;
}

json ledger_json(const Ledger& ledger) {
  return {{"commit", ledger.commit},
          {"synced", ledger.synced},
          {"last_receipt", ledger.last_receipt},
          {"documents", ledger.documents},
          {"changes", ledger.changes},
          {"tombstones", ledger.tombstones}};
}

/// Decoded by `decode`, shown by `show`; or the error.
template <class Decoded, class Show>
json shown(const Decoded& decoded, Show show) {
  if (!decoded) return {{"error", decoded.error().message}};
  return show(*decoded);
}

json meta_json(std::string_view name, std::string_view key, std::string_view value) {
  if (name == "commit") return shown(decode_ledger(key, value), ledger_json);
  if (name == "format") {
    return shown(decode_format(key, value), [](const FormatRecord& format) {
      return json{{"major", format.major}, {"minor", format.minor}, {"writer", format.writer}};
    });
  }
  if (name == "created" || name == "incarnation" || name == "clean") {
    return shown(decode_number(key, value, Kind::kMeta), [](std::uint64_t number) {
      return json{{"number", number}};
    });
  }
  return shown(decode_blob(key, value, Kind::kMeta), [](std::string_view bytes) {
    return json{{"hex", to_hex(as_bytes(bytes))}};
  });
}

json body_json(const ParsedKey& parsed, std::string_view key, std::string_view value) {
  switch (parsed.kind) {
    case Kind::kMeta:
      return meta_json(parsed.name, key, value);
    case Kind::kHeader:
      return shown(decode_header(key, value), header_json);
    case Kind::kChange:
    case Kind::kOrphan:
      return shown(decode_change(key, value, parsed.kind), change_fields);
    case Kind::kSnapshotPart:
      return shown(decode_snapshot_part(key, value), part_json);
    case Kind::kReceiptList:
      return shown(decode_receipt_list(key, value), [](const std::vector<ReceiptNumber>& receipts) {
        return json{{"receipts", receipts}};
      });
    case Kind::kPeerSync:
      return shown(decode_peer_sync(key, value), [](const Heads& heads) {
        return json{{"shared_heads", hashes_of(heads)}};
      });
    case Kind::kReceipt:
      return shown(decode_receipt(key, value), [](const Receipt& receipt) {
        return json{{"document", receipt.document.to_url()},
                    {"hash", receipt.hash.to_hex()},
                    {"time_ms", receipt.time_ms},
                    {"source", receipt.source.peer}};
      });
    case Kind::kName:
      return shown(decode_name(key, value), [](const DocumentId& id) {
        return json{{"document", id.to_url()}};
      });
    case Kind::kTombstone:
      return shown(decode_tombstone(key, value), [](const Tombstone& tombstone) {
        return json{{"deleted_ms", tombstone.deleted_ms}, {"heads", hashes_of(tombstone.heads)}};
      });
    case Kind::kPeer:
      return shown(decode_peer(key, value), [](const PeerEntry& entry) {
        return json{{"name", entry.record.name}};
      });
    default:
      return shown(open_value(key, value, parsed.kind), [](std::string_view body) {
        return json{{"body_bytes", body.size()}};
      });
  }
}

std::string user_key(std::string_view internal) {
  const auto parsed = parse_internal_key(internal);
  return parsed ? describe_key(parsed->user_key) : to_hex(as_bytes(internal));
}

/// Whether keys that begin with `prefix` can be in the table, by the MANIFEST's bounds.
bool may_hold(const TableFile& file, std::string_view prefix) {
  const auto smallest = parse_internal_key(file.smallest);
  const auto largest = parse_internal_key(file.largest);
  if (!smallest || !largest) return true;
  return largest->user_key >= prefix &&
         (smallest->user_key < prefix || smallest->user_key.starts_with(prefix));
}

std::optional<Manifest> current_version(const fs::path& database, std::optional<Error>& error) {
  const auto current = read_current(database);
  if (!current) {
    error = current.error();
    return std::nullopt;
  }
  const auto bytes = read_whole_file(database / *current);
  auto manifest = bytes ? read_manifest(*bytes) : Result<Manifest>(bytes.error());
  if (!manifest) {
    error = manifest.error();
    return std::nullopt;
  }
  return std::move(*manifest);
}

}  // namespace

Result<ScanReport> scan_records(const fs::path& directory, const RecordScan& scan) {
  if (auto ok = expect_store(directory); !ok) return ok.error();
  const fs::path database = directory / kDatabaseFolder;
  if (const auto known = check_format_file(directory); !known) return known.error();
  const auto lock = LockProbe::take(directory);
  if (!lock) return lock.error();
  std::optional<Error> error;
  const auto version = current_version(database, error);
  if (!version) return *error;
  const auto files = list_database(database);
  if (!files) return files.error();

  ScanReport report;
  RecordWalk walk(database, [&](const WalkDamage& damage) { report.damage.push_back(damage); });
  std::vector<std::vector<TableFile>> levels(kLevels);
  for (const TableFile& file : version->files) {
    if (!may_hold(file, scan.prefix)) continue;
    if (file.level == 0) walk.add_table(file.number);
    if (file.level > 0 && file.level < kLevels) {
      levels[static_cast<std::size_t>(file.level)].push_back(file);
    }
  }
  for (auto& level : levels) {
    if (!level.empty()) walk.add_level(std::move(level));
  }
  for (const std::uint64_t log : files->logs) {
    if (log >= version->log_number) walk.add_log(log);
  }
  RunningHash digest;
  std::string_view key;
  std::string_view value;
  while (walk.next(key, value)) {
    if (!key.starts_with(scan.prefix)) {
      if (key > scan.prefix) break;
      continue;
    }
    report.records += 1;
    digest.add_sized(key);
    digest.add_sized(value);
    if (scan.on_record && !scan.on_record(key, value)) break;
  }
  report.digest = digest.finish();
  return report;
}

json explain_record(std::string_view key, std::string_view value) {
  json out = {{"key", describe_key(key)}, {"value_bytes", value.size()}};
  const auto parsed = parse_key(key);
  if (!parsed) {
    out["error"] = parsed.error().message;
    return out;
  }
  out["record"] = to_string(parsed->kind);
  out["fields"] = body_json(*parsed, key, value);
  return out;
}

Result<json> explain_log(const fs::path& file, bool with_values) {
  const auto bytes = read_whole_file(file);
  if (!bytes) return bytes.error();
  json items = json::array();
  LogReader reader(*bytes);
  while (true) {
    const auto record = reader.next();
    if (!record) {
      const auto& hole = reader.hole();
      if (!hole) break;
      items.push_back({{"offset", hole->offset},
                       {"end", hole->end},
                       {"damage", hole->why},
                       {"is_tail", hole->is_tail}});
      continue;
    }
    json item = {{"offset", record->offset}, {"end", record->end}};
    const auto batch = decode_batch(record->bytes);
    if (!batch) {
      item["damage"] = batch.error().message;
      items.push_back(std::move(item));
      continue;
    }
    item["sequence"] = batch->sequence;
    json operations = json::array();
    for (const BatchOperation& operation : batch->operations) {
      const char* what = operation.value ? "put" : "delete";
      json each = with_values && operation.value ? explain_record(operation.key, *operation.value)
                                                 : json{{"key", describe_key(operation.key)}};
      each["do"] = what;
      operations.push_back(std::move(each));
    }
    item["operations"] = std::move(operations);
    items.push_back(std::move(item));
  }
  return json{{"kind", "LogDump"}, {"v", 1}, {"file", file.string()}, {"items", std::move(items)}};
}

Result<json> explain_manifest(const fs::path& file) {
  const auto bytes = read_whole_file(file);
  if (!bytes) return bytes.error();
  const auto manifest = read_manifest(*bytes);
  if (!manifest) return manifest.error();
  json files = json::array();
  for (const TableFile& table : manifest->files) {
    files.push_back({{"level", table.level},
                     {"file", table_name(table.number)},
                     {"bytes", table.size},
                     {"smallest", user_key(table.smallest)},
                     {"largest", user_key(table.largest)}});
  }
  return json{{"kind", "ManifestDump"},
              {"v", 1},
              {"file", file.string()},
              {"comparator", manifest->comparator},
              {"log_number", manifest->log_number},
              {"next_file", manifest->next_file},
              {"last_sequence", manifest->last_sequence},
              {"edits", manifest->edits},
              {"torn_tail", manifest->torn_tail.has_value()},
              {"items", std::move(files)}};
}

Result<json> explain_table(const fs::path& file, bool with_entries) {
  auto table = TableReader::open(file);
  if (!table) return table.error();
  json items = json::array();
  json damage;
  if (const auto broken = table->read_index()) {
    damage = {{"code", broken->code}, {"why", broken->why}, {"offset", broken->offset}};
  }
  DecodedBlock block;
  for (const BlockHandle& handle : table->blocks()) {
    json item = {{"offset", handle.offset}, {"bytes", handle.size}};
    if (const auto broken = table->read_block(handle, block)) {
      item["damage"] = broken->why;
      items.push_back(std::move(item));
      continue;
    }
    item["entries"] = block.entries.size();
    if (!block.entries.empty()) {
      item["first"] = user_key(block.entries.front().key);
      item["last"] = user_key(block.entries.back().key);
    }
    if (with_entries) {
      json records = json::array();
      for (const DecodedBlock::Entry& entry : block.entries) {
        const auto parsed = parse_internal_key(entry.key);
        if (!parsed) continue;
        json record = parsed->is_deletion ? json{{"key", describe_key(parsed->user_key)}}
                                          : explain_record(parsed->user_key, entry.value);
        record["sequence"] = parsed->sequence;
        record["do"] = parsed->is_deletion ? "delete" : "put";
        records.push_back(std::move(record));
      }
      item["records"] = std::move(records);
    }
    items.push_back(std::move(item));
  }
  return json{{"kind", "TableDump"},         {"v", 1},
              {"file", file.string()},       {"bytes", table->size()},
              {"damage", std::move(damage)}, {"items", std::move(items)}};
}

}  // namespace converge::store
