#pragma once

#include "core/base/result.h"
#include "core/model/ids.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// The body of a record: fields in strictly ascending tag order, each tag (one byte), length
/// (unsigned LEB128), bytes. Numbers are the shortest unsigned LEB128 inside their field.
namespace converge::store {

/// Tags from here on may be added by later releases without a new version: unknown ones are kept
/// when a record is rewritten.
inline constexpr std::uint8_t kFirstOptionalTag = 128;

/// Builds a body. REQUIRES: ascending tags.
class FieldWriter {
 public:
  void bytes(std::uint8_t tag, std::string_view value);
  void number(std::uint8_t tag, std::uint64_t value);
  void signed_number(std::uint8_t tag, std::int64_t value);
  void heads(std::uint8_t tag, const Heads& heads);
  template <std::size_t N>
  void fixed(std::uint8_t tag, const std::array<std::byte, N>& value) {
    bytes(tag, {reinterpret_cast<const char*>(value.data()), N});
  }
  /// A list of strings, each with its length before it.
  void list(std::uint8_t tag, const std::vector<std::string>& items);
  /// Fields as a FieldReader kept them.
  void append_extra(std::string_view extra) { body_.append(extra); }

  const std::string& body() const { return body_; }

 private:
  std::string body_;
  std::uint8_t last_tag_ = 0;
};

/// Takes a body apart. Fields are asked for in ascending order; an absent one gives the default.
/// The first error sticks and is reported by finish().
class FieldReader {
 public:
  explicit FieldReader(std::string_view body) : rest_(body) {}

  /// Borrowed from the body; empty when absent.
  std::string_view bytes(std::uint8_t tag);
  std::uint64_t number(std::uint8_t tag);
  /// Number of at most 32 bits.
  std::uint32_t number32(std::uint8_t tag);
  std::int64_t signed_number(std::uint8_t tag);
  Heads heads(std::uint8_t tag);  ///< sorted, or the body is bad
  std::vector<std::string> list(std::uint8_t tag);
  template <std::size_t N>
  std::array<std::byte, N> fixed(std::uint8_t tag) {
    std::array<std::byte, N> out{};
    const std::string_view value = bytes(tag);
    if (value.size() != N) {
      fail("a field of the wrong length");
      return out;
    }
    for (std::size_t i = 0; i < N; ++i) out[i] = static_cast<std::byte>(value[i]);
    return out;
  }
  bool has(std::uint8_t tag);

  void fail(const char* why) {
    if (error_ == nullptr) error_ = why;
  }
  /// Nothing wrong, and every field taken except optional ones, which `extra` collects.
  /// Returns what is wrong otherwise.
  const char* finish(std::string* extra = nullptr);

 private:
  bool peek_tag(std::uint8_t& tag) const;
  std::string_view take_field();

  std::string_view rest_;
  std::uint8_t last_tag_ = 0;
  const char* error_ = nullptr;
};

}  // namespace converge::store
