#include "core/verify/convergence.h"

#include "core/verbs/canonical.h"
#include "tests/core/verify/histories.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace converge;
using namespace converge::verify;

namespace {

// The fault that this product exists to end: of two values for one key the one that came last wins.
class LastArrivalWins final : public Subject {
 public:
  Result<void> apply(const std::vector<Bytes>& chunks) override {
    auto report = document_.apply_changes(chunks);
    if (!report) return report.error();
    for (const ChangeHash& hash : report->applied) {
      const auto info = document_.change_info(hash);
      const auto at = document_.at({hash});
      if (at->get(model::kRoot, std::string("race"))) last_ = info->actor.to_hex();
    }
    return {};
  }
  Result<void> save_and_load() override { return {}; }
  std::string state() const override { return verbs::canonical_json(document_.now()) + last_; }
  std::string version() const override { return {}; }

 private:
  engine::Document document_{actor('v')};
  std::string last_;
};

// 40 changes of which two write one key while apart.
ChangeSet forty_with_one_race() {
  std::vector<Bytes> chunks = chain(38);
  for (const char name : {'p', 'q'}) {
    engine::Document document(actor(name));
    auto tx = document.transact();
    REQUIRE(tx.put(model::kRoot, std::string("race"), Scalar::string(std::string(1, name))));
    const auto hash = tx.commit();
    chunks.push_back(*document.change_bytes(*hash));
  }
  return *ChangeSet::make(chunks);
}

const PropertyResult& property(const ConvergenceReport& report, const std::string& name) {
  const auto found = std::find_if(report.properties.begin(), report.properties.end(),
                                  [&name](const PropertyResult& p) { return p.name == name; });
  REQUIRE(found != report.properties.end());
  return *found;
}

}  // namespace

TEST_CASE("concurrent changes converge in all orders, duplicated, batched and saved in between") {
  const ChangeSet set = *ChangeSet::make(concurrent_puts(5));

  const auto report = check_convergence(set, engine_subjects(), {.seed = 1});

  REQUIRE(report);
  CHECK(report->ok);
  CHECK(report->all_orders);
  CHECK(report->orders_run == 120);
  CHECK(report->concurrent == 5);
  for (const char* name : {"order", "duplicate", "batch", "save-load"}) {
    CHECK(property(*report, name).ok);
    CHECK(property(*report, name).cases > 0);
  }
}

TEST_CASE("a replica where the last arrival wins is caught and shrunk to two changes") {
  const ChangeSet set = forty_with_one_race();
  const SubjectFactory broken = [] { return std::make_unique<LastArrivalWins>(); };

  const auto report = check_convergence(set, broken, {.seed = 7});

  REQUIRE(report);
  CHECK_FALSE(report->ok);
  REQUIRE_FALSE(report->counter_examples.empty());
  CHECK(report->counter_examples.front().changes.size() == 2);
  CHECK(report->counter_examples.front().order.size() == 2);
}

TEST_CASE("the same seed gives the same report") {
  const ChangeSet set = forty_with_one_race();
  const SubjectFactory broken = [] { return std::make_unique<LastArrivalWins>(); };

  const auto one = check_convergence(set, broken, {.seed = 7});
  const auto two = check_convergence(set, broken, {.seed = 7});

  REQUIRE(one);
  REQUIRE(two);
  CHECK(one->orders_run == two->orders_run);
  CHECK(one->counter_examples.front().order == two->counter_examples.front().order);
  CHECK(one->counter_examples.front().got == two->counter_examples.front().got);
}

TEST_CASE("an invariant that only the merged state breaks is found and shrunk") {
  const ChangeSet set = *ChangeSet::make(concurrent_puts(6));
  const Invariant not_both{
      "invariant:1", [](const std::string& state) -> Result<std::optional<std::string>> {
        const bool both =
            state.find("\"k1\"") != std::string::npos && state.find("\"k4\"") != std::string::npos;
        return both ? std::optional<std::string>("k1 and k4 together") : std::nullopt;
      }};

  const auto report = check_convergence(set, engine_subjects(),
                                        {.orders = 50, .seed = 3, .invariants = {not_both}});

  REQUIRE(report);
  CHECK_FALSE(report->ok);
  CHECK(property(*report, "order").ok);
  CHECK_FALSE(property(*report, "invariant:1").ok);
  REQUIRE(report->counter_examples.size() == 1);
  CHECK(report->counter_examples.front().changes.size() == 2);
  CHECK(report->counter_examples.front().got == "k1 and k4 together");
}

TEST_CASE("an invariant that cannot be evaluated stops the run with its error") {
  const ChangeSet set = *ChangeSet::make(concurrent_puts(2));
  const Invariant broken{"schema", [](const std::string&) -> Result<std::optional<std::string>> {
                           return Error{ErrorCode::kInvalid, "the schema does not parse"};
                         }};

  const auto report = check_convergence(set, engine_subjects(), {.invariants = {broken}});

  REQUIRE_FALSE(report);
  CHECK(report.error().message == "the schema does not parse");
}

TEST_CASE("an invariant is tried in every state once, and counted in every order") {
  const ChangeSet set = *ChangeSet::make(concurrent_puts(5));
  int asked = 0;
  const Invariant counting{"schema",
                           [&asked](const std::string&) -> Result<std::optional<std::string>> {
                             ++asked;
                             return std::optional<std::string>();
                           }};

  const auto report = check_convergence(set, engine_subjects(), {.invariants = {counting}});

  REQUIRE(report);
  CHECK(property(*report, "schema").cases == 120);
  CHECK(asked == 31);  // the sets of 5 changes but the empty one
}
