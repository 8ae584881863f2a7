#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// What the store does to files, one call at a time, for counting and for making it fail.
namespace converge::store {

enum class FileKind : std::uint8_t { kLog, kTable, kManifest, kCurrent, kLock, kOther };

enum class FileOp : std::uint8_t {
  kOpenRead,
  kOpenWrite,
  kRead,
  kWrite,  ///< bytes reach the operating system
  kSync,
  kClose,
  kRename,
  kRemove,
  kSyncDirectory,
  kLock,
  kList,
  kStat,
};

const char* to_string(FileKind kind);
const char* to_string(FileOp op);

struct FileEvent {
  FileOp op;
  FileKind kind;
  std::string_view path;         ///< borrowed
  std::string_view target = {};  ///< kRename: the new name
  std::uint64_t offset = 0;      ///< kRead, kWrite
  std::string_view data = {};    ///< kWrite; borrowed
};

/// The operation fails with this errno instead of being done; of a write, the first bytes are done.
struct FileFault {
  int error_number = 0;
  std::size_t bytes_done = 0;
};

/// Called on whatever thread does the operation.
class FileHook {
 public:
  virtual ~FileHook() = default;
  virtual std::optional<FileFault> before(const FileEvent&) { return std::nullopt; }
  /// The operation succeeded.
  virtual void after(const FileEvent&) {}
};

/// By the last part of the name. Total.
FileKind file_kind(std::string_view path);

}  // namespace converge::store
