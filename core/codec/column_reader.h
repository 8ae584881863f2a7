#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/codec/leb128.h"
#include "core/codec/utf8.h"

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

/// Readers of columns (automerge-format 2.3 - 2.5) as cursors over runs: each shows the current
/// run's value and how many cells of it are left, so that whoever zips several columns advances by
/// the shortest run and never by single cells. Nothing is allocated or expanded: a 7-byte run of
/// 2^40 cells costs nothing until somebody takes it.
///
/// All readers are strict: they fail on anything a canonical writer would not have written. A
/// failed reader looks exhausted and keeps its fault, so loops need no check per call.
///
/// Shared interface:
///   available()  cells left in the current run, loading the next one when needed; 0 at the end or
///                at a fault
///   take(n)      step over n cells. REQUIRES: n <= what available() said
///   fault()      kNone unless the column is malformed
///   exhausted()  every cell was taken and nothing is left (always so for a column that is absent)
/// A reader without bytes to read ("absent") shows default cells for ever: nulls, or false.
namespace converge::codec {

enum class ColumnFault : std::uint8_t {
  kNone,
  kTruncated,     ///< ends inside an item
  kNumber,        ///< overlong or too large LEB128
  kNotCanonical,  ///< runs that a canonical writer would have joined or split
  kUtf8,
  kRange,  ///< a sum of differences outside the column's domain
};

/// "column 0x42: not in canonical form near byte 17".
Error column_error(ColumnFault fault, std::uint32_t spec, std::size_t byte);

inline constexpr std::uint64_t kEndless = std::numeric_limits<std::uint64_t>::max();

/// What an RLE cell holds.
struct UintCell {
  using Value = std::uint64_t;
  static ColumnFault read(const std::byte*& at, const std::byte* end, Value& out) {
    return take_uleb(at, end, out) ? ColumnFault::kNone : ColumnFault::kNumber;
  }
};

struct SintCell {
  using Value = std::int64_t;
  static ColumnFault read(const std::byte*& at, const std::byte* end, Value& out) {
    return take_sleb(at, end, out) ? ColumnFault::kNone : ColumnFault::kNumber;
  }
};

struct StringCell {
  using Value = std::string_view;
  static ColumnFault read(const std::byte*& at, const std::byte* end, Value& out) {
    std::uint64_t size = 0;
    if (!take_uleb(at, end, size)) return ColumnFault::kNumber;
    if (size > static_cast<std::uint64_t>(end - at)) return ColumnFault::kTruncated;
    out = as_text(ByteView(at, static_cast<std::size_t>(size)));
    at += size;
    return is_valid_utf8(out) ? ColumnFault::kNone : ColumnFault::kUtf8;
  }
};

/// Whether any cell of a column holds a value, told from its first run: in canonical form a column
/// without one is a single run of nulls (or of false). Malformed columns count as holding one, so
/// that their reader gets to say what is wrong.
bool rle_holds_value(ByteView column);
bool boolean_holds_value(ByteView column);

template <class Cell>
class RleReader {
 public:
  using Value = typename Cell::Value;

  /// Absent: null for ever.
  RleReader() : left_(kEndless), is_null_(true), absent_(true) {}
  explicit RleReader(ByteView column)
      : begin_(column.data()), at_(column.data()), end_(column.data() + column.size()) {}

  std::uint64_t available() {
    if (left_ == 0 && at_ != end_) load();
    return left_;
  }
  void take(std::uint64_t count) {
    if (!absent_) left_ -= count;
  }

  /// REQUIRES for both: available() > 0. The value of a null cell is unspecified.
  bool is_null() const { return is_null_; }
  const Value& value() const { return value_; }

  bool absent() const { return absent_; }
  ColumnFault fault() const { return fault_; }
  bool exhausted() { return absent_ || (available() == 0 && fault_ == ColumnFault::kNone); }
  std::size_t position() const { return static_cast<std::size_t>(at_ - begin_); }

 private:
  enum class Kind : std::uint8_t { kStart, kNull, kLiteral, kRepeat };

  void fail(ColumnFault fault) {
    fault_ = fault;
    left_ = 0;
    at_ = end_;
  }

  void load() {
    if (literals_ > 0) return load_literal();
    std::int64_t count = 0;
    if (!take_sleb(at_, end_, count)) return fail(ColumnFault::kNumber);
    if (count > 0) return load_repeat(static_cast<std::uint64_t>(count));
    if (count == 0) return load_nulls();
    if (kind_ == Kind::kLiteral) return fail(ColumnFault::kNotCanonical);
    literals_ = ~static_cast<std::uint64_t>(count) + 1;
    if (literals_ > static_cast<std::uint64_t>(end_ - at_)) return fail(ColumnFault::kTruncated);
    load_literal();
  }

  void load_literal() {
    Value value{};
    const ColumnFault fault = Cell::read(at_, end_, value);
    if (fault != ColumnFault::kNone) return fail(fault);
    if (has_previous() && value == value_) return fail(ColumnFault::kNotCanonical);
    if (--literals_ > 0 && at_ == end_) return fail(ColumnFault::kTruncated);
    show(Kind::kLiteral, 1);
    value_ = value;
  }

  void load_repeat(std::uint64_t count) {
    Value value{};
    const ColumnFault fault = Cell::read(at_, end_, value);
    if (fault != ColumnFault::kNone) return fail(fault);
    if (count == 1 || (has_previous() && value == value_)) return fail(ColumnFault::kNotCanonical);
    show(Kind::kRepeat, count);
    value_ = value;
  }

