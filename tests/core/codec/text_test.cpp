#include "core/codec/base58.h"
#include "core/codec/sha256.h"
#include "core/codec/utf8.h"

#include <catch2/catch.hpp>

#include <string>

using namespace converge;
using namespace converge::codec;
using namespace std::string_literals;

TEST_CASE("well-formed UTF-8 is told from the rest", "[codec][utf8]") {
  CHECK(is_valid_utf8(""));
  CHECK(is_valid_utf8("plain text, longer than one word"));
  CHECK(is_valid_utf8("\0"s));
  CHECK(is_valid_utf8("12345678\xc3\xa9"));
  CHECK(is_valid_utf8("\xf0\x9f\x98\x80"));
  CHECK_FALSE(is_valid_utf8("\xff"));
  CHECK_FALSE(is_valid_utf8("12345678\xc3"));
  CHECK_FALSE(is_valid_utf8("\xc0\x80"));
  CHECK_FALSE(is_valid_utf8("\xed\xa0\x80"));
  CHECK_FALSE(is_valid_utf8("\xf4\x90\x80\x80"));
}

TEST_CASE("code points are measured by their first byte", "[codec][utf8]") {
  CHECK(is_one_code_point("a"));
  CHECK(is_one_code_point("\xc3\xa9"));
  CHECK(is_one_code_point("\xe2\x82\xac"));
  CHECK(is_one_code_point("\xf0\x9f\x98\x80"));
  CHECK_FALSE(is_one_code_point(""));
  CHECK_FALSE(is_one_code_point("ab"));
  CHECK_FALSE(is_one_code_point("\xc3\xa9x"));
  CHECK(skip_code_points("a\xc3\xa9z", 0) == 0);
  CHECK(skip_code_points("a\xc3\xa9z", 2) == 3);
}

TEST_CASE("SHA-256 gives the published digests", "[codec][sha256]") {
  CHECK(to_hex(sha256({})) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  const std::string abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  CHECK(to_hex(sha256(as_bytes("abc"))) == abc);
  CHECK(to_hex(sha256(as_bytes("a"), as_bytes("bc"))) == abc);
}

TEST_CASE("Base58 text with a wrong character or sum is refused", "[codec][base58]") {
  const Bytes payload = *from_hex("000102030405060708090a0b0c0d0e0f");
  const std::string text = to_base58check(payload);
  CHECK(from_base58check(text) == payload);
  std::string changed = text;
  changed.back() = changed.back() == '2' ? '3' : '2';
  CHECK_FALSE(from_base58check(changed).has_value());
  CHECK_FALSE(from_base58check("0OIl").has_value());
  CHECK_FALSE(from_base58check("").has_value());
  CHECK_FALSE(from_base58check(std::string(257, '1')).has_value());
  CHECK(from_base58check(to_base58check({})) == Bytes{});
}
