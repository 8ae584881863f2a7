#include "core/store/identity.h"

#include "core/store/directory.h"
#include "core/store/group.h"
#include "core/store/keys.h"
#include "core/store/leveldb_kv.h"
#include "core/store/values.h"

namespace converge::store {
namespace {

constexpr std::size_t kSyncStatesPerBatch = 10'000;

Result<Ledger> read_ledger(Kv& kv) {
  const std::string key = meta_key(kLedgerName);
  const auto value = kv.get(key);
  if (!value) return value.error();
  if (!*value) {
    return Error{ErrorCode::kCorrupt,
                 "store.metadata: the record of the store's commits is missing", "store.corrupt"};
  }
  return decode_ledger(key, **value);
}

/// The next sync states to drop, from `from` on.
Result<std::vector<std::string>> sync_states(Kv& kv, std::string& from) {
  std::vector<std::string> keys;
  auto cursor = kv.cursor(false);
  if (!cursor) return cursor.error();
  Cursor& at = **cursor;
  for (at.seek(from); at.valid() && at.key().starts_with("d"); at.next()) {
    const auto parsed = parse_key(at.key());
    if (!parsed || parsed->kind != Kind::kPeerSync) continue;
    if (keys.size() == kSyncStatesPerBatch) {
      from = at.key();
      return keys;
    }
    keys.emplace_back(at.key());
  }
  if (const auto ok = at.status(); !ok) return ok.error();
  from.clear();
  return keys;
}

}  // namespace

Result<void> drop_sync_states(Kv& kv, const GroupWriter& write) {
  std::string from = "d";
  while (!from.empty()) {
    const auto keys = sync_states(kv, from);
    if (!keys) return keys.error();
    if (keys->empty()) continue;
    const auto dropped = write([&](Group& group) -> Result<void> {
      for (const std::string& key : *keys) group.erase(key);
      return {};
    });
    if (!dropped) return dropped;
  }
  return {};
}

Result<StoreId> renew_identity(const std::filesystem::path& path, const OpenOptions& options) {
  if (auto ok = expect_store(path); !ok) return ok.error();
  OpenOptions existing = options;
  existing.mode = OpenMode::kExisting;
  auto directory = StoreDirectory::open(path, existing);
  if (!directory) return directory.error();
  auto opened = open_leveldb_kv(std::move(*directory), existing);
  if (!opened) return opened.error();
  Kv& kv = *opened->kv;
  auto ledger = read_ledger(kv);
  if (!ledger) return ledger.error();

  HeaderCache cache;
  const auto write = [&](const std::function<Result<void>(Group&)>& fill) -> Result<void> {
    Group group(kv, cache, *ledger, options.clock->wall_now_ms());
    if (auto ok = fill(group); !ok) return ok;
    group.ledger().synced = ledger->commit;
    group.ledger().commit += 1;
    if (auto ok = kv.write(group.seal(), true); !ok) return ok;
    *ledger = group.ledger();
    return {};
  };
  StoreId id{};
  options.random->fill(id);
  const auto renamed = write([&](Group& group) -> Result<void> {
    std::string key = meta_key("store-id");
    std::string value = encode_blob(key, Kind::kMeta, as_text(id));
    group.put(std::move(key), std::move(value));
    return {};
  });
  if (!renamed) return renamed.error();
  if (auto ok = drop_sync_states(kv, write); !ok) return ok.error();
  if (auto ok = kv.close(); !ok) return ok.error();
  return id;
}

}  // namespace converge::store
