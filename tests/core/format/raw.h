#pragma once

#include "core/base/bytes.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

/// Chunks taken apart without any checking, changed, and put together again with right lengths and
/// checksums: hostile input that gets past the door.
namespace converge::testing {

using RawColumns = std::vector<std::pair<std::uint32_t, Bytes>>;

/// Replaces the column's bytes, or adds it at its place. Hexadecimal.
void set_column(RawColumns& columns, std::uint32_t spec, const std::string& hex);
void drop_column(RawColumns& columns, std::uint32_t spec);

struct RawChange {
  std::vector<Bytes> deps;
  Bytes actor;
  std::uint64_t seq = 1;
  std::uint64_t start_op = 1;
  std::int64_t time = 0;
  Bytes message;
  std::vector<Bytes> others;
  RawColumns columns;
  Bytes extra;

  static RawChange parse(ByteView chunk);
  Bytes body() const;
  Bytes chunk() const;
};

struct RawDocument {
  std::vector<Bytes> actors;
  std::vector<Bytes> heads;
  RawColumns changes;
  RawColumns ops;
  Bytes head_rows;  ///< and whatever else is to stand at the end

  static RawDocument parse(ByteView chunk);
  Bytes body() const;
};

}  // namespace converge::testing
