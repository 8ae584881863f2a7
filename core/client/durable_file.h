#pragma once

#include "core/base/result.h"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

/// Files of the outbox: whole or absent, and on disk when a call returns.
namespace converge::client {

/// Makes the directory and its parents, 0700. Errors: auth.denied, store.no_space, io.
Result<void> make_private_directory(const std::filesystem::path& directory);

/// A temporary neighbour, synced, renamed; then the directory is synced. Mode 0600. Errors as
/// above.
Result<void> replace_file(const std::filesystem::path& file, std::string_view bytes);

/// Absent is no error. Errors as above.
Result<void> remove_file(const std::filesystem::path& file);

/// Nothing when there is no such file. Errors: input.too_large, auth.denied, io.
Result<std::optional<std::string>> read_file(const std::filesystem::path& file,
                                             std::size_t bytes_max);

/// Holds an exclusive lock on a file, which it makes, while it lives. Threads exclude each other as
/// processes do: every lock has a descriptor of its own.
class FileLock {
 public:
  /// Waits until the deadline. Nothing: somebody else held it all the time. Errors as above.
  static Result<std::optional<FileLock>> take(const std::filesystem::path& file,
                                              std::chrono::steady_clock::time_point deadline);
  ~FileLock();
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&&) = delete;

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace converge::client
