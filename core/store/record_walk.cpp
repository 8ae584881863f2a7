#include "core/store/record_walk.h"

#include "core/store/log_walk.h"

#include <algorithm>
#include <optional>
#include <queue>

namespace converge::store {

/// A run of entries in internal key order.
struct RecordWalk::Source {
  virtual ~Source() = default;
  /// Moves to the first or next entry; false at the end.
  virtual bool advance() = 0;
  virtual std::string_view key() const = 0;
  virtual std::string_view value() const = 0;
};

namespace {

using Source = RecordWalk::Source;

std::string internal_key(std::string_view user_key, std::uint64_t sequence, bool is_deletion) {
  std::string out(user_key);
  const std::uint64_t trailer = (sequence << 8) | (is_deletion ? 0 : 1);
  for (int i = 0; i < 8; ++i) out.push_back(static_cast<char>((trailer >> (8 * i)) & 0xff));
  return out;
}

std::string user_part(std::string_view key) {
  return std::string(key.substr(0, key.size() - std::min<std::size_t>(8, key.size())));
}

/// One or several tables whose key ranges follow each other.
class TableSource final : public Source {
 public:
  TableSource(const std::filesystem::path& database, std::vector<std::uint64_t> numbers,
              const RecordWalk::OnDamage& on_damage, WalkTotals& totals)
      : database_(database), numbers_(std::move(numbers)), on_damage_(on_damage), totals_(totals) {}

  bool advance() override {
    if (++at_entry_ < block_.entries.size()) return true;
    while (true) {
      if (!table_ && !open_next()) return false;
      if (read_next_block()) return true;
    }
  }
  std::string_view key() const override { return block_.entries[at_entry_].key; }
  std::string_view value() const override { return block_.entries[at_entry_].value; }

 private:
  bool open_next() {
    while (at_table_ < numbers_.size()) {
      const auto path = table_path(database_, numbers_[at_table_++]);
      name_ = path.filename().string();
      auto opened = TableReader::open(path);
      if (!opened) {
        on_damage_({"table.missing", name_, 0, opened.error().message, last_key_, {}});
        continue;
      }
      table_.emplace(std::move(*opened));
      totals_.tables += 1;
      if (const auto damage = table_->read_index()) {
        on_damage_({damage->code, name_, damage->offset, damage->why, last_key_, {}});
      }
      at_block_ = 0;
      return true;
    }
    return false;
  }

  /// False when the table is used up; then it is closed.
  bool read_next_block() {
    std::optional<WalkDamage> hole;
    while (at_block_ < table_->blocks().size()) {
      const BlockHandle handle = table_->blocks()[at_block_++];
      totals_.blocks += 1;
      totals_.bytes += handle.size + kBlockTrailerBytes;
      if (const auto damage = table_->read_block(handle, block_)) {
        if (hole) on_damage_(*hole);
        hole = WalkDamage{damage->code, name_, damage->offset, damage->why, last_key_, {}};
        continue;
      }
      if (block_.entries.empty()) continue;
      if (hole) hole->key_after = user_part(block_.entries.front().key);
      if (hole) on_damage_(*hole);
      last_key_ = user_part(block_.entries.back().key);
      at_entry_ = 0;
      return true;
    }
    if (hole) on_damage_(*hole);
    table_.reset();
    block_.entries.clear();
    return false;
  }

  std::filesystem::path database_;
  std::vector<std::uint64_t> numbers_;
  const RecordWalk::OnDamage& on_damage_;
  WalkTotals& totals_;
  std::size_t at_table_ = 0;
  std::optional<TableReader> table_;
  std::string name_;
  std::size_t at_block_ = 0;
  DecodedBlock block_;
  std::size_t at_entry_ = 0;
  std::string last_key_;
};

/// What logs hold, sorted.
class LogSource final : public Source {
 public:
  void add(std::string_view key, std::string_view value) {
    entries_.emplace_back(std::string(key), std::string(value));
    is_sorted_ = false;
  }
  bool advance() override {
    if (!is_sorted_) {
      std::ranges::sort(entries_, [](const auto& a, const auto& b) {
        return compare_internal(a.first, b.first) < 0;
      });
      is_sorted_ = true;
      at_ = 0;
      return !entries_.empty();
    }
    return ++at_ < entries_.size();
  }
  std::string_view key() const override { return entries_[at_].first; }
  std::string_view value() const override { return entries_[at_].second; }

