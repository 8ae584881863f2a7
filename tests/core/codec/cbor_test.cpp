#include "core/codec/cbor.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace converge::codec {
namespace {

CborItem read_one(const std::string& hex_text) {
  const auto bytes = from_hex(hex_text);
  REQUIRE(bytes);
  Reader in(*bytes);
  const auto item = read_cbor_item(in);
  REQUIRE(item);
  return *item;
}

}  // namespace

TEST_CASE("numbers are read in every width", "[codec]") {
  struct Case {
    const char* hex;
    double value;
  };
  // Source: RFC 8949, appendix A.
  const std::vector<Case> cases = {
      {"00", 0},
      {"17", 23},
      {"1818", 24},
      {"1903e8", 1000},
      {"1a000f4240", 1000000},
      {"1b000000e8d4a51000", 1000000000000.0},
      {"20", -1},
      {"3903e7", -1000},
      {"f90000", 0.0},
      {"f93c00", 1.0},
      {"f93e00", 1.5},
      {"f97bff", 65504.0},
      {"f90001", 5.960464477539063e-8},
      {"f90400", 0.00006103515625},
      {"f9c400", -4.0},
      {"fa47c35000", 100000.0},
      {"fb3ff199999999999a", 1.1},
      {"f97c00", std::numeric_limits<double>::infinity()},
      {"f9fc00", -std::numeric_limits<double>::infinity()},
  };
  for (const auto& c : cases) {
    INFO(c.hex);
    CHECK(cbor_number(read_one(c.hex)) == c.value);
  }
  CHECK(std::isnan(*cbor_number(read_one("f97e00"))));
  CHECK_FALSE(cbor_number(read_one("60")));
}

TEST_CASE("only integral non-negative numbers are unsigned", "[codec]") {
  CHECK(cbor_unsigned(read_one("1bffffffffffffffff")) == std::numeric_limits<std::uint64_t>::max());
  CHECK(cbor_unsigned(read_one("fb4270000000000000")) == std::uint64_t{1} << 40);
  CHECK(cbor_unsigned(read_one("fb4340000000000000")) == std::uint64_t{1} << 53);
  for (const char* no :
       {"20", "f93e00", "f9c400", "f97c00", "f97e00", "fb4350000000000000", "f4"}) {
    INFO(no);
    CHECK_FALSE(cbor_unsigned(read_one(no)));
  }
}

TEST_CASE("written items have the shortest form", "[codec]") {
  const auto written = [](auto&& write) {
    Bytes out;
    write(out);
    return to_hex(out);
  };
  CHECK(written([](Bytes& out) { write_cbor_map(out, 5); }) == "a5");
  CHECK(written([](Bytes& out) { write_cbor_array(out, 24); }) == "9818");
  CHECK(written([](Bytes& out) { write_cbor_text(out, "join"); }) == "646a6f696e");
  CHECK(written([](Bytes& out) { write_cbor_bytes(out, as_bytes("ab")); }) == "426162");
  CHECK(written([](Bytes& out) { write_cbor_bool(out, true); }) == "f5");
  CHECK(written([](Bytes& out) { write_cbor_number(out, 23); }) == "17");
  CHECK(written([](Bytes& out) { write_cbor_number(out, 255); }) == "18ff");
  CHECK(written([](Bytes& out) { write_cbor_number(out, 65535); }) == "19ffff");
  CHECK(written([](Bytes& out) { write_cbor_number(out, 0xffffffff); }) == "1affffffff");
  CHECK(written([](Bytes& out) { write_cbor_number(out, 0x100000000); }) == "fb41f0000000000000");
  CHECK(written([](Bytes& out) { write_cbor_float64(out, 1.5); }) == "fb3ff8000000000000");
}

}  // namespace converge::codec
