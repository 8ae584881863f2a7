#include "agent/control/methods.h"
#include "core/control/error_table.h"
#include "tests/agent/control/fake_services.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

using namespace converge;
using converge::testing::FakeServices;
using Json = nlohmann::json;

namespace {

constexpr int kUsage = control::exit_code::kUsage;
constexpr int kNotFound = control::exit_code::kNotFound;
constexpr int kBadData = control::exit_code::kBadData;
constexpr int kAny = -1;  ///< refused, whatever the reason

struct Row {
  const char* method;
  const char* params;
  int exit;
};

/// There is a document "n": {"a":1,"l":["x"],"t":"text"}.
const Row kRows[] = {
    {"agent.level", R"({"level":"loud"})", kUsage},
    {"agent.level", R"({"level":3})", kUsage},
    {"agent.level", R"({"level":"info","for_ms":-1})", kUsage},
    {"agent.logs", R"({"level":"loud"})", kUsage},
    {"agent.logs", R"({"since":"soon"})", kUsage},
    {"agent.logs", R"({"follow":"yes"})", kUsage},
    {"agent.metrics", R"({"text":1})", kUsage},
    {"agent.stop", R"({"deadline_ms":"10s"})", kUsage},
    {"conflict.ignore", R"({"ids":7})", kUsage},
    {"conflict.ignore", R"({"ids":["c-0000000000000000"]})", kNotFound},
    {"conflict.list", R"({"state":"broken"})", kUsage},
    {"conflict.list", R"({"pattern":7})", kUsage},
    {"conflict.resolve", R"({"ids":["c-0000000000000000"]})", kUsage},
    {"conflict.resolve", R"({"ids":["x"],"pick":1,"rule":"max"})", kUsage},
    {"conflict.resolve", R"({"ids":["x"],"rule":"best"})", kUsage},
    {"conflict.resolve", R"({"ids":["x"],"pick":1,"message":7})", kUsage},
    {"conflict.resolve", R"({"ids":["x"],"pick":1,"dry_run":"yes"})", kUsage},
    {"conflict.show", R"({})", kUsage},
    {"conflict.show", R"({"id":"c-0000000000000000"})", kNotFound},
    {"doc.apply", R"({"doc":"n"})", kUsage},
    {"doc.apply", R"({"doc":"n","value":[1]})", kAny},
    {"doc.blame", R"({"doc":"n","depth":"deep"})", kUsage},
    {"doc.blame", R"({"doc":"n","pointer":"no-slash"})", kUsage},
    {"doc.diff", R"({"doc":"n","from":"zzz"})", kUsage},
    {"doc.diff", R"({"doc":7})", kUsage},
    {"doc.digest", R"({"patterns":[7]})", kUsage},
    {"doc.export", R"({"doc":"n","format":"xml"})", kUsage},
    {"doc.digest", R"({"at":"soon"})", kUsage},
    {"doc.export", R"({"doc":"n","format":"changes","changes":["zz"]})", kUsage},
    {"doc.list", R"({"at":7})", kUsage},
    {"doc.list", R"({"at":"#"})", kUsage},
    {"doc.list", R"({"at":"#1x"})", kUsage},
    {"doc.list", R"({"at":"#99999999999999999999"})", kUsage},
    {"doc.list", R"({"at":"#999"})", kNotFound},
    {"doc.fork", R"({"doc":"nobody"})", kNotFound},
    {"doc.fork", R"({"doc":"n","name":"a//b"})", kAny},
    {"doc.get", R"({})", kUsage},
    {"doc.get", R"({"doc":7})", kUsage},
    {"doc.get", R"({"doc":null})", kUsage},
    {"doc.get", R"({"doc":"n","at":["x"]})", kUsage},
    {"doc.get", R"({"doc":"nobody"})", kNotFound},
    {"doc.get", R"({"doc":"n","at":"{2h}"})", kNotFound},
    {"doc.heads", R"({"doc":"n@{2h}"})", kNotFound},
    {"doc.export", R"({"doc":"n","at":"{2h}"})", kNotFound},
    {"doc.blame", R"({"doc":"n","at":"{2h}"})", kNotFound},
    {"doc.get", R"({"doc":"n","pointer":"/zz"})", kNotFound},
    {"doc.heads", R"({"doc":true})", kUsage},
    {"doc.import", R"({"format":"xml","data":""})", kUsage},
    {"doc.import", R"({"format":"automerge","data":"!!!"})", kAny},
    {"doc.import", R"({"format":"automerge","data":"AAEC"})", kBadData},
    {"doc.incr", R"({"doc":"n","pointer":"/a","amount":"x"})", kUsage},
    {"doc.insert", R"({"doc":"n","pointer":"/l/-"})", kUsage},
    {"doc.list", R"({"limit":"all"})", kUsage},
    {"doc.list", R"({"sort":"colour"})", kUsage},
    {"doc.log", R"({"doc":"n","limit":-1})", kUsage},
    {"doc.log", R"({"doc":"n","since":"soon"})", kUsage},
    {"doc.log", R"({"since":"#1x"})", kUsage},
    {"doc.log", R"({"since":"#999"})", kNotFound},
    {"doc.merge", R"({"doc":"n","sources":"n"})", kUsage},
    {"doc.merge", R"({"doc":"n","sources":[7]})", kUsage},
    {"doc.merge", R"({"doc":"n","sources":[{"data":"!"}]})", kAny},
    {"doc.new", R"({"name":7})", kUsage},
    {"doc.new", R"({"value":[1]})", kAny},
    {"doc.new", R"({"id":"automerge:!!!"})", kAny},
    {"doc.new", R"({"value":{"x":{"$counter":"many"}}})", kAny},
    {"doc.patch", R"({"doc":"n","type":"json","patch":{}})", kAny},
    {"doc.patch", R"({"doc":"n","type":"xml","patch":[]})", kUsage},
    {"doc.query", R"({"path":"$["})", kUsage},
    {"doc.query", R"({"patterns":{}})", kUsage},
    {"doc.rm", R"({})", kUsage},
    {"doc.rm", R"({"docs":["n"],"dry_run":"yes"})", kUsage},
    {"doc.rm", R"({"docs":["n"],"dry_run":1})", kUsage},
    {"doc.rm", R"({"docs":["n"],"purge":"yes"})", kUsage},
    {"doc.rm", R"({"docs":["nobody"]})", kNotFound},
    {"doc.set", R"({"doc":"n"})", kUsage},
    {"doc.set", R"({"doc":"n","edits":[{"pointer":"/a"}]})", kUsage},
    {"doc.set", R"({"doc":"n","edits":[],"durability":"eternal"})", kUsage},
    {"doc.set", R"({"doc":"n@zzz","edits":[{"pointer":"/a","value":1}]})", kUsage},
    {"doc.show", R"({"doc":"n@zzz"})", kUsage},
    {"doc.splice", R"({"doc":"n","pointer":"/t","index":-1,"delete":0})", kUsage},
    {"doc.unset", R"({"doc":"n","pointers":[]})", kUsage},
    {"invite.create", R"({"expires_ms":"tomorrow"})", kUsage},
    {"invite.create", R"({"collections":7})", kUsage},
    {"invite.join", R"({})", kUsage},
    {"invite.join", R"({"invite":"garbage"})", kAny},
    {"key.new", R"({"name":7})", kUsage},
    {"key.revoke", R"({})", kUsage},
    {"key.rotate", R"({"dry_run":"no"})", kUsage},
    {"key.show", R"({"key":7})", kUsage},
    {"key.trust", R"({"peer":"nas"})", kUsage},
    {"name.list", R"({"pattern":7})", kUsage},
    {"name.rm", R"({"name":"nobody"})", kNotFound},
    {"name.set", R"({"name":"x"})", kUsage},
    {"peer.add", R"({"name":"nas"})", kUsage},
    {"peer.add", R"({"name":"nas","url":"http://nas"})", kUsage},
    {"peer.add", R"({"name":"nas","url":"wss://nas:1","key":"short"})", kUsage},
    {"peer.add", R"({"name":"nas","url":"wss://nas:1","policy":"steal"})", kUsage},
    {"peer.digest", R"({})", kUsage},
    {"peer.digest", R"({"peer":7})", kUsage},
    {"peer.pause", R"({})", kUsage},
    {"peer.ping", R"({"peer":7})", kUsage},
    {"peer.resume", R"({})", kUsage},
    {"peer.rm", R"({"peer":[]})", kUsage},
    {"peer.set", R"({"peer":"nobody"})", kNotFound},
    {"peer.show", R"({"peer":"nobody"})", kNotFound},
    {"quarantine.drop", R"({"entries":["x"]})", kAny},
    {"quarantine.drop", R"({"entries":7})", kUsage},
    {"quarantine.retry", R"({"entries":["q-9999"]})", kNotFound},
    {"quarantine.show", R"({"entries":{}})", kUsage},
    {"store.repair", R"({"apply":"yes"})", kUsage},
    {"store.repair", R"({"from_peer":7})", kUsage},
    {"store.backup", R"({"path":"relative"})", kUsage},
    {"store.check", R"({"mode":"sloppy"})", kUsage},
    {"store.compact", R"({"docs":7})", kUsage},
    {"store.stats", R"({"by":"colour"})", kUsage},
    {"sync.now", R"({"peers":["nobody"]})", kNotFound},
    {"sync.now", R"({"wait":"yes"})", kUsage},
    {"sync.wait", R"({"for":"good weather"})", kUsage},
    {"sync.wait", R"({"for":"heads=abc"})", kUsage},
    {"sync.wait", R"({"for":"synced","timeout_ms":-1})", kUsage},
    {"watch.start", R"({"since":"s1.x"})", kUsage},
    {"watch.start", R"({"patterns":[{}]})", kUsage},
    {"watch.start", R"({"names":1})", kUsage},
};

/// Methods that take no parameters.
const std::set<std::string_view> kBare = {"agent.hello",    "agent.reload", "agent.settings",
                                          "agent.status",   "key.list",     "peer.list",
                                          "quarantine.list"};

void make_document(FakeServices& services) {
  if (*services.ask("doc.heads", {{"doc", "n"}})) return;
  services.ask("doc.new", Json::parse(R"({"name":"n","value":{"a":1,"l":["x"],"t":"text"}})"));
}

}  // namespace

TEST_CASE("bad parameters of each method are refused with the contract's exit code", "[control]") {
  FakeServices services;
  make_document(services);

  for (const Row& row : kRows) {
    INFO(row.method << " " << row.params);
    const auto answer = services.ask(row.method, Json::parse(row.params));
    CHECK(services.answers == 1);
    REQUIRE(answer);
    CHECK_FALSE(*answer);
    if (*answer) continue;
    const int exit = control::exit_code_of(answer->error());
    INFO(exit << ": " << answer->error().message);
    CHECK_FALSE(answer->error().message.empty());
    if (row.exit == kAny)
      CHECK((exit != control::exit_code::kBug && exit != control::exit_code::kFailed));
    else
      CHECK(exit == row.exit);
  }
}

TEST_CASE("every method with parameters has a row of bad ones", "[control]") {
  for (const handlers::Method& method : handlers::methods()) {
    if (kBare.contains(method.name)) continue;
    INFO(method.name << " has none in bad_params_test.cpp");
    CHECK(std::ranges::any_of(kRows, [&](const Row& row) { return row.method == method.name; }));
  }
}

TEST_CASE("a parameter that a method does not have is refused by its name", "[control]") {
  FakeServices services;
  make_document(services);

  for (const handlers::Method& method : handlers::methods()) {
    const auto answer = services.ask(std::string(method.name), {{"zz_unknown", nullptr}});
    INFO(method.name);
    REQUIRE(answer);
    REQUIRE_FALSE(*answer);
    CHECK(control::is(answer->error(), control::ErrorId::kUsageArgument));
    CHECK(answer->error().message == std::string(method.name) + " has no parameter \"zz_unknown\"");
  }
}

TEST_CASE("a misspelt parameter is refused with the one that was meant", "[control]") {
  FakeServices services;
  make_document(services);

  for (const handlers::Method& method : handlers::methods()) {
    for (const std::string& name : method.parameter_names()) {
      INFO(method.name << " " << name);
      CHECK(method.takes(name));
      const std::string misspelt = name + "_";
      const auto answer = services.ask(std::string(method.name), {{misspelt, "n"}});
      REQUIRE(answer);
      REQUIRE_FALSE(*answer);
      CHECK(answer->error().message.find('"' + misspelt + '"') != std::string::npos);
      if (name.size() > 2) CHECK(answer->error().hint == "did you mean \"" + name + "\"?");
    }
  }
}

TEST_CASE("a write with a misspelt condition changes nothing", "[control]") {
  FakeServices services;
  make_document(services);
  const Json before = services.must("doc.heads", {{"doc", "n"}})["heads"];

  const Json edit = Json::parse(R"([{"pointer":"/a","value":9}])");
  CHECK_FALSE(*services.ask("doc.set", {{"doc", "n"}, {"edits", edit}, {"if_head", "0000000"}}));
  CHECK_FALSE(*services.ask("doc.set", {{"doc", "n"}, {"edits", edit}, {"If_Heads", "0000000"}}));
  CHECK_FALSE(*services.ask("doc.rm", {{"docs", {"n"}}, {"dryrun", true}}));
  CHECK_FALSE(*services.ask(
      "doc.set",
      Json::parse(R"({"doc":"n","edits":[{"pointer":"/a","value":9,"if_absent":true}]})")));

  CHECK(services.must("doc.heads", {{"doc", "n"}})["heads"] == before);
}

TEST_CASE("no parameter of any type is a bug, and each request is answered once", "[control]") {
  const std::vector<Json> values = {
      nullptr,       true, -1, 1.5, "", "\xff\x1b", Json::array(), Json::array({nullptr}),
      Json::object()};
  const Json valid = Json::parse(R"({"doc":"n","name":"m","pointer":"/a","pointers":["/a"],
      "edits":[{"pointer":"/a","value":2}],"values":[1],"amount":1,"index":0,"delete":0,
      "type":"merge","patch":{"a":3},"value":{"a":4},"docs":["n"],"ids":["c-1"],"pick":1,
      "peer":"nas","peers":[],"key":"self","url":"wss://nas:1","for":"ready","timeout_ms":1,
      "format":"json","sources":[{"doc":"n"}],"path":"","patterns":["n"]})");
  for (const handlers::Method& row : handlers::methods()) {
    const std::string method(row.name);
    FakeServices services;
    for (const std::string& name : row.parameter_names()) {
      for (const Json& value : values) {
        make_document(services);
        INFO(method << " with " << name << " = "
                    << value.dump(-1, ' ', false, Json::error_handler_t::replace));
        Json params = Json::object();
        for (const auto& [key, fine] : valid.items())
          if (row.takes(key)) params[key] = fine;
        params[name] = value;
        const auto answer = services.ask(method, params);
        // Waiting for peers that never come is given up by the test.
        const bool waits = method.starts_with("sync.") && !answer;
        if (waits) continue;
        const bool is_bug = !answer || services.answers != 1 ||
                            (!*answer && control::is(answer->error(), control::ErrorId::kInternal));
        if (!is_bug) continue;
        FAIL_CHECK(method << " with " << name << " = "
                          << value.dump(-1, ' ', false, Json::error_handler_t::replace)
                          << (answer && !*answer ? ": " + answer->error().message : ""));
      }
    }
  }
}

TEST_CASE("a trial of naming, unnaming and ignoring says what would be and changes nothing",
          "[control]") {
  FakeServices services;
  make_document(services);
  const Json named = services.must("doc.heads", {{"doc", "n"}});

  const Json set = services.must("name.set", {{"name", "m"}, {"doc", "n"}, {"dry_run", true}});
  CHECK(set["id"] == named["id"]);
  CHECK(set["unchanged"] == false);
  CHECK_FALSE(*services.ask("doc.heads", {{"doc", "m"}}));
  CHECK(services.must("name.set", {{"name", "n"}, {"doc", "n"}, {"dry_run", true}})["unchanged"]);

  services.must("name.rm", {{"name", "n"}, {"dry_run", true}});
  CHECK(services.must("name.list", Json::object())["items"].size() == 1);
  CHECK_FALSE(*services.ask("name.rm", {{"name", "nobody"}, {"dry_run", true}}));

  services.must("name.rm", {{"name", "n"}});
  CHECK(services.must("name.list", Json::object())["items"].empty());
}
