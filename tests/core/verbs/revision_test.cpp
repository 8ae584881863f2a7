#include "core/verbs/revision.h"

#include "tests/core/verbs/support.h"

#include <catch2/catch.hpp>

#include <algorithm>

namespace converge::verbs {
using namespace testing;

namespace {

class Receipts : public RevisionSource {
 public:
  explicit Receipts(Heads heads) : heads_(std::move(heads)) {}
  Result<Heads> at_receipt(std::uint64_t number) const override { return saw("#", number); }
  Result<Heads> receipts_back(std::uint64_t count) const override { return saw("~", count); }
  Result<Heads> at_time(std::string_view when) const override {
    last = std::string(when);
    return heads_;
  }
  mutable std::string last;

 private:
  Result<Heads> saw(const char* sign, std::uint64_t number) const {
    last = sign + std::to_string(number);
    return heads_;
  }
  Heads heads_;
};

}  // namespace

TEST_CASE("a document and its revision part at the @", "[verbs]") {
  const auto split = [](const char* text) {
    const auto [doc, rev] = split_doc_rev(text);
    return doc + " | " + rev;
  };
  CHECK(split("todo/home") == "todo/home | ");
  CHECK(split("todo/home@1f3a9c2") == "todo/home | 1f3a9c2");
  CHECK(split("todo/home@1f3a9c2+88d0e1b") == "todo/home | 1f3a9c2+88d0e1b");
  CHECK(split("todo/home@#184220") == "todo/home | #184220");
  CHECK(split("todo/home@~3") == "todo/home | ~3");
  CHECK(split("todo/home@{2h}") == "todo/home | {2h}");
  CHECK(split("a@b@{2026-11-20T09:00:00Z}") == "a@b | {2026-11-20T09:00:00Z}");
  CHECK(split("todo/home@nonsense") == "todo/home | nonsense");
  CHECK(split("./me@example.automerge") == "./me@example.automerge | ");
  CHECK(split("./home.automerge@1f3a9c2") == "./home.automerge | 1f3a9c2");
}

TEST_CASE("revisions are found by prefix, alone and joined", "[verbs]") {
  auto document = document_of(parse(R"({"a":1})"));
  const auto first = document.heads();
  auto other = document.fork(actor(2));
  REQUIRE(set_one(document, "/a", 2));
  REQUIRE(set_one(other, "/b", 3));
  const auto left = document.heads();
  const auto right = other.heads();
  REQUIRE(document.merge(other));

  CHECK(*resolve_revision(document, "") == document.heads());
  CHECK(*resolve_revision(document, first[0].to_hex()) == first);
  CHECK(*resolve_revision(document, first[0].to_hex().substr(0, 7)) == first);
  std::string upper = first[0].to_hex().substr(0, 9);
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  CHECK(*resolve_revision(document, upper) == first);
  CHECK(*resolve_revision(document, format_heads(document.heads())) == document.heads());
  CHECK(*resolve_revision(document, format_heads_short(document.heads())) == document.heads());
  // An ancestor of another member adds nothing.
  CHECK(*resolve_revision(document, left[0].to_hex() + "+" + first[0].to_hex()) == left);
  CHECK(*resolve_revision(document, right[0].to_hex() + "+" + right[0].to_hex()) == right);
}

TEST_CASE("revisions that name nothing are told apart", "[verbs]") {
  auto document = document_of(parse(R"({"a":1})"));
  CHECK(error_id(resolve_revision(document, "0000000")) == "rev.not_found");
  CHECK(error_id(resolve_revision(document, std::string(64, '0'))) == "rev.not_found");
  for (const char* text : {"123456", "xyz1234", "1234567+", "+1234567", "#", "#x", "~", "~-1", "{}",
                           "{2h", "yesterday"})
    CHECK(error_id(resolve_revision(document, text)) == "usage.argument");
  CHECK(error_id(resolve_revision(document, std::string(65, '0'))) == "usage.argument");
}

TEST_CASE("receipt forms go through the source", "[verbs]") {
  auto document = document_of(parse(R"({"a":1})"));
  const Receipts source(document.heads());
  for (const char* text : {"#184220", "~3", "{2h}"}) {
    CHECK(error_id(resolve_revision(document, text)) == "rev.not_found");
    CHECK(*resolve_revision(document, text, &source) == document.heads());
  }
  CHECK(source.last == "2h");
}

}  // namespace converge::verbs
