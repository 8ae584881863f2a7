#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"

#include <filesystem>
#include <string>
#include <string_view>

/// Files and stdin as commands use them.
namespace converge::cli {

/// The whole file, or stdin for "-". Errors: input.file, auth.denied, input.too_large beyond
/// `bytes_max`.
Result<std::string> read_input(const std::string& file,
                               std::size_t bytes_max = std::size_t{1} << 31);

struct WriteOptions {
  bool replace = false;     ///< an existing file may go
  bool keep_mode = false;   ///< of the file that is replaced
  bool is_private = false;  ///< nobody else may read it
};

/// Writes a temporary neighbour, syncs it, renames it and syncs the directory: afterwards the file
/// is whole, old or new. Errors: output.exists, auth.denied, store.no_space, io.
Result<void> write_file(const std::filesystem::path& file, std::string_view bytes,
                        const WriteOptions& options = {});

/// The same for what comes piece by piece: append, then commit. Without commit nothing stays.
class FileWriter {
 public:
  /// Errors: output.exists, auth.denied, store.no_space, io.
  static Result<FileWriter> begin(const std::filesystem::path& file,
                                  const WriteOptions& options = {});
  FileWriter(FileWriter&& other) noexcept;
  FileWriter& operator=(FileWriter&&) = delete;
  ~FileWriter();

  Result<void> append(std::string_view bytes);
  Result<void> commit();

 private:
  FileWriter(std::filesystem::path file, std::filesystem::path temporary, int descriptor,
             bool replace);

  std::filesystem::path file_;
  std::filesystem::path temporary_;  ///< empty: there is nothing to remove
  int descriptor_;
  bool replace_;
};

/// A file name for a document's name: reversible, never a path, never hidden.
std::string file_name_of(std::string_view document_name);

/// The document name that file_name_of made it from.
std::string name_of_file(std::string_view file_name);

/// Holds an exclusive lock on an existing file while it lives.
class FileLock {
 public:
  /// Waits for the lock. Errors: doc.not_found when there is no such file, auth.denied, io.
  static Result<FileLock> take(const std::filesystem::path& file);
  ~FileLock();
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&&) = delete;

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace converge::cli
