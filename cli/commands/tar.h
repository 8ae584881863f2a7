#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace converge::cli {

/// A tar archive (POSIX ustar) in memory: regular files, mode 0600, nobody's.
class TarWriter {
 public:
  /// `time`: of all files, seconds since 1970.
  explicit TarWriter(std::int64_t time) : time_(time) {}

  /// REQUIRES: name of 1 to 99 bytes, without a leading slash and without "..".
  void add(std::string_view name, std::string_view bytes);
  /// The archive with its end mark; nothing may be added afterwards.
  std::string finish() &&;

 private:
  std::int64_t time_;
  std::string out_;
};

}  // namespace converge::cli
