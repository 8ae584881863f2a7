#include "core/model/document_id.h"
#include "core/model/ids.h"
#include "core/model/scalar.h"

#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

#include <algorithm>
#include <limits>
#include <set>
#include <string>
#include <utility>
#include <vector>

using namespace converge;

namespace {

ActorId actor(const char* hex) { return ActorId::from_hex(hex).value(); }

}  // namespace

TEST_CASE("ids that count upwards have hashes and shards that differ", "[model]") {
  for (std::size_t place = 0; place < sizeof(DocumentId::bytes); ++place) {
    std::set<std::size_t> hashes;
    std::size_t odd = 0;
    for (int number = 0; number < 256; ++number) {
      DocumentId id;
      id.bytes[place] = static_cast<std::byte>(number);
      const std::size_t hash = DocumentIdHasher{}(id);
      hashes.insert(hash);
      odd += hash % 2;
    }
    CHECK(hashes.size() == 256);
    CHECK(odd > 64);
    CHECK(odd < 192);
  }
}

TEST_CASE("actors are ordered by unsigned bytes, prefixes first", "[model]") {
  std::vector<ActorId> actors{actor("ff"),
                              actor("7f"),
                              actor("7f00"),
                              actor(""),
                              actor("000102030405060708090a0b0c0d0e0f"),
                              actor("000102030405060708090a0b0c0d0e0f10111213141516171819")};
  std::sort(actors.begin(), actors.end());
  std::vector<std::string> text;
  for (const ActorId& one : actors) text.push_back(one.to_hex());
  CHECK(text == std::vector<std::string>{"", "000102030405060708090a0b0c0d0e0f",
                                         "000102030405060708090a0b0c0d0e0f10111213141516171819",
                                         "7f", "7f00", "ff"});
}

TEST_CASE("actors of any size copy, move and compare", "[model]") {
  for (const std::size_t size : {0u, 1u, 15u, 16u, 17u, 23u, 24u, 25u, 64u, 1000u}) {
    const Bytes bytes(size, std::byte{0xab});
    ActorId original(bytes);
    ActorId copy = original;
    CHECK(copy == original);
    ActorId moved = std::move(copy);
    CHECK(moved == original);
    CHECK(to_bytes(moved.bytes()) == bytes);
    ActorId assigned = actor("01");
    assigned = moved;
    CHECK(assigned == original);
    assigned = assigned;
    CHECK(assigned == original);
    ActorId taken = actor("02");
    taken = std::move(assigned);
    CHECK(taken == original);
    CHECK(taken != actor("02"));
  }
}

TEST_CASE("actor order is that of the bytes", "[model][property]") {
  rc::prop("any two", [](const std::string& a, const std::string& b) {
    const ActorId first(as_bytes(a));
    const ActorId second(as_bytes(b));
    RC_ASSERT((first < second) == (a < b));
    RC_ASSERT((first == second) == (a == b));
  });
}

TEST_CASE("hashes are read from 64 digits and nothing else", "[model]") {
  const std::string text = "a4a89bddeac4d9157a6ff040cfffced8d94bcb660edc2baa68e015dd0bc9a4d2";
  CHECK(ChangeHash::from_hex(text).value().to_hex() == text);
  CHECK_FALSE(ChangeHash::from_hex(text.substr(2)).has_value());
  CHECK_FALSE(ChangeHash::from_hex("zz" + text.substr(2)).has_value());
}

TEST_CASE("scalars keep their values", "[model]") {
  CHECK(Scalar::uint(300).ref().as_uint() == 300);
  CHECK(Scalar::uint(300).raw == "\xac\x02");
  CHECK(Scalar::integer(-1).ref().as_int() == -1);
  CHECK(Scalar::counter(5).ref().as_int() == 5);
  CHECK(Scalar::timestamp(-905182979000).ref().as_int() == -905182979000);
  CHECK(Scalar::float64(1.5).ref().as_float64() == 1.5);
  CHECK(Scalar::string("h\xc3\xa9").raw == "h\xc3\xa9");
  CHECK(Scalar::null().ref().is(ScalarType::kNull));
  CHECK(Scalar::boolean(true).ref().is(ScalarType::kTrue));
  CHECK(Scalar::bytes(*from_hex("00ff")).raw == std::string("\0\xff", 2));
}

TEST_CASE("values that are not what their type says have a fault", "[model]") {
  struct Case {
    std::uint8_t type;
    const char* hex;
    bool good;
  };
  const auto c = GENERATE(values<Case>({
      {0, "", true},
      {0, "00", false},
      {1, "", true},
      {1, "01", false},
      {2, "", true},
      {2, "01", false},
      {3, "", false},
      {3, "ac02", true},
      {3, "8100", false},
      {3, "0000", false},
      {4, "7f", true},
      {4, "bf00", false},
      {4, "7f7f", false},
      {5, "000000000000f83f", true},
      {5, "0000000000f83f", false},
      {6, "68c3a9", true},
      {6, "ff", false},
      {7, "ff", true},
      {8, "d00f", true},
      {8, "d07f", false},
      {9, "80a094a58d1d", true},
      {9, "", false},
      {10, "7879", true},
      {15, "", true},
  }));
  const Bytes raw = *from_hex(c.hex);
  INFO(int{c.type} << " " << c.hex);
  CHECK((model::scalar_fault({c.type, as_text(raw)}) == nullptr) == c.good);
}

TEST_CASE("every scalar we make is valid", "[model][property]") {
  rc::prop("numbers", [](std::int64_t value, std::uint64_t natural, double real) {
    RC_ASSERT(model::scalar_fault(Scalar::integer(value).ref()) == nullptr);
    RC_ASSERT(Scalar::integer(value).ref().as_int() == value);
    RC_ASSERT(model::scalar_fault(Scalar::uint(natural).ref()) == nullptr);
    RC_ASSERT(Scalar::uint(natural).ref().as_uint() == natural);
    RC_ASSERT(model::scalar_fault(Scalar::float64(real).ref()) == nullptr);
  });
}

TEST_CASE("document ids are read in all their forms", "[model]") {
  const DocumentId id = DocumentId::parse("00010203-0405-0607-0809-0a0b0c0d0e0f").value();
  CHECK(DocumentId::parse(id.to_base58()) == id);
  CHECK(DocumentId::parse(id.to_url()) == id);
  CHECK(id.to_url().rfind("automerge:", 0) == 0);
  CHECK_FALSE(DocumentId::parse("").has_value());
  CHECK_FALSE(DocumentId::parse("automerge:").has_value());
  CHECK_FALSE(DocumentId::parse("00010203-0405-0607-0809-0a0b0c0d0e0").has_value());
  CHECK_FALSE(DocumentId::parse("0001020300405-0607-0809-0a0b0c0d0e0f").has_value());
  CHECK_FALSE(DocumentId::parse("not an id").has_value());
}
