#include "core/codec/column_reader.h"
#include "core/codec/column_writer.h"

#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

#include <limits>
#include <optional>
#include <string>
#include <vector>

using namespace converge;
using namespace converge::codec;

namespace {

template <class T>
using Cells = std::vector<std::optional<T>>;

constexpr std::int64_t kAnything = std::numeric_limits<std::int64_t>::max();

// Reads a whole column cell by cell; nothing when it is malformed.
template <class T, class Reader>
std::optional<Cells<T>> read_cells(Reader reader) {
  Cells<T> out;
  while (reader.available() > 0) {
    if (reader.is_null()) {
      out.push_back(std::nullopt);
    } else if constexpr (requires { reader.first(); }) {
      out.push_back(T(reader.first()));
    } else {
      out.push_back(T(reader.value()));
    }
    reader.take(1);
  }
  if (!reader.exhausted()) return std::nullopt;
  return out;
}

std::optional<Cells<std::uint64_t>> read_uints(const Bytes& bytes) {
  return read_cells<std::uint64_t>(UintReader(bytes));
}
std::optional<Cells<std::string>> read_strings(const Bytes& bytes) {
  return read_cells<std::string>(StringReader(bytes));
}
std::optional<Cells<std::int64_t>> read_deltas(const Bytes& bytes) {
  return read_cells<std::int64_t>(DeltaReader(bytes, -kAnything - 1, kAnything));
}
std::optional<std::vector<bool>> read_booleans(const Bytes& bytes) {
  BooleanReader reader(bytes);
  std::vector<bool> out;
  while (reader.available() > 0) {
    out.push_back(reader.value());
    reader.take(1);
  }
  if (!reader.exhausted()) return std::nullopt;
  return out;
}

template <class Writer, class T>
std::string write_cells(const Cells<T>& cells) {
  Writer writer;
  for (const auto& cell : cells) {
    if (cell) {
      writer.append(*cell);
    } else {
      writer.append_null();
    }
  }
  writer.finish();
  return to_hex(writer.bytes());
}

std::string write_booleans(const std::vector<bool>& cells) {
  BooleanWriter writer;
  for (const bool cell : cells) writer.append(cell);
  writer.finish();
  return to_hex(writer.bytes());
}

constexpr auto kNull = std::nullopt;

}  // namespace

TEST_CASE("run-length columns have the encodings of the specification", "[codec][columns]") {
  struct Case {
    Cells<std::uint64_t> cells;
    const char* hex;
  };
  const auto c = GENERATE(values<Case>({
      {{}, ""},
      {{5}, "7f05"},
      {{1, 2, 2, 3}, "7f0102027f03"},
      {{7, 7, 8, 9, 9, 9, kNull}, "02077f0803090001"},
      {{0, 0, 0, kNull, kNull, 1, 2, 3}, "030000027d010203"},
      {{kNull}, "0001"},
  }));
  CHECK(write_cells<UintWriter>(c.cells) == c.hex);
  CHECK(read_uints(*from_hex(c.hex)) == c.cells);
}

TEST_CASE("string columns have the encoding of the specification", "[codec][columns]") {
  const Cells<std::string> cells{"a", "", kNull, "boo", "boo"};
  const Bytes bytes = *from_hex("7e01610000010203626f6f");
  CHECK(read_strings(bytes) == cells);
  CHECK(write_cells<StringWriter>(cells) == to_hex(bytes));
}

TEST_CASE("delta columns have the encodings of the specification", "[codec][columns]") {
  struct Case {
    Cells<std::int64_t> cells;
    const char* hex;
  };
  const auto c = GENERATE(values<Case>({
      {{3, 4, 5, 6, 9, 7, 8}, "7f0303017d037e01"},
      {{10, 20, 30}, "030a"},
      {{kNull, 0, 2, 2, kNull, 3}, "00017d00020000017f01"},
  }));
  CHECK(write_cells<DeltaWriter>(c.cells) == c.hex);
  CHECK(read_deltas(*from_hex(c.hex)) == c.cells);
}

