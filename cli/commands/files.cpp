#include "cli/commands/files.h"

#include "core/base/system.h"
#include "core/control/error_table.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
namespace fs = std::filesystem;

std::string reason(int number) { return std::generic_category().message(number); }

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return value_; }

 private:
  int value_;
};

Error write_error(const fs::path& file, int number) {
  const std::string what = "cannot write " + file.string() + ": " + reason(number);
  if (number == ENOSPC || number == EDQUOT) return make_error(ErrorId::kStoreNoSpace, what);
  if (number == EACCES || number == EPERM || number == EROFS)
    return make_error(ErrorId::kAuthDenied, what);
  return make_error(ErrorId::kIo, what);
}

std::optional<int> write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(descriptor, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return errno;
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return std::nullopt;
}

/// INT, TERM and HUP wait while it lives: the temporary file is gone before they end the process.
class SignalsHeld {
 public:
  SignalsHeld() {
    sigset_t held;
    ::sigemptyset(&held);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&held, number);
    ::pthread_sigmask(SIG_BLOCK, &held, &before_);
  }
  ~SignalsHeld() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;

 private:
  sigset_t before_{};
};

fs::path directory_of(const fs::path& file) {
  return file.has_parent_path() ? file.parent_path() : fs::path(".");
}

}  // namespace

Result<std::string> read_input(const std::string& file, std::size_t bytes_max) {
  const bool is_stdin = file == "-";
  const std::string name = is_stdin ? "stdin" : file;
  const Descriptor in(is_stdin ? ::dup(STDIN_FILENO) : ::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (in.get() < 0 && (errno == EACCES || errno == EPERM))
    return make_error(ErrorId::kAuthDenied, "permission denied on the file " + name);
  if (in.get() < 0)
    return make_error(ErrorId::kInputFile, "the file \"" + name + "\" cannot be read: " +
                                               (errno == EBADF ? "it is closed" : reason(errno)));
  std::string out;
  char buffer[64 * 1024];
  while (true) {
    const ssize_t got = ::read(in.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      return make_error(ErrorId::kInputFile,
                        "the file \"" + name + "\" cannot be read: " + reason(errno));
    if (got == 0) return out;
    out.append(buffer, static_cast<std::size_t>(got));
    if (out.size() > bytes_max)
      return make_error(ErrorId::kInputTooLarge,
                        name + " is larger than " + std::to_string(bytes_max) + " bytes");
  }
}

FileWriter::FileWriter(fs::path file, fs::path temporary, int descriptor, bool replace)
    : file_(std::move(file)),
      temporary_(std::move(temporary)),
      descriptor_(descriptor),
      replace_(replace) {}

FileWriter::FileWriter(FileWriter&& other) noexcept
    : file_(std::move(other.file_)),
      temporary_(std::exchange(other.temporary_, fs::path())),
      descriptor_(std::exchange(other.descriptor_, -1)),
      replace_(other.replace_) {}

FileWriter::~FileWriter() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Result<FileWriter> FileWriter::begin(const fs::path& file, const WriteOptions& options) {
  struct stat old {};
  const bool exists = ::stat(file.c_str(), &old) == 0;
  if (exists && S_ISDIR(old.st_mode))
    return make_error(ErrorId::kOutputExists, file.string() + " is a directory");
  if (exists && !options.replace)
    return make_error(ErrorId::kOutputExists, "the file " + file.string() + " exists already",
                      "replace it with --force");
  SystemRandom random;
  char suffix[32];
  std::snprintf(suffix, sizeof suffix, ".%016llx.tmp",
                static_cast<unsigned long long>(random.next_u64()));
  const fs::path temporary = directory_of(file) / ("." + file.filename().string() + suffix);
  const mode_t plain = options.is_private ? 0600 : 0666;
  const mode_t mode = exists && options.keep_mode ? old.st_mode & 07777 : plain;
  const int out = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (out < 0) return write_error(file, errno);
  FileWriter writer(file, temporary, out, options.replace);
  if (exists && options.keep_mode && ::fchmod(out, mode) != 0) return write_error(file, errno);
  return writer;
}

Result<void> FileWriter::append(std::string_view bytes) {
  if (const auto failed = write_all(descriptor_, bytes)) return write_error(file_, *failed);
  return {};
}

Result<void> FileWriter::commit() {
  if (::fsync(descriptor_) != 0) return write_error(file_, errno);
  if (!replace_) {  // a file that appeared meanwhile is not replaced either
    if (::link(temporary_.c_str(), file_.c_str()) != 0)
      return errno == EEXIST ? make_error(ErrorId::kOutputExists,
                                          "the file " + file_.string() + " exists already",
                                          "replace it with --force")
                             : write_error(file_, errno);
  } else if (::rename(temporary_.c_str(), file_.c_str()) != 0) {
    return write_error(file_, errno);
  } else {
    temporary_.clear();
  }
  const Descriptor directory(
      ::open(directory_of(file_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() >= 0 && ::fsync(directory.get()) != 0) return write_error(file_, errno);
  return {};
}

Result<void> write_file(const fs::path& file, std::string_view bytes, const WriteOptions& options) {
  const SignalsHeld held;
  auto writer = FileWriter::begin(file, options);
  if (!writer) return writer.error();
  if (auto done = writer->append(bytes); !done) return done;
  return writer->commit();
}

std::string file_name_of(std::string_view document_name) {
  std::string out;
  for (std::size_t i = 0; i < document_name.size(); ++i) {
    const auto c = static_cast<unsigned char>(document_name[i]);
    if (c < 0x20 || c == 0x7F || c == '/' || c == '%' || c == '\\' || (c == '.' && i == 0)) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "%%%02X", c);
      out += escape;
    } else {
      out += static_cast<char>(c);
    }
  }
  return out.empty() ? "%" : out;
}

std::string name_of_file(std::string_view file_name) {
  std::string out;
  for (std::size_t i = 0; i < file_name.size(); ++i) {
    if (file_name[i] == '%' && i + 2 < file_name.size() + 0) {
      if (const auto byte = from_hex(file_name.substr(i + 1, 2))) {
        out += static_cast<char>((*byte)[0]);
        i += 2;
        continue;
      }
    }
    out += file_name[i];
  }
  return out;
}

Result<FileLock> FileLock::take(const fs::path& file) {
  while (true) {
    const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0 && errno == ENOENT)
      return make_error(ErrorId::kDocNotFound, "there is no file \"" + file.string() + "\"");
    if (descriptor < 0) return write_error(file, errno);
    FileLock lock(descriptor);
    while (::flock(descriptor, LOCK_EX) != 0)
      if (errno != EINTR) return write_error(file, errno);
    struct stat held {};
    struct stat named {};
    // The one that held the lock before may have renamed a new file into the place.
    if (::fstat(descriptor, &held) == 0 && ::stat(file.c_str(), &named) == 0 &&
        held.st_ino == named.st_ino && held.st_dev == named.st_dev)
      return lock;
  }
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

FileLock::FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

}  // namespace converge::cli
