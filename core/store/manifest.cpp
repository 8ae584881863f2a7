#include "core/store/manifest.h"

#include "core/store/directory.h"
#include "core/store/leveldb_env.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <dirent.h>
#include <map>

namespace converge::store {
namespace {

enum Tag : std::uint32_t {
  kComparator = 1,
  kLogNumber = 2,
  kNextFile = 3,
  kLastSequence = 4,
  kCompactPointer = 5,
  kDeletedFile = 6,
  kNewFile = 7,
  kPreviousLogNumber = 9,
};

constexpr std::size_t kTrailerBytes = 8;

Error damaged(const std::string& why) {
  return {ErrorCode::kCorrupt, "manifest.damaged: " + why, "store.corrupt"};
}

/// Takes varints and strings from an edit; the first failure sticks.
class EditReader {
 public:
  explicit EditReader(std::string_view bytes) : rest_(bytes) {}
  bool at_end() const { return rest_.empty(); }
  bool failed() const { return failed_; }

  std::uint64_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift <= 63 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    failed_ = true;
    return 0;
  }
  int level() {
    const std::uint64_t value = number();
    if (value >= kLevels) failed_ = true;
    return static_cast<int>(value % kLevels);
  }
  std::string bytes() {
    const std::uint64_t length = number();
    if (failed_ || length > rest_.size()) {
      failed_ = true;
      return {};
    }
    std::string out(rest_.substr(0, length));
    rest_.remove_prefix(length);
    return out;
  }
  std::string internal_key() {
    std::string key = bytes();
    if (key.size() < kTrailerBytes) failed_ = true;
    return key;
  }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

using FileSet = std::map<std::pair<int, std::uint64_t>, TableFile>;

Result<void> apply_edit(std::string_view bytes, Manifest& manifest, FileSet& files) {
  EditReader edit(bytes);
  while (!edit.at_end() && !edit.failed()) {
    const std::uint64_t tag = edit.number();
    switch (tag) {
      case kComparator:
        manifest.comparator = edit.bytes();
        break;
      case kLogNumber:
        manifest.log_number = edit.number();
        break;
      case kPreviousLogNumber:
        manifest.previous_log_number = edit.number();
        break;
      case kNextFile:
        manifest.next_file = edit.number();
        break;
      case kLastSequence:
        manifest.last_sequence = edit.number();
        break;
      case kCompactPointer:
        edit.level();
        edit.internal_key();
        break;
      case kDeletedFile: {
        const int level = edit.level();
        const std::uint64_t number = edit.number();
        if (!edit.failed() && files.erase({level, number}) == 0) {
          return damaged("file " + std::to_string(number) + " is removed and was never added");
        }
        break;
      }
      case kNewFile: {
        TableFile file;
        file.level = edit.level();
        file.number = edit.number();
        file.size = edit.number();
        file.smallest = edit.internal_key();
        file.largest = edit.internal_key();
        const auto key = std::pair(file.level, file.number);
        if (!edit.failed()) files.insert_or_assign(key, std::move(file));
        break;
      }
      default:
        if (tag >= 100) {
          return Error{ErrorCode::kUnsupported,
                       "the MANIFEST was written by Pebble; export from there", "store.newer"};
        }
        return damaged("unknown tag " + std::to_string(tag));
    }
  }
  if (edit.failed()) return damaged("an edit is cut short");
  return {};
}

void put_varint(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>((value & 0x7f) | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

void put_bytes(std::string& out, std::string_view bytes) {
  put_varint(out, bytes.size());
  out.append(bytes);
}

std::optional<std::uint64_t> parse_number(std::string_view digits) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

std::string numbered(std::uint64_t number, std::string_view extension) {
  std::string digits = std::to_string(number);
  if (digits.size() < 6) digits.insert(0, 6 - digits.size(), '0');
  return digits.append(extension);
}

}  // namespace

Result<Manifest> read_manifest(std::string_view bytes) {
  Manifest manifest;
  FileSet files;
  LogReader reader(bytes);
  while (true) {
    const auto record = reader.next();
    if (record) {
      if (manifest.torn_tail) return damaged(manifest.torn_tail->why);
      if (const auto ok = apply_edit(record->bytes, manifest, files); !ok) return ok.error();
      manifest.edits += 1;
      manifest.bytes_good = record->end;
      continue;
    }
    if (!reader.hole()) break;
    if (!manifest.torn_tail) manifest.torn_tail = reader.hole();
  }
  if (manifest.edits == 0) return damaged("it holds no edit");
  if (manifest.comparator != kComparatorName) {
    return damaged("its comparator is " + manifest.comparator);
  }
  for (auto& [key, file] : files) manifest.files.push_back(std::move(file));
  return manifest;
}

std::string encode_manifest(const Manifest& manifest) {
  std::string edit;
  put_varint(edit, kComparator);
  put_bytes(edit, manifest.comparator);
  const std::pair<Tag, std::uint64_t> numbers[] = {
      {kLogNumber, manifest.log_number},
      {kPreviousLogNumber, manifest.previous_log_number},
      {kNextFile, manifest.next_file},
      {kLastSequence, manifest.last_sequence}};
  for (const auto& [tag, number] : numbers) {
    put_varint(edit, tag);
    put_varint(edit, number);
  }
  for (const TableFile& file : manifest.files) {
    put_varint(edit, kNewFile);
    put_varint(edit, static_cast<std::uint64_t>(file.level));
    put_varint(edit, file.number);
    put_varint(edit, file.size);
    put_bytes(edit, file.smallest);
    put_bytes(edit, file.largest);
  }
  LogFramer framer;
  framer.add(edit);
  return framer.bytes();
}

Result<std::string> read_current(const std::filesystem::path& database) {
  const auto text = read_small_file(database / "CURRENT", 4096);
  if (!text) {
    if (text.error().code != ErrorCode::kNotFound) return text.error();
    return Error{ErrorCode::kCorrupt,
                 "store.current-missing: " + database.string() + " has no file CURRENT",
                 "store.corrupt"};
  }
  const std::string_view name = std::string_view(*text).substr(0, text->find('\n'));
  if (text->empty() || text->back() != '\n' || !name.starts_with("MANIFEST-") ||
      name.size() + 1 != text->size() || !parse_number(name.substr(9))) {
    return Error{ErrorCode::kCorrupt, "current.bad: CURRENT does not name a MANIFEST",
                 "store.corrupt"};
  }
  return std::string(name);
}

Result<DatabaseFiles> list_database(const std::filesystem::path& database) {
  DatabaseFiles files;
  DIR* folder = ::opendir(database.c_str());
  if (folder == nullptr) return file_error("list", database.string(), errno);
  while (const dirent* entry = ::readdir(folder)) {
    const std::string_view name = entry->d_name;
    if (name == kGuardMarker) files.has_guard = true;
    if (name.starts_with("MANIFEST-")) files.manifests.emplace_back(name);
    const auto number = parse_number(name.substr(0, name.find('.')));
    if (!number) continue;
    if (name.ends_with(".log")) files.logs.push_back(*number);
    if (name.ends_with(".sst") || name.ends_with(".ldb")) files.tables.push_back(*number);
  }
  ::closedir(folder);
  std::ranges::sort(files.logs);
  std::ranges::sort(files.tables);
  std::ranges::sort(files.manifests);
  return files;
}

std::string log_name(std::uint64_t number) { return numbered(number, ".log"); }
std::string table_name(std::uint64_t number) { return numbered(number, ".sst"); }

}  // namespace converge::store
