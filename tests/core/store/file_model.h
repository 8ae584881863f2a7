#pragma once

#include "core/store/file_hook.h"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <vector>

namespace converge::store::testing {

/// Records what a run does to the files of one folder, so that the disk can be shown as it would be
/// after a power cut at any moment.
class FileRecorder final : public FileHook {
 public:
  struct Event {
    FileOp op;
    std::string name;        ///< inside the folder; empty for the folder itself
    std::string target;      ///< renames
    std::string data;        ///< writes
    std::uint64_t mark = 0;  ///< op kList: not a file operation but what `mark` noted
  };

  void after(const FileEvent& event) override;
  /// Notes something that the program was told at this moment, e.g. a commit number.
  void mark(std::uint64_t value);

  std::vector<Event> events() const;

 private:
  mutable std::mutex mutex_;
  std::vector<Event> events_;
};

enum class CutModel {
  kDropUnsynced,  ///< bytes and names that were not synced are gone
  kKeepAll,       ///< as after a kill
  kShuffle,       ///< of unsynced names any may be there; of unsynced bytes any 512-byte sectors
};

/// The folder after the first `count` events under a model, written to `target`. Files that the
/// folder held before the run are `initial`.
void write_cut(const std::vector<FileRecorder::Event>& events, std::size_t count, CutModel model,
               std::uint64_t seed, const std::map<std::string, std::string>& initial,
               const std::filesystem::path& target);

/// Greatest mark among the first `count` events.
std::uint64_t last_mark(const std::vector<FileRecorder::Event>& events, std::size_t count);

/// Files of a folder.
std::map<std::string, std::string> read_folder(const std::filesystem::path& folder);

/// Lets the n-th operation that counts fail, once or from then on.
class FaultInjector final : public FileHook {
 public:
  FaultInjector(std::uint64_t at, int error_number, bool sticky, bool short_write)
      : at_(at), error_number_(error_number), sticky_(sticky), short_write_(short_write) {}
  std::optional<FileFault> before(const FileEvent& event) override;
  std::uint64_t seen() const { return seen_; }
  bool fired() const { return fired_; }
  void disarm() { armed_ = false; }

 private:
  std::uint64_t at_;
  int error_number_;
  bool sticky_;
  bool short_write_;
  std::atomic<bool> armed_{true};
  std::atomic<bool> fired_{false};
  std::atomic<std::uint64_t> seen_{0};
};

}  // namespace converge::store::testing
