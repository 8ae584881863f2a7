#include "core/store/own_records.h"

#include "core/store/directory.h"
#include "core/store/identity.h"
#include "core/store/keys.h"
#include "core/store/log_reader.h"
#include "core/store/log_walk.h"
#include "core/store/manifest.h"
#include "core/store/values.h"

#include <algorithm>
#include <array>
#include <utility>

namespace converge::store {
namespace {

constexpr std::string_view kOwnSpace = "m";

/// What must never be behind: another id goes with any doubt about it.
bool is_of_identity(std::string_view name) {
  return name == "store-id" || name == "incarnation" || name == kLedgerName;
}

bool decodes(std::string_view name, std::string_view key, std::string_view value) {
  if (name == "format") return decode_format(key, value).has_value();
  if (name == kLedgerName) return decode_ledger(key, value).has_value();
  if (name == "store-id") {
    const auto id = decode_blob(key, value, Kind::kMeta);
    return id && id->size() == StoreId{}.size();
  }
  return decode_number(key, value, Kind::kMeta).has_value();
}

}  // namespace

bool may_have_held(const RepairPlan& plan, std::string_view key) {
  return std::ranges::any_of(plan.tables, [&](const DamagedTable& table) {
    return std::ranges::any_of(table.lost, [&](const auto& hole) {
      // Behind a readable entry there are only older ones of its key.
      const bool begins_before = hole.first < key || (hole.first == key && key == table.first_key);
      return begins_before && (hole.second.empty() || key <= hole.second);
    });
  });
}

bool may_have_held_any(const RepairPlan& plan, std::string_view space) {
  const std::string end = prefix_end(space);
  return std::ranges::any_of(plan.tables, [&](const DamagedTable& table) {
    return std::ranges::any_of(table.lost, [&](const auto& hole) {
      return hole.first < end && (hole.second.empty() || hole.second >= space);
    });
  });
}

std::vector<std::string> may_lack(const RepairPlan& plan) {
  constexpr std::array<std::pair<const char*, const char*>, 5> kUntold{
      {{"mu.", "settings"},
       {"p", "peers"},
       {"q", "quarantine entries"},
       {"t", "deletions"},
       {"x", "answers to repeated requests"}}};
  std::vector<std::string> out;
  for (const auto& [space, name] : kUntold) {
    if (may_have_held_any(plan, space)) out.emplace_back(name);
  }
  return out;
}

Result<std::set<std::string>> own_keys_in_logs(const std::filesystem::path& database) {
  std::set<std::string> out;
  const auto current = read_current(database);
  if (!current) return current.error();
  const auto bytes = read_whole_file(database / *current);
  if (!bytes) return bytes.error();
  const auto version = read_manifest(*bytes);
  if (!version) return version.error();
  const auto files = list_database(database);
  if (!files) return files.error();
  for (const std::uint64_t log : files->logs) {
    if (log < version->log_number) continue;
    const auto text = read_whole_file(database / log_name(log));
    if (!text) return text.error();
    LogReader reader(*text);
    for (auto record = reader.next(); record; record = reader.next()) {
      const auto batch = decode_batch(record->bytes);
      if (!batch) break;
      for (const BatchOperation& operation : batch->operations) {
        if (operation.key.starts_with(kOwnSpace)) out.emplace(operation.key);
      }
    }
  }
  return out;
}

Result<bool> OwnRecords::is_sound(std::string_view name) {
  const std::string key = meta_key(name);
  const auto value = kv_.get(key);
  if (!value) return value.error();
  if (!*value || !decodes(name, key, **value)) return false;
  return certain_.contains(key) || !may_have_held(plan_, key);
}

Result<Ledger> OwnRecords::read() {
  for (const std::string_view name :
       {std::string_view("format"), std::string_view("store-id"), std::string_view("created"),
        std::string_view("incarnation"), kLedgerName}) {
    const auto sound = is_sound(name);
    if (!sound) return sound.error();
    if (!*sound) unsound_.emplace_back(name);
  }
  if (auto ok = collect_bad_settings(); !ok) return ok.error();
  const std::string key = meta_key(kLedgerName);
  const auto value = kv_.get(key);
  if (!value) return value.error();
  Ledger ledger;
  if (*value) {
    if (auto found = decode_ledger(key, **value)) ledger = std::move(*found);
  }
  if (std::ranges::find(unsound_, kLedgerName) != unsound_.end()) {
    if (auto ok = raise_last_receipt(ledger); !ok) return ok.error();
  }
  return ledger;
}

/// A number that was given must not be given again.
Result<void> OwnRecords::raise_last_receipt(Ledger& ledger) {
  for (const char* space : {"r", "d"}) {
    auto cursor = kv_.cursor(false);
    if (!cursor) return cursor.error();
    Cursor& at = **cursor;
    for (at.seek(space); at.valid() && at.key().starts_with(space); at.next()) {
      const auto parsed = parse_key(at.key());
      if (!parsed) continue;
      ReceiptNumber number = parsed->kind == Kind::kReceipt ? parsed->number : 0;
      if (parsed->kind == Kind::kChange) {
        const auto change = decode_change(at.key(), at.value(), Kind::kChange);
        if (change) number = change->receipt;
      }
      ledger.last_receipt = std::max(ledger.last_receipt, number);
    }
    if (auto ok = at.status(); !ok) return ok;
  }
  return {};
}

/// Settings whose bytes do not verify: whoever reads all of them would stop there.
Result<void> OwnRecords::collect_bad_settings() {
  const std::string prefix = setting_key({});
  auto cursor = kv_.cursor(false);
  if (!cursor) return cursor.error();
  Cursor& at = **cursor;
  for (at.seek(prefix); at.valid() && at.key().starts_with(prefix); at.next()) {
    if (!decode_blob(at.key(), at.value(), Kind::kMeta))
      bad_settings_.emplace_back(at.key(), at.value());
  }
  return at.status();
}

/// When the first change was stored; now when nothing tells.
Result<std::uint64_t> OwnRecords::creation_time() {
  const std::string key = receipt_key(1);
  const auto value = kv_.get(key);
  if (!value) return value.error();
  const std::int64_t now = open_.clock->wall_now_ms();
  if (!*value) return static_cast<std::uint64_t>(now);
  const auto receipt = decode_receipt(key, **value);
  const bool is_told = receipt && receipt->time_ms > 0;
  return static_cast<std::uint64_t>(is_told ? receipt->time_ms : now);
}

Result<void> OwnRecords::write(const GroupWriter& write, RepairReport& report) {
  report.may_lack = may_lack(plan_);
  auto doubted = write([this](Group& group) -> Result<void> {
    doubt_conflict_index(group, plan_);
    return {};
  });
  if (!doubted) return doubted;
  if (unsound_.empty() && bad_settings_.empty()) return {};
  const auto created = creation_time();
  if (!created) return created.error();
  const bool is_new_store = std::ranges::any_of(unsound_, is_of_identity);
  StoreId id{};
  if (is_new_store) open_.random->fill(id);
  std::string aside;
  for (const auto& [key, value] : bad_settings_) aside += key + "\n" + value + "\n";
  if (!aside.empty()) {
    if (auto ok = kv_.keep_aside("settings-" + plan_.id + ".records", aside); !ok) return ok;
  }
  const auto written = write([&](Group& group) -> Result<void> {
    const auto put_number = [&](std::string_view name, std::uint64_t number) {
      std::string key = meta_key(name);
      std::string value = encode_number(key, Kind::kMeta, number);
      group.put(std::move(key), std::move(value));
    };
    for (const std::string& name : unsound_) {
      if (name == "created") put_number(name, *created);
      if (name == "incarnation") put_number(name, 0);
      if (name != "format") continue;
      std::string key = meta_key(name);
      std::string value = encode_format(key, {1, 0, {}, {}, open_.writer});
      group.put(std::move(key), std::move(value));
    }
    for (const auto& [key, value] : bad_settings_) group.erase(key);
    if (!is_new_store) return {};
    std::string key = meta_key("store-id");
    std::string value = encode_blob(key, Kind::kMeta, as_text(id));
    group.put(std::move(key), std::move(value));
    return {};
  });
  if (!written) return written;
  report.own_records = unsound_;
  for (const auto& [key, value] : bad_settings_) report.own_records.push_back(describe_key(key));
  if (!is_new_store) return {};
  report.new_id = id;
  return drop_sync_states(kv_, write);
}

void doubt_conflict_index(Group& group, const RepairPlan& plan) {
  if (may_have_held_any(plan, "k")) group.erase(setting_key(kConflictsIndexedSetting));
}

Result<void> finish_lost_removals(Kv& kv, const GroupWriter& write) {
  std::set<DocumentId> left;
  {
    auto cursor = kv.cursor(false);
    if (!cursor) return cursor.error();
    Cursor& at = **cursor;
    for (at.seek("i"); at.valid() && at.key().starts_with("i"); at.next()) {
      const auto record = decode_header(at.key(), at.value());
      if (record && record->header.state == DocumentState::kDeleted) left.insert(record->header.id);
    }
    for (at.seek("j"); at.valid() && at.key().starts_with("j"); at.next()) {
      const auto job = decode_job(at.key(), at.value());
      if (job) left.erase(job->document);
    }
    if (auto ok = at.status(); !ok) return ok;
  }
  for (const DocumentId& document : left) {
    const auto done = write([&](Group& group) { return erase_document(group, document); });
    if (!done) return done;
  }
  return {};
}

}  // namespace converge::store
