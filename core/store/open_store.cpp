#include "core/base/assert.h"
#include "core/store/directory.h"
#include "core/store/kv_store.h"
#include "core/store/leveldb_kv.h"

namespace converge::store {
namespace {

Result<void> check_options(const OpenOptions& options) {
  ASSERT(options.clock != nullptr && options.random != nullptr);
  const auto sync = options.relaxed_sync.count();
  if (sync < 10 || sync > 10'000) {
    return Error{ErrorCode::kInvalid, "relaxed_sync_ms must be 10 to 10000"};
  }
  return {};
}

}  // namespace

Result<OpenedStore> open_store(const std::filesystem::path& directory, const OpenOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  if (const auto ok = check_options(options); !ok) return ok.error();
  auto locked = StoreDirectory::open(directory, options);
  if (!locked) return locked.error();
  KvStoreOptions start;
  start.open = options;
  start.is_new = locked->is_new();
  auto files = open_leveldb_kv(std::move(*locked), options);
  if (!files) return files.error();
  start.log_last_commit = files->report.last_commit;
  start.log_synced_commit = files->report.synced_commit;
  if (const auto ok = files->kv->restore_reserve(); !ok && options.on_event) {
    options.on_event({StoreEvent::Severity::kWarning, "store.no-reserve", ok.error().message});
  }
  auto opened = KvStore::start(std::move(files->kv), std::move(start));
  if (!opened) return opened.error();
  opened->report.log_bytes_cut = files->report.log_bytes_cut;
  opened->report.elapsed = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now() - begin);
  return opened;
}

}  // namespace converge::store
