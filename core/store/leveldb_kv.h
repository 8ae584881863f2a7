#pragma once

#include "core/store/directory.h"
#include "core/store/kv.h"

#include <memory>

namespace converge::store {

/// What opening the files found.
struct FilesReport {
  std::uint64_t log_bytes_cut = 0;
  CommitNumber last_commit = 0;    ///< that the logs end with; 0: they are empty
  CommitNumber synced_commit = 0;  ///< highest that a record in the logs calls synced
};

/// LevelDB in a store directory, through LevelDbEnv. Never repairs by LevelDB's own means: see
/// store.md 5.
struct OpenedKv {
  std::unique_ptr<Kv> kv;
  FilesReport report;
};
Result<OpenedKv> open_leveldb_kv(StoreDirectory directory, const OpenOptions& options);

}  // namespace converge::store