TEST_CASE("boolean columns have the encodings of the specification", "[codec][columns]") {
  struct Case {
    std::vector<bool> cells;
    const char* hex;
  };
  const auto c = GENERATE(values<Case>({
      {{}, ""},
      {{true, true, false, false, false}, "000203"},
      {std::vector<bool>(300, false), "ac02"},
      {{false, true, false}, "010101"},
  }));
  CHECK(write_booleans(c.cells) == c.hex);
  CHECK(read_booleans(*from_hex(c.hex)) == c.cells);
}

TEST_CASE("run-length columns that nobody would have written are rejected", "[codec][columns]") {
  const char* hex = GENERATE("01", "0105", "0000", "00010001", "7f017f02", "02010201", "7e0101",
                             "7f010201", "02017f01", "7d0102", "7e01", "8200 05", "0281 00", "02",
                             "00", "80808080808080808001", "8080808080808080807f 01");
  std::string text(hex);
  std::erase(text, ' ');
  INFO(text);
  CHECK_FALSE(read_uints(*from_hex(text)).has_value());
}

TEST_CASE("string columns with bad bytes or lengths are rejected", "[codec][columns]") {
  const char* hex =
      GENERATE("7f01ff", "7f02c3", "7f05616263", "7fffffffffffffffffff01", "7f03eda080", "0201c3");
  INFO(hex);
  CHECK_FALSE(read_strings(*from_hex(hex)).has_value());
}

TEST_CASE("boolean columns with empty or trailing runs are rejected", "[codec][columns]") {
  const char* hex = GENERATE("00", "0000", "0100", "010001", "0001 00", "8000", "80");
  std::string text(hex);
  std::erase(text, ' ');
  INFO(text);
  CHECK_FALSE(read_booleans(*from_hex(text)).has_value());
}

TEST_CASE("a delta column fails as soon as a sum leaves its domain", "[codec][columns]") {
  const auto read = [](const char* hex, std::int64_t low, std::int64_t high) {
    const Bytes bytes = *from_hex(hex);
    return read_cells<std::int64_t>(DeltaReader(bytes, low, high));
  };
  CHECK(read("0201", 1, 2).has_value());
  CHECK_FALSE(read("0301", 1, 2).has_value());
  CHECK_FALSE(read("7f7f", 0, 10).has_value());
  CHECK_FALSE(read("ffffffffffffffff3f01", 0, 0xffffffff).has_value());
  // Differences that leave 64 bits: 2 x (2^63 - 1).
  CHECK_FALSE(read("02ffffffffffffffffff00", -kAnything - 1, kAnything).has_value());
  // The largest count times the smallest difference must not overflow the check itself.
  CHECK_FALSE(read("ffffffffffffffffff008080808080808080807f", 0, 1).has_value());
}

TEST_CASE("a run of 2^47 cells costs nothing until it is taken", "[codec][columns]") {
  const Bytes bytes = *from_hex(
      "80808080808020"
      "07");
  UintReader reader(bytes);
  CHECK(reader.available() == std::uint64_t{1} << 47);
  reader.take(reader.available() - 1);
  CHECK(reader.available() == 1);
  CHECK_FALSE(reader.exhausted());
  reader.take(1);
  CHECK(reader.exhausted());
}

TEST_CASE("an absent column shows its default for ever", "[codec][columns]") {
  UintReader uints;
  DeltaReader deltas;
  BooleanReader booleans;
  for (int i = 0; i < 3; ++i) {
    REQUIRE(uints.available() > 1000);
    REQUIRE(deltas.available() > 1000);
    REQUIRE(booleans.available() > 1000);
    CHECK(uints.is_null());
    CHECK(deltas.is_null());
    CHECK_FALSE(booleans.value());
    uints.take(1000);
    deltas.take(1000);
    booleans.take(1000);
  }
  CHECK(uints.exhausted());
  CHECK(deltas.exhausted());
  CHECK(booleans.exhausted());
}

