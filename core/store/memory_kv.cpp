#include "core/store/kv.h"
#include "core/store/repair.h"

#include <map>
#include <mutex>
#include <shared_mutex>

namespace converge::store {
namespace {

using Map = std::map<std::string, std::string, std::less<>>;

/// Holds the lock's shared side for as long as it lives, so nobody may write while holding one.
class MemoryCursor final : public Cursor {
 public:
  MemoryCursor(const Map& map, std::shared_lock<std::shared_mutex> lock)
      : map_(map), lock_(std::move(lock)), at_(map.end()) {}

  void seek(std::string_view key) override { at_ = map_.lower_bound(key); }
  void next() override { ++at_; }
  bool valid() const override { return at_ != map_.end(); }
  std::string_view key() const override { return at_->first; }
  std::string_view value() const override { return at_->second; }
  Result<void> status() const override { return {}; }

 private:
  const Map& map_;
  std::shared_lock<std::shared_mutex> lock_;
  Map::const_iterator at_;
};

class MemoryKv final : public Kv {
 public:
  Result<std::optional<std::string>> get(std::string_view key) override {
    const std::shared_lock lock(mutex_);
    const auto found = map_.find(key);
    if (found == map_.end()) return std::optional<std::string>();
    return std::optional<std::string>(found->second);
  }

  Result<std::unique_ptr<Cursor>> cursor(bool) override {
    return std::unique_ptr<Cursor>(std::make_unique<MemoryCursor>(map_, std::shared_lock(mutex_)));
  }

  Result<void> write(const Batch& batch, bool) override {
    const std::unique_lock lock(mutex_);
    for (const Batch::Entry& entry : batch.entries()) {
      if (entry.value) {
        map_.insert_or_assign(entry.key, *entry.value);
      } else {
        map_.erase(entry.key);
      }
    }
    return {};
  }

  Result<void> reopen() override { return {}; }
  Result<bool> rotate_manifest(bool) override { return true; }
  Result<void> probe_room() override { return {}; }
  Result<void> close() override { return {}; }
  Result<void> initialised() override { return {}; }
  Result<void> compact(std::string_view, std::string_view) override { return {}; }
  void fill_stats(StoreStats& stats) override {
    const std::shared_lock lock(mutex_);
    for (const auto& [key, value] : map_) stats.memory_bytes += key.size() + value.size();
  }
  std::optional<std::uint64_t> free_bytes() override { return std::nullopt; }
  void release_reserve() override {}
  Result<void> restore_reserve() override { return {}; }
  bool has_reserve() override { return true; }
  std::optional<Error> write_failure() override { return std::nullopt; }
  Result<std::uint64_t> count_entries(const DocumentId&) override { return 0; }
  Result<void> keep_aside(const std::string&, std::string_view) override { return {}; }
  Result<void> drop_aside(const std::string&) override { return {}; }
  Result<RepairPlan> plan_repair(const std::vector<DocumentId>&, const WithPause&) override {
    return RepairPlan{};
  }
  Result<void> repair_tables(RepairReport&) override { return {}; }
  Result<CheckReport> check(const CheckOptions&, const WithPause&) override {
    return Error{ErrorCode::kUnsupported, "a store in memory has no files to check"};
  }
  Result<BackupReport> backup(const std::filesystem::path&, const BackupOptions&,
                              const BackupContext&, const WithPause&) override {
    return Error{ErrorCode::kUnsupported, "a store in memory has no files to back up"};
  }

 private:
  std::shared_mutex mutex_;
  Map map_;
};

}  // namespace

const Batch::Entry* Batch::find(const std::string& key) const {
  const auto found = index_.find(key);
  return found == index_.end() ? nullptr : &entries_[found->second];
}

void Batch::set(std::string key, std::optional<std::string> value) {
  bytes_ += key.size() + (value ? value->size() : 0);
  const auto [at, is_new] = index_.try_emplace(key, entries_.size());
  if (is_new) {
    entries_.push_back({std::move(key), std::move(value)});
    return;
  }
  Entry& entry = entries_[at->second];
  bytes_ -= entry.key.size() + (entry.value ? entry.value->size() : 0);
  entry.value = std::move(value);
}

std::unique_ptr<Kv> make_memory_kv() { return std::make_unique<MemoryKv>(); }

}  // namespace converge::store
