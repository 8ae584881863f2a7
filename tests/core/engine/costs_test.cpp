// Costs that must not grow with the document, counted in bytes allocated: a clock would tell more
// of the machine than of the engine.

#include "core/engine/document.h"
#include "core/engine/patch.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <new>
#include <random>
#include <string>
#include <vector>

namespace {

std::size_t allocated = 0;

}  // namespace

void* operator new(std::size_t size) {
  allocated += size;
  if (void* const place = std::malloc(size)) return place;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  allocated += size;
  return std::malloc(size);
}
void operator delete(void* place) noexcept { std::free(place); }
void operator delete(void* place, std::size_t) noexcept { std::free(place); }

using namespace converge;
using engine::Document;

namespace {

constexpr std::size_t kSmall = 1'000;
constexpr std::size_t kLarge = 1'000'000;

model::ActorId actor(unsigned char number) {
  const std::vector<std::byte> bytes(16, std::byte{number});
  return model::ActorId(bytes);
}

engine::ObjId text_of(const Document& document) {
  return document.now().get(model::kRoot, std::string("text"))->id;
}

void type(Document& document, std::size_t position, std::string_view inserted) {
  auto tx = document.transact();
  REQUIRE(tx.splice_text(text_of(document), position, 0, inserted).has_value());
  tx.commit();
}

/// A text put together from pieces of a hundred characters at random places, a change each.
Document text_document(std::size_t size) {
  Document document(actor(1));
  auto tx = document.transact();
  REQUIRE(tx.put_object(model::kRoot, std::string("text"), engine::ObjType::kText).has_value());
  tx.commit();
  std::mt19937 engine(5);
  const std::string piece(100, 'a');
  for (std::size_t length = 0; length < size; length += piece.size()) {
    type(document, engine() % (length + 1), piece);
  }
  return document;
}

template <class Work>
std::size_t bytes_of(const Work& work) {
  const std::size_t before = allocated;
  work();
  return allocated - before;
}

}  // namespace

TEST_CASE("a keystroke costs the same in a long text as in a short one", "[costs]") {
  const auto cost = [](std::size_t size) {
    Document document = text_document(size);
    return bytes_of([&] {
      for (std::size_t i = 0; i < 2'000; ++i) type(document, size / 2 + i, "x");
    });
  };
  CHECK(cost(kLarge) < 2 * cost(kSmall));
}

TEST_CASE("remote changes cost the same in a long text as in a short one", "[costs]") {
  const auto cost = [](std::size_t size) {
    Document document = text_document(size);
    Document writer = document.fork(actor(2));
    const Heads before = writer.heads();
    for (std::size_t i = 0; i < 500; ++i) type(writer, size / 2 + i, "x");
    std::vector<Bytes> changes;
    for (const auto& hash : writer.changes_since(before)) {
      changes.push_back(*writer.change_bytes(hash));
    }
    // Whatever is built at the first search only is there already.
    REQUIRE(document.apply_changes({changes.begin(), changes.begin() + 1}).has_value());
    return bytes_of([&] {
      REQUIRE(document.apply_changes({changes.begin() + 1, changes.end()}).has_value());
    });
  };
  CHECK(cost(kLarge) < 2 * cost(kSmall));
}

TEST_CASE("the diff of the last changes does not depend on what was there before", "[costs]") {
  const auto cost = [](std::size_t size) {
    Document document = text_document(size);
    const Heads before = document.heads();
    for (std::size_t i = 0; i < 10; ++i) type(document, size / 2 + i, "x");
    const Heads after = document.heads();
    REQUIRE(document.diff(before, after).has_value());
    return bytes_of([&] { REQUIRE(document.diff(before, after).has_value()); });
  };
  CHECK(cost(kLarge) < 2 * cost(kSmall));
}

TEST_CASE("a counter's increments cost the same however many there were", "[costs]") {
  Document document(actor(1));
  auto tx = document.transact();
  REQUIRE(tx.put(model::kRoot, std::string("n"), model::Scalar::counter(0)).has_value());
  tx.commit();
  const auto increments = [&](int count) {
    return bytes_of([&] {
      for (int i = 0; i < count; ++i) {
        auto step = document.transact();
        REQUIRE(step.increment(model::kRoot, std::string("n"), 1).has_value());
        step.commit();
      }
    });
  };
  // Three times as many; in one step more, arrays may double or not.
  const std::size_t first = increments(4'000);
  CHECK(increments(12'000) < 2 * 3 * first);
  CHECK(document.now().get(model::kRoot, std::string("n"))->scalar ==
        model::Scalar::counter(16'000));
}

TEST_CASE("opening from our own store rebuilds no hash", "[costs]") {
  const Document document = text_document(10'000);
  const Bytes file = document.save();
  // Only the heads are in the file. Hashes that are wrong everywhere else are believed, which is
  // what the store's own checksum is for, and shows that nobody computed them.
  Document::LoadOptions options;
  options.verify_hashes = false;
  options.trusted_hashes = document.all_changes();
  for (std::size_t i = 0; i + 1 < options.trusted_hashes.size(); ++i) {
    options.trusted_hashes[i].bytes.fill(static_cast<std::byte>(i));
  }

  const auto opened = Document::load(file, actor(2), options);

  REQUIRE(opened.has_value());
  CHECK(opened->now().text(text_of(*opened)) == document.now().text(text_of(document)));
  CHECK(opened->heads() == document.heads());
}