TEST_CASE("errors of columns name the column and the byte", "[codec][columns]") {
  const Error error = column_error(ColumnFault::kNotCanonical, 0x42, 17);
  CHECK(error.code == ErrorCode::kCorrupt);
  CHECK(error.message == "column 0x42: not in canonical form near its byte 17");
  CHECK(column_error(ColumnFault::kTruncated, 1, 0).code == ErrorCode::kTruncated);
  CHECK(column_error(ColumnFault::kUtf8, 1, 0).message.find("UTF-8") != std::string::npos);
  CHECK(column_error(ColumnFault::kRange, 1, 0).message.find("range") != std::string::npos);
  CHECK(column_error(ColumnFault::kNumber, 1, 0).message.find("number") != std::string::npos);
  CHECK(column_error(ColumnFault::kNone, 1, 0).message.find("fewer cells") != std::string::npos);
}

namespace {

// Few different values, so that runs happen.
rc::Gen<Cells<std::uint64_t>> some_uints() {
  return rc::gen::container<Cells<std::uint64_t>>(rc::gen::map(
      rc::gen::inRange<std::uint64_t>(0, 4),
      [](std::uint64_t value) { return value == 3 ? std::nullopt : std::optional(value * 100); }));
}

}  // namespace

TEST_CASE("any cells come back from their column", "[codec][columns][property]") {
  rc::prop("numbers", [] {
    const auto cells = *some_uints();
    RC_ASSERT(read_uints(*from_hex(write_cells<UintWriter>(cells))) == cells);
  });
  rc::prop("differences", [] {
    Cells<std::int64_t> cells;
    for (const auto& cell : *some_uints()) {
      cells.push_back(cell ? std::optional(static_cast<std::int64_t>(*cell) - 100) : std::nullopt);
    }
    RC_ASSERT(read_deltas(*from_hex(write_cells<DeltaWriter>(cells))) == cells);
  });
  rc::prop("strings", [] {
    Cells<std::string> cells;
    for (const auto& cell : *some_uints()) {
      cells.push_back(cell ? std::optional(std::string(*cell / 100, 'x')) : std::nullopt);
    }
    RC_ASSERT(read_strings(*from_hex(write_cells<StringWriter>(cells))) == cells);
  });
  rc::prop("booleans", [](const std::vector<bool>& cells) {
    RC_ASSERT(read_booleans(*from_hex(write_booleans(cells))) == cells);
  });
  rc::prop("the cut into runs does not change the bytes", [] {
    const auto cells = *some_uints();
    UintWriter writer;
    for (std::size_t i = 0; i < cells.size();) {
      std::size_t end = i + 1;
      while (end < cells.size() && cells[end] == cells[i]) ++end;
      if (cells[i]) {
        writer.append(*cells[i], end - i);
      } else {
        writer.append_null(end - i);
      }
      i = end;
    }
    writer.finish();
    RC_ASSERT(to_hex(writer.bytes()) == write_cells<UintWriter>(cells));
  });
}

TEST_CASE("a long literal run gets a header of more than one byte", "[codec][columns]") {
  Cells<std::uint64_t> cells;
  for (std::uint64_t i = 0; i < 10'000; ++i) cells.push_back(i);
  for (const std::size_t size : {64u, 65u, 8192u, 8193u, 10'000u}) {
    const Cells<std::uint64_t> part(cells.begin(), cells.begin() + size);
    CHECK(read_uints(*from_hex(write_cells<UintWriter>(part))) == part);
  }
}

TEST_CASE("a cleared writer is as good as new", "[codec][columns]") {
  UintWriter writer;
  writer.append(1);
  writer.append(2);
  writer.finish();
  writer.clear();
  CHECK_FALSE(writer.has_value());
  writer.append_null(2);
  writer.finish();
  CHECK(to_hex(writer.bytes()) == "0002");
  CHECK_FALSE(writer.has_value());
}
