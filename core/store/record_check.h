#pragma once

#include "core/store/check.h"
#include "core/store/values.h"

#include <functional>
#include <memory>
#include <optional>
#include <string_view>

namespace converge::store {

/// The invariants that need contents (I5 to I15), fed with every record in key order. Memory grows
/// with the number of documents (some 150 bytes each), not with their size; one document's snapshot
/// and hashes are held while its records pass.
class RecordChecker {
 public:
  using OnFinding = std::function<void(Finding)>;

  RecordChecker(SnapshotInspector inspector, OnFinding on_finding);
  ~RecordChecker();

  void add(std::string_view key, std::string_view value);
  /// After the last record. `is_whole` false: damage was stepped over, so what is missing may be
  /// explained by it and counts for less.
  void finish(bool is_whole);
  /// Instead of finish, when only some documents' records were fed.
  void finish_some(bool is_whole);

  std::uint64_t documents() const;
  std::uint64_t changes() const;
  std::uint64_t records() const;
  CommitNumber last_commit() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The hash of a type-1 chunk; nothing for other bytes. Total.
std::optional<ChangeHash> change_hash(ByteView chunk);

/// Dependencies that a type-1 chunk names. Errors: kCorrupt.
Result<std::vector<ChangeHash>> chunk_dependencies(ByteView chunk);

}  // namespace converge::store
