#pragma once

#include "core/store/types.h"

#include <memory>
#include <string_view>

namespace converge::store {

/// SHA-256 of pieces as they come, for what does not fit into memory.
class RunningHash {
 public:
  RunningHash();
  ~RunningHash();
  RunningHash(RunningHash&&) noexcept;

  void add(std::string_view bytes);
  /// The length (8 bytes, big-endian) and the bytes.
  void add_sized(std::string_view bytes);
  /// Once.
  Sha256 finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace converge::store