 private:
  std::vector<std::pair<std::string, std::string>> entries_;
  bool is_sorted_ = false;
  std::size_t at_ = 0;
};

struct NewestLast {
  bool operator()(const Source* a, const Source* b) const {
    return compare_internal(a->key(), b->key()) > 0;
  }
};

}  // namespace

struct RecordWalk::Impl {
  std::filesystem::path database;
  OnDamage on_damage;
  WalkTotals totals;
  std::vector<std::unique_ptr<Source>> sources;
  std::unique_ptr<LogSource> logs = std::make_unique<LogSource>();
  std::priority_queue<Source*, std::vector<Source*>, NewestLast> heap;
  bool has_begun = false;
  Source* current = nullptr;
  std::string key;

  void begin() {
    has_begun = true;
    sources.push_back(std::move(logs));
    for (const auto& source : sources) push(source.get());
  }
  void push(Source* source) {
    if (source->advance()) heap.push(source);
  }
};

RecordWalk::RecordWalk(std::filesystem::path database, OnDamage on_damage)
    : impl_(std::make_unique<Impl>()) {
  impl_->database = std::move(database);
  impl_->on_damage = std::move(on_damage);
}

RecordWalk::~RecordWalk() = default;

void RecordWalk::add_level(std::vector<TableFile> files) {
  std::ranges::sort(files, [](const TableFile& a, const TableFile& b) {
    return compare_internal(a.smallest, b.smallest) < 0;
  });
  std::vector<std::uint64_t> numbers;
  for (const TableFile& file : files) numbers.push_back(file.number);
  impl_->sources.push_back(std::make_unique<TableSource>(impl_->database, std::move(numbers),
                                                         impl_->on_damage, impl_->totals));
}

void RecordWalk::add_table(std::uint64_t number) {
  impl_->sources.push_back(std::make_unique<TableSource>(impl_->database, std::vector{number},
                                                         impl_->on_damage, impl_->totals));
}

void RecordWalk::add_log(std::uint64_t number) {
  const std::string name = log_name(number);
  const auto bytes = read_whole_file(impl_->database / name);
  if (!bytes) {
    impl_->on_damage({"log.missing", name, 0, bytes.error().message, {}, {}});
    return;
  }
  impl_->totals.bytes += bytes->size();
  LogReader reader(*bytes);
  while (true) {
    const auto record = reader.next();
    if (!record) {
      // The log walk judges holes; here the readable rest counts.
      if (!reader.hole()) return;
      continue;
    }
    const auto batch = decode_batch(record->bytes);
    if (!batch) {
      impl_->on_damage({"log.damaged", name, record->offset, batch.error().message, {}, {}});
      continue;
    }
    impl_->totals.log_records += 1;
    std::uint64_t sequence = batch->sequence;
    for (const BatchOperation& operation : batch->operations) {
      impl_->logs->add(internal_key(operation.key, sequence++, !operation.value),
                       operation.value.value_or(std::string_view()));
    }
  }
}

bool RecordWalk::next(std::string_view& key, std::string_view& value) {
  Impl& impl = *impl_;
  if (!impl.has_begun) impl.begin();
  bool has_key = impl.current != nullptr;
  if (impl.current != nullptr) impl.push(std::exchange(impl.current, nullptr));
  while (!impl.heap.empty()) {
    Source* const source = impl.heap.top();
    impl.heap.pop();
    const auto parsed = parse_internal_key(source->key());
    const bool is_older = has_key && parsed && parsed->user_key == impl.key;
    if (!parsed || is_older) {
      impl.push(source);
      continue;
    }
    impl.key = parsed->user_key;
    has_key = true;
    if (parsed->is_deletion) {
      impl.push(source);
      continue;
    }
    impl.current = source;
    key = impl.key;
    value = source->value();
    return true;
  }
  return false;
}

const WalkTotals& RecordWalk::totals() const { return impl_->totals; }

std::filesystem::path table_path(const std::filesystem::path& database, std::uint64_t number) {
  std::filesystem::path path = database / table_name(number);
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    auto older = path;
    older.replace_extension(".ldb");
    if (std::filesystem::exists(older, error)) return older;
  }
  return path;
}

}  // namespace converge::store
