#pragma once

#include "core/store/kv.h"
#include "core/store/values.h"

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

namespace converge::store {

/// Decoded headers of recently written documents, so that an append costs no read. Commit thread
/// only. Forgotten as a whole when it is full or the write path failed.
using HeaderCache = std::unordered_map<DocumentId, HeaderRecord, model::DocumentIdHasher>;
inline constexpr std::size_t kHeaderCacheMax = 8192;

/// The batch of one commit group under construction, and the store as its members see it: what is
/// stored plus what the group's earlier members add. A member checks everything first and writes
/// only when nothing can fail any more, so a refused request leaves no trace. Commit thread only.
class Group {
 public:
  Group(Kv& kv, HeaderCache& cache, Ledger ledger, std::int64_t now_ms);

  std::int64_t now_ms() const { return now_ms_; }
  Ledger& ledger() { return ledger_; }
  Kv& kv() { return kv_; }

  /// The value under a key, or nothing.
  Result<std::optional<std::string>> get(const std::string& key);
  void put(std::string key, std::string value);
  void erase(std::string key);

  /// A document's header as of now, nothing when there is none.
  Result<std::optional<HeaderRecord>> header(const DocumentId& document);
  void put_header(HeaderRecord record);
  void erase_header(const DocumentId& document);

  std::size_t bytes() const { return batch_.bytes(); }
  /// Nothing but the ledger would be written.
  bool empty() const { return batch_.empty() && headers_.empty(); }

  /// Adds headers and ledger; the batch is complete. Once.
  const Batch& seal();
  /// After the batch was written: what the cache may remember.
  void publish_headers();

 private:
  Kv& kv_;
  HeaderCache& cache_;
  Ledger ledger_;
  std::int64_t now_ms_;
  Batch batch_;
  std::unordered_map<DocumentId, std::optional<HeaderRecord>, model::DocumentIdHasher> headers_;
};

/// Name of the ledger's record under `m`.
inline constexpr std::string_view kLedgerName = "commit";

}  // namespace converge::store
