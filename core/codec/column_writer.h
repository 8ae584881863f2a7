#pragma once

#include "core/base/bytes.h"
#include "core/codec/leb128.h"

#include <cstdint>
#include <string_view>

/// Writers of columns (automerge-format 2.3 - 2.5). They take (value, count) runs in any cut and
/// produce exactly the canonical form, on which hashes depend. After finish() bytes() is the
/// column; clear() makes the writer new and keeps its memory. Cost: by runs.
namespace converge::codec {

namespace detail {
inline void put(Bytes& out, std::uint64_t value) { write_uleb(out, value); }
inline void put(Bytes& out, std::int64_t value) { write_sleb(out, value); }
inline void put(Bytes& out, std::string_view value) {
  write_uleb(out, value.size());
  const ByteView bytes = as_bytes(value);
  out.insert(out.end(), bytes.begin(), bytes.end());
}
}  // namespace detail

/// Run-length coding. T is std::uint64_t, std::int64_t (as differences) or std::string_view, whose
/// bytes must stay until the next append of another value or finish().
template <class T>
class RleWriter {
 public:
  void append(const T& value, std::uint64_t count = 1) {
    if (count == 0) return;
    if (pending_ > 0 && !pending_null_ && value == value_) {
      pending_ += count;
      return;
    }
    flush_pending();
    value_ = value;
    pending_ = count;
    pending_null_ = false;
    has_value_ = true;
  }

  void append_null(std::uint64_t count = 1) {
    if (count == 0) return;
    if (pending_ > 0 && pending_null_) {
      pending_ += count;
      return;
    }
    flush_pending();
    pending_ = count;
    pending_null_ = true;
  }

  void finish() {
    flush_pending();
    close_literal();
  }

  void clear() {
    out_.clear();
    pending_ = 0;
    literals_ = 0;
    has_value_ = false;
  }

  /// Whether any cell is not null: columns of nulls only are left out by those who may.
  bool has_value() const { return has_value_; }
  ByteView bytes() const { return out_; }

 private:
  void flush_pending() {
    if (pending_ == 0) return;
    if (pending_null_) {
      close_literal();
      detail::put(out_, std::int64_t{0});
      detail::put(out_, pending_);
    } else if (pending_ == 1) {
      if (literals_++ == 0) {
        literal_at_ = out_.size();
        out_.push_back(std::byte{0});  // place of the header, whose value is known at the end
      }
      detail::put(out_, value_);
    } else {
      close_literal();
      detail::put(out_, static_cast<std::int64_t>(pending_));
      detail::put(out_, value_);
    }
    pending_ = 0;
  }

  void close_literal() {
    if (literals_ == 0) return;
    if (literals_ <= 64) {
      out_[literal_at_] = static_cast<std::byte>(0x80 - literals_);  // a one-byte sLEB128
    } else {
      Bytes header;
      detail::put(header, -static_cast<std::int64_t>(literals_));
      const auto place = out_.begin() + static_cast<std::ptrdiff_t>(literal_at_);
      *place = header.front();
      out_.insert(place + 1, header.begin() + 1, header.end());
    }
    literals_ = 0;
  }

  Bytes out_;
  T value_{};
  std::uint64_t pending_ = 0;   // cells of the group not yet written
  std::uint64_t literals_ = 0;  // of the open literal run
  std::size_t literal_at_ = 0;
  bool pending_null_ = false;
  bool has_value_ = false;
};

using UintWriter = RleWriter<std::uint64_t>;
using StringWriter = RleWriter<std::string_view>;

/// Differences of neighbours (automerge-format 2.4).
class DeltaWriter {
 public:
  void append(std::int64_t value) {
    cells_.append(value - sum_);
    sum_ = value;
  }
  /// first, first + step, ... `count` values.
  void append_run(std::int64_t first, std::int64_t step, std::uint64_t count) {
    if (count == 0) return;
    append(first);
    cells_.append(step, count - 1);
    sum_ += step * static_cast<std::int64_t>(count - 1);
  }
  void append_null(std::uint64_t count = 1) { cells_.append_null(count); }

  void finish() { cells_.finish(); }
  void clear() {
    cells_.clear();
    sum_ = 0;
  }
  bool has_value() const { return cells_.has_value(); }
  ByteView bytes() const { return cells_.bytes(); }

 private:
  RleWriter<std::int64_t> cells_;
  std::int64_t sum_ = 0;
};

/// Alternating run lengths, false first (automerge-format 2.5).
class BooleanWriter {
 public:
  void append(bool value, std::uint64_t count = 1) {
    if (count == 0) return;
    if (value != value_) {
      detail::put(out_, pending_);
      pending_ = 0;
      value_ = value;
      has_value_ = true;
    }
    pending_ += count;
  }

  void finish() {
    if (pending_ > 0) detail::put(out_, pending_);
    pending_ = 0;
  }
  void clear() {
    out_.clear();
    pending_ = 0;
    value_ = false;
    has_value_ = false;
  }
  /// Whether any cell is true.
  bool has_value() const { return has_value_; }
  ByteView bytes() const { return out_; }

 private:
  Bytes out_;
  std::uint64_t pending_ = 0;
  bool value_ = false;
  bool has_value_ = false;
};

}  // namespace converge::codec
