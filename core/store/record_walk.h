#pragma once

#include "core/base/result.h"
#include "core/store/log_reader.h"
#include "core/store/manifest.h"
#include "core/store/table_reader.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace converge::store {

/// Bytes that a walk could not read. The keys are the readable neighbours in that file; empty:
/// none.
struct WalkDamage {
  std::string code;
  std::string file;
  std::uint64_t offset = 0;
  std::string why;
  std::string key_before;
  std::string key_after;
};

struct WalkTotals {
  std::uint64_t tables = 0;
  std::uint64_t blocks = 0;
  std::uint64_t bytes = 0;
  std::uint64_t log_records = 0;
};

/// Every key with its newest value, in key order, as read from files without opening the database:
/// entries of tables and logs are merged by key, the highest sequence number wins, deletions hide.
/// Damage is reported and stepped over. Memory: one block per level-0 table and level, and the
/// logs.
class RecordWalk {
 public:
  using OnDamage = std::function<void(const WalkDamage&)>;

  RecordWalk(std::filesystem::path database, OnDamage on_damage);
  ~RecordWalk();

  /// Tables of one level above 0, disjoint and ascending: read one after the other.
  void add_level(std::vector<TableFile> files);
  /// A table that may overlap others.
  void add_table(std::uint64_t number);
  /// Readable batches of a log; goes on behind damage.
  void add_log(std::uint64_t number);

  /// The next record; false at the end. Borrowed until the next call.
  bool next(std::string_view& key, std::string_view& value);
  const WalkTotals& totals() const;

  struct Source;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The name of a table's file in `database`: .sst, or .ldb of an older store.
std::filesystem::path table_path(const std::filesystem::path& database, std::uint64_t number);

}  // namespace converge::store
