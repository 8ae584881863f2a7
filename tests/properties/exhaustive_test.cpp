// Every history of up to five ops by three actors over a small alphabet, against the slow model. A
// step is an op that one actor makes, with or without having taken in everything before.

#include "tests/properties/engine_actors.h"
#include "tests/properties/reference_model.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

using namespace converge;
using engine::Document;
using engine::ObjType;
using engine::Transaction;
using testing::ReferenceModel;

namespace {

/// Every further operation makes it twelve times as long. CONVERGE_EXHAUSTIVE_OPS asks for another
/// number, as the nightly run does: sanitizers alone are no reason to go through all of five.
std::size_t ops_max() {
#ifdef __SANITIZE_ADDRESS__
  constexpr std::size_t kOps = 4;
#else
  constexpr std::size_t kOps = 5;
#endif
  const char* asked = std::getenv("CONVERGE_EXHAUSTIVE_OPS");
  return asked == nullptr ? kOps : std::strtoul(asked, nullptr, 10);
}

constexpr std::size_t kActors = 3;
constexpr std::size_t kEdits = 2;

struct Step {
  std::size_t actor;
  bool sync;
  std::size_t edit;
};

using Edit = std::function<void(Transaction&)>;

/// What the three start from, and what each of them can do.
struct Alphabet {
  Edit start;
  std::array<Edit, kEdits> edits;
};

/// Two neighbours that saw nothing of each other change places without a difference, so one order
/// is enough.
bool is_repeated(const std::vector<Step>& steps) {
  for (std::size_t i = 0; i + 1 < steps.size(); ++i) {
    if (!steps[i].sync && !steps[i + 1].sync && steps[i + 1].actor < steps[i].actor) return true;
  }
  return false;
}

std::vector<Step> steps_of(std::size_t number, std::size_t count) {
  std::vector<Step> out;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t actor = number % kActors;
    number /= kActors;
    const bool sync = number % 2 == 1;
    number /= 2;
    out.push_back({actor, sync, number % kEdits});
    number /= kEdits;
  }
  return out;
}

std::vector<Document> play(const Alphabet& alphabet, const std::vector<Step>& steps) {
  std::vector<Document> replicas;
  Document base(*ActorId::from_hex("0a"));
  auto tx = base.transact();
  alphabet.start(tx);
  tx.commit();
  for (const char* const actor : {"0a", "0b", "0c"}) {
    replicas.push_back(base.fork(*ActorId::from_hex(actor)));
  }
  for (const Step& step : steps) {
    Document& document = replicas[step.actor];
    for (std::size_t other = 0; step.sync && other < kActors; ++other) {
      if (other != step.actor) REQUIRE(document.merge(replicas[other]).has_value());
    }
    auto edit = document.transact();
    alphabet.edits[step.edit](edit);
    edit.commit();
  }
  for (std::size_t i = 1; i < kActors; ++i) REQUIRE(replicas[0].merge(replicas[i]).has_value());
  for (std::size_t i = 1; i < kActors; ++i) REQUIRE(replicas[i].merge(replicas[0]).has_value());
  return replicas;
}

bool agrees(const std::vector<Document>& replicas) {
  ReferenceModel model;
  const Document& first = replicas[0];
  for (const auto& hash : first.all_changes()) model.add(*first.change_bytes(hash));
  const auto expected = model.read();
  for (const Document& document : replicas) {
    document.check_invariants();
    if (document.heads() != first.heads()) return false;
    if (testing::read_like_model(document.now()) != expected) return false;
  }
  return true;
}

std::size_t histories_of(std::size_t ops) {
  std::size_t histories = 1;
  for (std::size_t i = 0; i < ops; ++i) histories *= kActors * 2 * kEdits;
  return histories;
}

/// Returns how many were played.
std::size_t play_all(const Alphabet& alphabet) {
  std::size_t played = 0;
  const std::size_t ops = ops_max();
  for (std::size_t count = 1; count <= ops; ++count) {
    for (std::size_t number = 0; number < histories_of(count); ++number) {
      const std::vector<Step> steps = steps_of(number, count);
      // Nobody has anything to take in at first.
      if (steps[0].sync || is_repeated(steps)) continue;
      ++played;
      if (!agrees(play(alphabet, steps))) FAIL(count << " ops, history " << number);
    }
  }
  return played;
}

const std::string kKey = "k";

engine::ObjId sequence_of(const Transaction& tx) { return tx.view().get(model::kRoot, kKey)->id; }

}  // namespace

TEST_CASE("every small history of a text agrees with the slow model", "[engine][exhaustive]") {
  Alphabet alphabet;
  alphabet.start = [](Transaction& tx) {
    const auto text = *tx.put_object(model::kRoot, kKey, ObjType::kText);
    REQUIRE(tx.splice_text(text, 0, 0, "a").has_value());
  };
  alphabet.edits[0] = [](Transaction& tx) {
    const auto text = sequence_of(tx);
    const std::size_t end = std::min<std::size_t>(1, tx.view().length(text));
    REQUIRE(tx.splice_text(text, end, 0, "x").has_value());
  };
  alphabet.edits[1] = [](Transaction& tx) {
    const auto text = sequence_of(tx);
    const std::size_t one = std::min<std::size_t>(1, tx.view().length(text));
    REQUIRE(tx.splice_text(text, 0, one, "").has_value());
  };
  CHECK(play_all(alphabet) > histories_of(ops_max()) / 10);
}

TEST_CASE("every small history of a map key agrees with the slow model", "[engine][exhaustive]") {
  Alphabet alphabet;
  alphabet.start = [](Transaction& tx) {
    REQUIRE(tx.put(model::kRoot, kKey, Scalar::counter(1)).has_value());
  };
  alphabet.edits[0] = [](Transaction& tx) {
    // A counter if there is none, else an increment: both forms of a write.
    const auto value = tx.view().get(model::kRoot, kKey);
    if (value) {
      REQUIRE(tx.increment(model::kRoot, kKey, 2).has_value());
    } else {
      REQUIRE(tx.put(model::kRoot, kKey, Scalar::counter(5)).has_value());
    }
  };
  alphabet.edits[1] = [](Transaction& tx) { REQUIRE(tx.erase(model::kRoot, kKey).has_value()); };
  CHECK(play_all(alphabet) > histories_of(ops_max()) / 10);
}

TEST_CASE("every small history of a list element agrees with the slow model",
          "[engine][exhaustive]") {
  Alphabet alphabet;
  alphabet.start = [](Transaction& tx) {
    const auto list = *tx.put_object(model::kRoot, kKey, ObjType::kList);
    REQUIRE(tx.insert(list, 0, Scalar::string("a")).has_value());
  };
  alphabet.edits[0] = [](Transaction& tx) {
    const auto list = sequence_of(tx);
    if (tx.view().length(list) > 0) {
      REQUIRE(tx.put_object(list, std::size_t{0}, ObjType::kMap).has_value());
    } else {
      REQUIRE(tx.insert(list, 0, Scalar::string("new")).has_value());
    }
  };
  alphabet.edits[1] = [](Transaction& tx) {
    const auto list = sequence_of(tx);
    if (tx.view().length(list) > 0) REQUIRE(tx.erase(list, std::size_t{0}).has_value());
  };
  CHECK(play_all(alphabet) > histories_of(ops_max()) / 10);
}
