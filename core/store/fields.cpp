#include "core/store/fields.h"

#include "core/base/assert.h"
#include "core/codec/leb128.h"

#include <algorithm>
#include <cstring>

namespace converge::store {
namespace {

constexpr std::size_t kHashBytes = 32;

}  // namespace

void FieldWriter::bytes(std::uint8_t tag, std::string_view value) {
  ASSERT(tag > last_tag_);
  last_tag_ = tag;
  body_.push_back(static_cast<char>(tag));
  codec::write_uleb(body_, value.size());
  body_.append(value);
}

void FieldWriter::number(std::uint8_t tag, std::uint64_t value) {
  std::string encoded;
  codec::write_uleb(encoded, value);
  bytes(tag, encoded);
}

void FieldWriter::signed_number(std::uint8_t tag, std::int64_t value) {
  std::string encoded;
  codec::write_sleb(encoded, value);
  bytes(tag, encoded);
}

void FieldWriter::heads(std::uint8_t tag, const Heads& heads) {
  std::string packed;
  packed.reserve(heads.size() * kHashBytes);
  for (const ChangeHash& head : heads) packed.append(as_text(head.bytes));
  bytes(tag, packed);
}

void FieldWriter::list(std::uint8_t tag, const std::vector<std::string>& items) {
  std::string packed;
  for (const std::string& item : items) {
    codec::write_uleb(packed, item.size());
    packed.append(item);
  }
  bytes(tag, packed);
}

bool FieldReader::peek_tag(std::uint8_t& tag) const {
  if (error_ != nullptr || rest_.empty()) return false;
  tag = static_cast<std::uint8_t>(rest_[0]);
  return true;
}

std::string_view FieldReader::take_field() {
  const auto tag = static_cast<std::uint8_t>(rest_[0]);
  if (tag <= last_tag_) {
    fail("fields are not in ascending order");
    return {};
  }
  last_tag_ = tag;
  codec::Reader reader(as_bytes(rest_.substr(1)));
  const auto length = codec::read_uleb(reader);
  if (!length || *length > reader.remaining()) {
    fail("a field runs past the end");
    return {};
  }
  const std::string_view value = rest_.substr(1 + reader.position(), *length);
  rest_.remove_prefix(1 + reader.position() + *length);
  return value;
}

bool FieldReader::has(std::uint8_t tag) {
  std::uint8_t next = 0;
  return peek_tag(next) && next == tag;
}

std::string_view FieldReader::bytes(std::uint8_t tag) {
  std::uint8_t next = 0;
  if (!peek_tag(next) || next > tag) return {};
  if (next < tag) {
    fail("a field that this release does not know");
    return {};
  }
  return take_field();
}

std::uint64_t FieldReader::number(std::uint8_t tag) {
  if (!has(tag)) {
    bytes(tag);
    return 0;
  }
  const std::string_view value = bytes(tag);
  codec::Reader reader(as_bytes(value));
  const auto number = codec::read_uleb(reader);
  if (!number || !reader.at_end()) {
    fail("a field is not a number");
    return 0;
  }
  return *number;
}

std::uint32_t FieldReader::number32(std::uint8_t tag) {
  const std::uint64_t value = number(tag);
  if (value > UINT32_MAX) fail("a number is too large");
  return static_cast<std::uint32_t>(value);
}

std::int64_t FieldReader::signed_number(std::uint8_t tag) {
  if (!has(tag)) {
    bytes(tag);
    return 0;
  }
  const std::string_view value = bytes(tag);
  codec::Reader reader(as_bytes(value));
  const auto number = codec::read_sleb(reader);
  if (!number || !reader.at_end()) {
    fail("a field is not a number");
    return 0;
  }
  return *number;
}

Heads FieldReader::heads(std::uint8_t tag) {
  const std::string_view value = bytes(tag);
  if (value.size() % kHashBytes != 0) {
    fail("heads are not whole hashes");
    return {};
  }
  Heads out(value.size() / kHashBytes);
  for (std::size_t i = 0; i < out.size(); ++i) {
    std::memcpy(out[i].bytes.data(), value.data() + i * kHashBytes, kHashBytes);
  }
  const bool sorted = std::ranges::adjacent_find(out, std::ranges::greater_equal{}) == out.end();
  if (!sorted) fail("heads are not sorted");
  return out;
}

std::vector<std::string> FieldReader::list(std::uint8_t tag) {
  std::vector<std::string> out;
  codec::Reader reader(as_bytes(bytes(tag)));
  while (!reader.at_end()) {
    const auto length = codec::read_uleb(reader);
    if (!length || *length > reader.remaining()) {
      fail("a list runs past the end");
      return out;
    }
    out.emplace_back(as_text(reader.take(*length)));
  }
  return out;
}

const char* FieldReader::finish(std::string* extra) {
  std::uint8_t tag = 0;
  while (peek_tag(tag)) {
    if (tag < kFirstOptionalTag) {
      fail("a field that this release does not know");
      break;
    }
    const std::string_view before = rest_;
    take_field();
    if (error_ == nullptr && extra != nullptr) {
      extra->append(before.substr(0, before.size() - rest_.size()));
    }
  }
  return error_;
}

}  // namespace converge::store
