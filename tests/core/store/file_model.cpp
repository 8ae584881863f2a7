#include "tests/core/store/file_model.h"

#include <algorithm>
#include <fstream>
#include <memory>

namespace converge::store::testing {
namespace {

std::string last_part(std::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));
}

constexpr std::size_t kSector = 512;

struct Inode {
  std::string bytes;
  std::size_t synced = 0;
};

struct Folder {
  using Names = std::map<std::string, std::shared_ptr<Inode>>;
  Names names;    ///< as the program sees them
  Names durable;  ///< as of the last sync of the folder
  /// What happened to names since then.
  struct Change {
    std::string name;
    std::shared_ptr<Inode> inode;  ///< null: removed
  };
  std::vector<Change> pending;

  void set(const std::string& name, std::shared_ptr<Inode> inode) {
    pending.push_back({name, inode});
    if (inode) {
      names[name] = std::move(inode);
    } else {
      names.erase(name);
    }
  }
};

void apply(const FileRecorder::Event& event, Folder& folder) {
  switch (event.op) {
    case FileOp::kOpenWrite:
      folder.set(event.name, std::make_shared<Inode>());
      break;
    case FileOp::kWrite:
      if (const auto at = folder.names.find(event.name); at != folder.names.end()) {
        at->second->bytes.append(event.data);
      }
      break;
    case FileOp::kSync:
      if (const auto at = folder.names.find(event.name); at != folder.names.end()) {
        at->second->synced = at->second->bytes.size();
      }
      break;
    case FileOp::kRename: {
      const auto inode = folder.names[event.name];
      folder.set(event.target, inode);
      folder.set(event.name, nullptr);
      break;
    }
    case FileOp::kRemove:
      folder.set(event.name, nullptr);
      break;
    case FileOp::kSyncDirectory:
      folder.durable = folder.names;
      folder.pending.clear();
      break;
    default:
      break;
  }
}

std::string surviving_bytes(const Inode& inode, CutModel model, std::mt19937_64& random) {
  if (model == CutModel::kKeepAll) return inode.bytes;
  std::string out = inode.bytes.substr(0, inode.synced);
  if (model == CutModel::kDropUnsynced) return out;
  // The size may have reached the disk or not; each sector of it may.
  const std::size_t length =
      inode.synced +
      (inode.bytes.size() > inode.synced ? random() % (inode.bytes.size() - inode.synced + 1) : 0);
  out = inode.bytes.substr(0, length);
  for (std::size_t at = inode.synced; at < length;) {
    const std::size_t end = std::min(length, (at / kSector + 1) * kSector);
    if (random() % 3 == 0) std::fill_n(out.begin() + static_cast<std::ptrdiff_t>(at), end - at, 0);
    at = end;
  }
  return out;
}

}  // namespace

void FileRecorder::after(const FileEvent& event) {
  const bool matters = event.op == FileOp::kOpenWrite || event.op == FileOp::kWrite ||
                       event.op == FileOp::kSync || event.op == FileOp::kRename ||
                       event.op == FileOp::kRemove || event.op == FileOp::kSyncDirectory;
  if (!matters) return;
  const std::lock_guard lock(mutex_);
  Event noted{event.op, last_part(event.path), last_part(event.target), std::string(event.data), 0};
  if (event.op == FileOp::kSyncDirectory) noted.name.clear();
  events_.push_back(std::move(noted));
}

void FileRecorder::mark(std::uint64_t value) {
  const std::lock_guard lock(mutex_);
  events_.push_back({FileOp::kList, {}, {}, {}, value});
}

std::vector<FileRecorder::Event> FileRecorder::events() const {
  const std::lock_guard lock(mutex_);
  return events_;
}

void write_cut(const std::vector<FileRecorder::Event>& events, std::size_t count, CutModel model,
               std::uint64_t seed, const std::map<std::string, std::string>& initial,
               const std::filesystem::path& target) {
  Folder folder;
  for (const auto& [name, bytes] : initial) {
    folder.names[name] = std::make_shared<Inode>(Inode{bytes, bytes.size()});
  }
  folder.durable = folder.names;
  for (std::size_t i = 0; i < count; ++i) apply(events[i], folder);

  std::mt19937_64 random(seed);
  Folder::Names names = model == CutModel::kKeepAll ? folder.names : folder.durable;
  if (model == CutModel::kShuffle) {
    for (const Folder::Change& change : folder.pending) {
      if (random() % 2 == 0) continue;
      if (change.inode) {
        names[change.name] = change.inode;
      } else {
        names.erase(change.name);
      }
    }
  }
  std::filesystem::create_directories(target);
  for (const auto& [name, inode] : names) {
    const std::string bytes = surviving_bytes(*inode, model, random);
    std::ofstream out(target / name, std::ios::binary | std::ios::trunc);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
}

std::uint64_t last_mark(const std::vector<FileRecorder::Event>& events, std::size_t count) {
  std::uint64_t last = 0;
  for (std::size_t i = 0; i < count; ++i) last = std::max(last, events[i].mark);
  return last;
}

std::map<std::string, std::string> read_folder(const std::filesystem::path& folder) {
  std::map<std::string, std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream in(entry.path(), std::ios::binary);
    out[entry.path().filename().string()] = {std::istreambuf_iterator<char>(in), {}};
  }
  return out;
}

std::optional<FileFault> FaultInjector::before(const FileEvent& event) {
  if (!armed_ || event.op == FileOp::kLock) return std::nullopt;
  const std::uint64_t number = seen_++;
  if (number < at_ || (!sticky_ && number > at_)) return std::nullopt;
  fired_ = true;
  FileFault fault{error_number_, 0};
  if (short_write_ && event.op == FileOp::kWrite) fault.bytes_done = event.data.size() / 2;
  return fault;
}

}  // namespace converge::store::testing