  void load_nulls() {
    std::uint64_t count = 0;
    if (!take_uleb(at_, end_, count)) return fail(ColumnFault::kNumber);
    if (count == 0 || kind_ == Kind::kNull) return fail(ColumnFault::kNotCanonical);
    show(Kind::kNull, count);
  }

  bool has_previous() const { return kind_ == Kind::kLiteral || kind_ == Kind::kRepeat; }

  void show(Kind kind, std::uint64_t count) {
    kind_ = kind;
    is_null_ = kind == Kind::kNull;
    left_ = count;
  }

  const std::byte* begin_ = nullptr;
  const std::byte* at_ = nullptr;
  const std::byte* end_ = nullptr;
  std::uint64_t left_ = 0;
  std::uint64_t literals_ = 0;  // of the current literal run, not yet shown
  Value value_{};
  Kind kind_ = Kind::kStart;
  bool is_null_ = false;
  bool absent_ = false;
  ColumnFault fault_ = ColumnFault::kNone;
};

using UintReader = RleReader<UintCell>;
using StringReader = RleReader<StringCell>;

/// Differences, summed (automerge-format 2.4). A run is `available()` cells, each `step()` above
/// the one before, the first `step()` above the last cell taken. Nulls do not move the sum. Every
/// sum lies in [minimum, maximum], or the reader fails with kRange before it shows the run.
class DeltaReader {
 public:
  DeltaReader() = default;
  DeltaReader(ByteView column, std::int64_t minimum, std::int64_t maximum)
      : cells_(column), minimum_(minimum), maximum_(maximum) {}

  std::uint64_t available() {
    if (left_ == 0) load();
    return left_;
  }
  void take(std::uint64_t count) {
    cells_.take(count);
    left_ -= count;
    if (!cells_.is_null()) sum_ += cells_.value() * static_cast<std::int64_t>(count);
  }

  /// REQUIRES for all: available() > 0; for the last two also !is_null().
  bool is_null() const { return cells_.is_null(); }
  std::int64_t first() const { return sum_ + cells_.value(); }
  std::int64_t step() const { return cells_.value(); }

  bool absent() const { return cells_.absent(); }
  ColumnFault fault() const { return out_of_range_ ? ColumnFault::kRange : cells_.fault(); }
  bool exhausted() { return absent() || (available() == 0 && fault() == ColumnFault::kNone); }
  std::size_t position() const { return cells_.position(); }

 private:
  void load() {
    if (out_of_range_) return;
    left_ = cells_.available();
    if (left_ == 0 || cells_.is_null()) return;
    // 128 bits hold any product of a 64-bit step and a run's count, which is below 2^63.
    __extension__ using Wide = __int128;
    const Wide first = Wide{sum_} + cells_.value();
    const Wide last = Wide{sum_} + Wide{cells_.value()} * static_cast<std::int64_t>(left_);
    if (first < minimum_ || first > maximum_ || last < minimum_ || last > maximum_) {
      out_of_range_ = true;
      left_ = 0;
    }
  }

  RleReader<SintCell> cells_;
  std::uint64_t left_ = 0;
  std::int64_t sum_ = 0;
  std::int64_t minimum_ = 0;
  std::int64_t maximum_ = 0;
  bool out_of_range_ = false;
};

/// Alternating run lengths, false first (automerge-format 2.5).
class BooleanReader {
 public:
  /// Absent: false for ever.
  BooleanReader() : left_(kEndless), absent_(true) {}
  explicit BooleanReader(ByteView column)
      : begin_(column.data()),
        at_(column.data()),
        end_(column.data() + column.size()),
        value_(true) {}

  std::uint64_t available() {
    if (left_ == 0 && at_ != end_) load();
    return left_;
  }
  void take(std::uint64_t count) {
    if (!absent_) left_ -= count;
  }

  /// REQUIRES: available() > 0.
  bool value() const { return value_; }

  bool absent() const { return absent_; }
  ColumnFault fault() const { return fault_; }
  bool exhausted() { return absent_ || (available() == 0 && fault_ == ColumnFault::kNone); }
  std::size_t position() const { return static_cast<std::size_t>(at_ - begin_); }

 private:
  void load() {
    const bool at_start = at_ == begin_;
    load_count();
    // Only the first count, that of false, may be nothing, and only if true cells follow.
    if (left_ == 0 && fault_ == ColumnFault::kNone) {
      if (!at_start || at_ == end_) return fail(ColumnFault::kNotCanonical);
      load_count();
      if (left_ == 0 && fault_ == ColumnFault::kNone) fail(ColumnFault::kNotCanonical);
    }
  }

  void load_count() {
    if (!take_uleb(at_, end_, left_)) return fail(ColumnFault::kNumber);
    value_ = !value_;
  }

  void fail(ColumnFault fault) {
    fault_ = fault;
    left_ = 0;
    at_ = end_;
  }

  const std::byte* begin_ = nullptr;
  const std::byte* at_ = nullptr;
  const std::byte* end_ = nullptr;
  std::uint64_t left_ = 0;
  bool value_ = false;
  bool absent_ = false;
  ColumnFault fault_ = ColumnFault::kNone;
};

}  // namespace converge::codec
