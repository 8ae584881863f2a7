#include "core/format/columns.h"

#include "core/codec/deflate.h"
#include "core/codec/leb128.h"

#include <cstdio>
#include <limits>

namespace converge::format {
namespace {

constexpr std::size_t kDeflateFrom = 256;  // what other writers deflate; smaller columns stay plain

std::string name_of(std::uint32_t spec) {
  char name[32];
  std::snprintf(name, sizeof name, "column 0x%02x", spec);
  return name;
}

}  // namespace

Result<void> ColumnSet::read_metadata(codec::Reader& in, std::span<const std::uint32_t> known,
                                      bool may_deflate) {
  const auto count = codec::read_uleb(in);
  if (!count) return count.error();
  if (*count > in.remaining() / 2) {
    return Error{ErrorCode::kTruncated,
                 "input is too short for " + std::to_string(*count) + " columns"};
  }
  std::uint32_t previous = 0;
  auto expected = known.begin();  // both sides ascend
  for (std::uint64_t i = 0; i < *count; ++i) {
    std::uint64_t spec = 0;
    std::uint64_t length = 0;
    if (!codec::take_uleb(in, spec)) return codec::read_uleb(in).error();
    if (spec > std::numeric_limits<std::uint32_t>::max()) {
      return Error{ErrorCode::kUnsupported, "column specification over 32 bits"};
    }
    if (!codec::take_uleb(in, length)) return codec::read_uleb(in).error();
    const std::uint32_t plain = static_cast<std::uint32_t>(spec) & ~kDeflateBit;
    const bool deflated = plain != spec;
    if (i > 0 && plain <= previous) {
      return Error{ErrorCode::kCorrupt,
                   name_of(static_cast<std::uint32_t>(spec)) + " out of order or twice"};
    }
    if (deflated && !may_deflate) {
      return Error{ErrorCode::kCorrupt,
                   name_of(static_cast<std::uint32_t>(spec)) + " deflated inside a change"};
    }
    while (expected != known.end() && *expected < plain) ++expected;
    if (expected == known.end() || *expected != plain || count_ == kMax) {
      return Error{ErrorCode::kUnsupported, "unknown " + name_of(static_cast<std::uint32_t>(spec))};
    }
    previous = plain;
    columns_[count_++] = {plain, deflated, length, {}};
  }
  return {};
}

Result<void> ColumnSet::read_data(codec::Reader& in) {
  for (Column& column : all()) {
    if (column.length > in.remaining()) {
      return Error{ErrorCode::kTruncated, name_of(column.spec) + " of " +
                                              std::to_string(column.length) +
                                              " bytes is longer than the rest of the chunk"};
    }
    column.bytes = in.take(static_cast<std::size_t>(column.length));
  }
  return {};
}

Result<void> ColumnSet::inflate(std::size_t& budget, std::vector<Bytes>& storage) {
  for (Column& column : all()) {
    if (!column.deflated) continue;
    auto plain = codec::inflate(column.bytes, budget);
    if (!plain) {
      return Error{plain.error().code, name_of(column.spec) + ": " + plain.error().message};
    }
    budget -= plain->size();
    storage.push_back(std::move(*plain));
    column.bytes = storage.back();
  }
  return {};
}

ByteView ColumnSet::find(std::uint32_t spec) const {
  for (const Column& column : all()) {
    if (column.spec == spec) return column.bytes;
  }
  return {};
}

void ColumnList::deflate(std::vector<Bytes>& storage) {
  for (Entry& entry : std::span(columns_).first(count_)) {
    if (entry.bytes.size() < kDeflateFrom) continue;
    storage.push_back(codec::deflate(entry.bytes));
    entry.bytes = storage.back();
    entry.spec |= kDeflateBit;
  }
}

void ColumnList::write_metadata(Bytes& out) const {
  codec::write_uleb(out, count_);
  for (const Entry& entry : std::span(columns_).first(count_)) {
    codec::write_uleb(out, entry.spec);
    codec::write_uleb(out, entry.bytes.size());
  }
}

void ColumnList::write_data(Bytes& out) const {
  for (const Entry& entry : std::span(columns_).first(count_)) {
    out.insert(out.end(), entry.bytes.begin(), entry.bytes.end());
  }
}

}  // namespace converge::format
