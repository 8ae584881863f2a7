#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/codec/reader.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

/// Column specifications and the two blocks that hold columns (automerge-format 2.1, 2.2):
/// metadata = count, then (specification, length) pairs; data = the columns, one behind the other.
namespace converge::format {

/// specification = id << 4 | deflated << 3 | type. Frozen: these numbers reach disk and wire.
inline constexpr std::uint32_t kDeflateBit = 8;

namespace op_column {
inline constexpr std::uint32_t kObjectActor = 0x01;
inline constexpr std::uint32_t kObjectCounter = 0x02;
inline constexpr std::uint32_t kKeyActor = 0x11;
inline constexpr std::uint32_t kKeyCounter = 0x13;
inline constexpr std::uint32_t kKeyName = 0x15;
inline constexpr std::uint32_t kIdActor = 0x21;    // documents and bundles
inline constexpr std::uint32_t kIdCounter = 0x23;  // documents and old bundles
inline constexpr std::uint32_t kInsert = 0x34;
inline constexpr std::uint32_t kAction = 0x42;
inline constexpr std::uint32_t kValueMeta = 0x56;
inline constexpr std::uint32_t kValueRaw = 0x57;
inline constexpr std::uint32_t kPredCount = 0x70;  // changes and bundles
inline constexpr std::uint32_t kPredActor = 0x71;
inline constexpr std::uint32_t kPredCounter = 0x73;
inline constexpr std::uint32_t kSuccCount = 0x80;  // documents
inline constexpr std::uint32_t kSuccActor = 0x81;
inline constexpr std::uint32_t kSuccCounter = 0x83;
inline constexpr std::uint32_t kExpand = 0x94;
inline constexpr std::uint32_t kMarkName = 0xa5;
}  // namespace op_column

namespace change_column {
inline constexpr std::uint32_t kActor = 0x01;
inline constexpr std::uint32_t kSeq = 0x03;
inline constexpr std::uint32_t kMaxOp = 0x13;
inline constexpr std::uint32_t kTime = 0x23;
inline constexpr std::uint32_t kMessage = 0x35;
inline constexpr std::uint32_t kDepsCount = 0x40;
inline constexpr std::uint32_t kDepsIndex = 0x43;
inline constexpr std::uint32_t kExtraMeta = 0x56;
inline constexpr std::uint32_t kExtraRaw = 0x57;
}  // namespace change_column

struct Column {
  std::uint32_t spec = 0;  ///< without the deflate bit
  bool deflated = false;
  std::uint64_t length = 0;
  ByteView bytes;  ///< set by read_data()
};

/// The columns of one table as read. At most kMax: more than any table knows means some is unknown.
class ColumnSet {
 public:
  static constexpr std::size_t kMax = 20;

  /// Reads the metadata block. Specifications ascend strictly (so none comes twice) and are all in
  /// `known`, which ascends too. Errors: kTruncated, kCorrupt, kUnsupported (unknown column).
  Result<void> read_metadata(codec::Reader& in, std::span<const std::uint32_t> known,
                             bool may_deflate);
  /// Takes the data block. Errors: kTruncated.
  Result<void> read_data(codec::Reader& in);
  /// Replaces deflated columns by their plain bytes, appended to `storage`, which must outlive the
  /// set. `budget` is what they may inflate to together; it is reduced. Errors: kCorrupt,
  /// kLimitExceeded.
  Result<void> inflate(std::size_t& budget, std::vector<Bytes>& storage);

  /// Empty when absent or without bytes: the format treats both alike.
  ByteView find(std::uint32_t spec) const;
  std::span<Column> all() { return std::span(columns_).first(count_); }
  std::span<const Column> all() const { return std::span(columns_).first(count_); }

 private:
  std::array<Column, kMax> columns_;
  std::size_t count_ = 0;
};

/// The columns of one table about to be written. add() in ascending order of specification; a
/// column without bytes is left out.
class ColumnList {
 public:
  void clear() { count_ = 0; }
  void add(std::uint32_t spec, ByteView bytes) {
    if (!bytes.empty()) columns_[count_++] = {spec, bytes};
  }
  /// Deflates columns of at least 256 bytes; `storage` then owns them and must outlive the list.
  void deflate(std::vector<Bytes>& storage);
  void write_metadata(Bytes& out) const;
  void write_data(Bytes& out) const;
  /// f(specification, bytes), ascending.
  template <class F>
  void for_each(F f) const {
    for (std::size_t i = 0; i < count_; ++i) f(columns_[i].spec, columns_[i].bytes);
  }

 private:
  struct Entry {
    std::uint32_t spec = 0;
    ByteView bytes;
  };
  std::array<Entry, ColumnSet::kMax> columns_;
  std::size_t count_ = 0;
};

}  // namespace converge::format
