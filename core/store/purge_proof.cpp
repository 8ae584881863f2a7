#include "core/store/purge_proof.h"

#include "core/store/keys.h"
#include "core/store/log_reader.h"
#include "core/store/log_walk.h"
#include "core/store/manifest.h"
#include "core/store/record_walk.h"
#include "core/store/table_reader.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace converge::store {
namespace {

class EntryCounter {
 public:
  explicit EntryCounter(const DocumentId& document)
      : prefixes_{document_prefix(document), header_key(document), name_link_prefix(document),
                  conflict_key(document)} {}

  Result<std::uint64_t> table(const std::filesystem::path& path) const {
    auto reader = TableReader::open(path);
    if (!reader) return reader.error();
    if (const auto damage = reader->read_index()) return unreadable(path);
    std::uint64_t found = 0;
    DecodedBlock block;
    for (const BlockHandle& handle : reader->blocks()) {
      if (reader->read_block(handle, block)) return unreadable(path);
      for (const DecodedBlock::Entry& entry : block.entries) {
        const auto key = parse_internal_key(entry.key);
        found += !key || is_ours(key->user_key) ? 1 : 0;
      }
    }
    return found;
  }

  Result<std::uint64_t> log(const std::filesystem::path& path) const {
    const auto bytes = read_whole_file(path);
    if (!bytes) return bytes.error();
    std::uint64_t found = 0;
    LogReader reader(*bytes);
    while (const auto record = reader.next()) {
      const auto batch = decode_batch(record->bytes);
      if (!batch) return unreadable(path);
      for (const BatchOperation& operation : batch->operations)
        found += is_ours(operation.key) ? 1 : 0;
    }
    return found;
  }

 private:
  bool is_ours(std::string_view key) const {
    return std::ranges::any_of(prefixes_,
                               [&](const std::string& each) { return key.starts_with(each); });
  }

  static Error unreadable(const std::filesystem::path& path) {
    return {ErrorCode::kCorrupt, path.filename().string() + " cannot be read to its end",
            "store.corrupt", "syncctl store repair"};
  }

  std::array<std::string, 4> prefixes_;
};

}  // namespace

Result<std::uint64_t> count_entries(const std::filesystem::path& database,
                                    const DocumentId& document) {
  const auto files = list_database(database);
  if (!files) return files.error();
  const EntryCounter counter(document);
  std::uint64_t found = 0;
  const auto add = [&](const std::filesystem::path& path,
                       const Result<std::uint64_t>& count) -> Result<void> {
    std::error_code error;
    if (count) {
      found += *count;
    } else if (std::filesystem::exists(path, error)) {
      return count.error();
    }
    return {};
  };
  for (const std::uint64_t number : files->tables) {
    const auto path = table_path(database, number);
    if (auto ok = add(path, counter.table(path)); !ok) return ok.error();
  }
  for (const std::uint64_t number : files->logs) {
    const auto path = database / log_name(number);
    if (auto ok = add(path, counter.log(path)); !ok) return ok.error();
  }
  return found;
}

}  // namespace converge::store
