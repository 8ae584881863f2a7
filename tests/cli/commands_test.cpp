#include "core/control/error_table.h"
#include "tests/cli/fake_agent.h"
#include "tests/cli/run_cli.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace converge::cli {
namespace {

using nlohmann::json;
using testing::CliRun;
using testing::FakeAgent;
using testing::run_cli;
using testing::ScratchDirectory;
using Words = std::vector<std::string>;

std::string joined(const Words& words) {
  std::string out;
  for (const std::string& word : words) out += word + " ";
  return out;
}

/// The form of section 9: stdout empty, stderr the error, in text and as JSON.
void check_failure(const std::string& home, const Words& words, int exit, const std::string& code,
                   const testing::CliSetup& setup = {}) {
  INFO(joined(words));
  const CliRun text = run_cli(home, words, setup);
  INFO(text.err);
  CHECK(text.exit == exit);
  CHECK(text.out.empty());
  CHECK(text.err.starts_with("syncctl: error: "));
  CHECK(std::ranges::count(text.err, '\n') <= 5);
  CHECK(text.err.find("code: " + code + " (exit " + std::to_string(exit) + ")\n") !=
        std::string::npos);
  CHECK(text.err.find('\x1b') == std::string::npos);

  Words as_json = {"-o", "json"};
  const bool own_format = std::ranges::find(words, std::string("-o")) != words.end();
  if (own_format) return;
  as_json.insert(as_json.end(), words.begin(), words.end());
  const CliRun object = run_cli(home, as_json, setup);
  CHECK(object.exit == exit);
  CHECK(object.out.empty());
  const json error = json::parse(object.err, nullptr, false);
  REQUIRE(error.is_object());
  CHECK(error["kind"] == "Error");
  CHECK(error["v"] == 1);
  CHECK(error["code"] == code);
  CHECK(error["exit"] == exit);
  CHECK(error["message"].is_string());
}

struct BadLine {
  Words words;
  int exit;
  const char* code;
};

const BadLine kBadLines[] = {
    {{"new", "--name", "a//b"}, 2, "usage.flag"},
    {{"new", "--id", "nonsense"}, 2, "usage.flag"},
    {{"new", "-f", "./missing.json"}, 8, "input.file"},
    {{"new", "-f", "./bad.json"}, 8, "input.json"},
    {{"new", "-f", "./list.json"}, 8, "input.json"},
    {{"ls", "--sort", "x"}, 2, "usage.flag"},
    {{"get", "todo/home", "items"}, 2, "usage.argument"},
    {{"get", "todo/home@zz"}, 2, "usage.argument"},
    {{"get", "todo/home", "--default", "milk"}, 2, "usage.flag"},
    {{"heads"}, 2, "usage.argument"},
    {{"set", "todo/home", "/title", "milk"}, 2, "usage.argument"},
    {{"set", "todo/home", "/a", "1", "/b"}, 2, "usage.argument"},
    {{"set", "todo/home", "/a", "x", "--type", "int"}, 2, "usage.argument"},
    {{"set", "todo/home", "/a", "1", "--if-value", "milk"}, 2, "usage.flag"},
    {{"set", "todo/home", "/a", "1", "--ack", "everybody"}, 2, "usage.flag"},
    {{"unset", "todo/home"}, 2, "usage.argument"},
    {{"insert", "todo/home", "/items/-", "milk"}, 2, "usage.argument"},
    {{"incr", "todo/home", "/n", "much"}, 2, "usage.argument"},
    {{"splice", "todo/home", "/t", "0", "-1"}, 2, "usage.argument"},
    {{"patch", "todo/home"}, 2, "usage.flag"},
    {{"patch", "todo/home", "-f", "./bad.json"}, 8, "input.json"},
    {{"patch", "todo/home", "-f", "./p.json", "--type", "xml"}, 2, "usage.flag"},
    {{"apply", "todo/home"}, 2, "usage.flag"},
    {{"apply", "todo/home", "-f", "./bad.json"}, 8, "input.json"},
    {{"rm"}, 2, "usage.argument"},
    {{"rm", "./a.automerge"}, 2, "usage.argument"},
    {{"rm", "a", "b"}, 13, "declined"},
    {{"name", "set", "/x", "todo/home"}, 2, "usage.argument"},
    {{"name", "rm"}, 2, "usage.argument"},
    {{"import", "./missing"}, 8, "input.file"},
    {{"import", "./noise.bin"}, 8, "input.file"},
    {{"import", "./bad.json"}, 8, "input.json"},
    {{"export", "todo/home", "--format", "xml"}, 2, "usage.flag"},
    {{"log", "todo/home", "--path", "a"}, 2, "usage.flag"},
    {{"show", "todo/home"}, 2, "usage.argument"},
    {{"diff"}, 2, "usage.argument"},
    {{"diff", "./a.automerge", "todo/home"}, 2, "usage.argument"},
    {{"fork", "./a.automerge"}, 2, "usage.argument"},
    {{"merge", "todo/home"}, 2, "usage.argument"},
    {{"merge", "./noise.bin", "todo/home"}, 2, "usage.argument"},
    {{"conflict", "ls", "--state", "x"}, 2, "usage.flag"},
    {{"conflict", "resolve", "c-1"}, 2, "usage.flag"},
    {{"conflict", "resolve", "--pick", "1"}, 2, "usage.argument"},
    {{"conflict", "resolve", "c-1", "--pick", "1", "--value", "2"}, 2, "usage.flag"},
    {{"wait"}, 2, "usage.flag"},
    {{"wait", "--for", "heads=1234567"}, 2, "usage.argument"},
    {{"peer", "add", "nas", "nas:4433"}, 2, "usage.argument"},
    {{"peer", "set", "nas"}, 2, "usage.flag"},
    {{"peer", "add", "nas", "ws://nas", "--rate", "fast"}, 2, "usage.flag"},
    {{"agent", "level", "loud"}, 2, "usage.argument"},
    {{"agent", "level", "--for", "1m"}, 2, "usage.flag"},
    {{"agent", "level", "info", "--for", "long"}, 2, "usage.flag"},
    {{"agent", "logs", "--level", "loud"}, 2, "usage.flag"},
    {{"agent", "logs", "--since", "soon"}, 2, "usage.flag"},
    {{"key", "trust", "nas"}, 2, "usage.flag"},
    {{"key", "trust", "nas", "-f", "./missing"}, 8, "input.file"},
    {{"key", "revoke"}, 2, "usage.argument"},
    {{"key", "rotate"}, 13, "declined"},
    {{"doctor", "now"}, 2, "usage.argument"},
    {{"invite", "--expires", "soon"}, 2, "usage.flag"},
    {{"join", "-"}, 2, "usage.argument"},
    {{"digest", "--expect", "./missing"}, 8, "input.file"},
    {{"digest", "./a.automerge", "todo/home"}, 2, "usage.argument"},
    {{"query"}, 2, "usage.argument"},
    {{"query", "$["}, 2, "query.syntax"},
    {{"query", "--jq", ".["}, 2, "query.syntax"},
    {{"query", "$.a", "-l", "0"}, 2, "usage.flag"},
    {{"get", "a", "--at", "soon"}, 2, "usage.flag"},
    {{"ls", "-o", "jsonpath=$["}, 2, "query.syntax"},
    {{"blame", "a", "b"}, 2, "usage.argument"},
    {{"blame", "a", "--depth", "0"}, 2, "usage.flag"},
    {{"explain", "a"}, 2, "usage.argument"},
    {{"edit"}, 2, "usage.argument"},
    {{"restore", "a"}, 2, "usage.argument"},
    {{"restore", "a", "x"}, 2, "usage.argument"},
    {{"revert", "a"}, 2, "usage.argument"},
    {{"bisect", "a", "--", "true"}, 2, "usage.flag"},
    {{"bisect", "a", "--good", "1234567"}, 2, "usage.argument"},
    {{"compare", "."}, 2, "usage.argument"},
    {{"record"}, 2, "usage.flag"},
    {{"record", "--to", "x", "--payloads", "some"}, 2, "usage.flag"},
    {{"replay"}, 2, "usage.argument"},
    {{"replay", "./missing"}, 8, "input.file"},
    {{"replay", "./noise.bin"}, 8, "input.file"},
    {{"replay", "./p.json", "--expect", "./missing"}, 8, "input.file"},
    {{"log", "--follow", "--until", "2h"}, 2, "usage.flag"},
    {{"log", "./p.json", "--follow"}, 2, "usage.argument"},
    {{"digest", "./a.automerge", "--at", "2h"}, 2, "usage.flag"},
    {{"compare", "./p.json", "./nonsense"}, 8, "input.file"},
    {{"compare", "digest:./p.json", "."}, 8, "input.file"},
    {{"git", "merge-driver", "x", "y"}, 2, "usage.argument"},
    {{"git", "textconv", "./noise.bin"}, 8, "input.file"},
    {{"git", "textconv", "./missing"}, 3, "doc.not_found"},
    {{"verify", "file"}, 2, "usage.argument"},
    {{"store", "migrate"}, 2, "usage.flag"},
    {{"store", "migrate", "--to", "0"}, 2, "usage.flag"},
    {{"--store", "./missing", "store", "migrate"}, 3, "doc.not_found"},
    {{"bundle", "now"}, 2, "usage.argument"},
    {{"bundle", "--to", "./bad.json"}, 5, "output.exists"},
    {{"debug", "change"}, 2, "usage.argument"},
    {{"debug", "change", "./missing"}, 8, "input.file"},
    {{"debug", "change", "./noise.bin"}, 8, "input.file"},
    {{"debug", "message", "./missing"}, 8, "input.file"},
    {{"debug", "message", "./noise.bin"}, 8, "input.file"},
    {{"verify", "file", "./missing"}, 8, "input.file"},
    {{"verify", "convergence"}, 2, "usage.argument"},
    {{"verify", "convergence", "./missing"}, 3, "doc.not_found"},
    {{"verify", "convergence", "./noise.bin"}, 8, "input.file"},
    {{"verify", "convergence", "./noise.bin", "--orders", "few"}, 2, "usage.flag"},
    {{"verify", "convergence", "./noise.bin", "--seed", "x"}, 2, "usage.flag"},
    {{"verify", "convergence", "./noise.bin", "--schema", "./list.json"}, 8, "input.json"},
    {{"verify", "convergence", "./noise.bin", "--invariant", "SELEC"}, 2, "query.syntax"},
    {{"outbox", "show", "o-1"}, 3, "entry.not_found"},
    {{"outbox", "show", "1"}, 3, "entry.not_found"},
    {{"outbox", "retry", "o-1"}, 3, "entry.not_found"},
    {{"outbox", "drop", "o-1"}, 3, "entry.not_found"},
    {{"outbox", "ls", "--older", "5"}, 2, "usage.flag"},
    {{"batch", "-f", "./missing"}, 8, "input.file"},
    {{"batch", "--parallel", "0"}, 2, "usage.flag"},
    {{"config", "get", "colour"}, 3, "config.not_found"},
    {{"config", "set", "timeout", "5"}, 2, "config.invalid"},
    {{"config", "unset", "timeout"}, 3, "config.not_found"},
    {{"config", "validate", "./missing.toml"}, 8, "input.file"},
    {{"config", "edit"}, 13, "declined"},
    {{"completion", "tcsh"}, 2, "usage.argument"},
    {{"schema", "Akc"}, 3, "config.not_found"},
    {{"help", "gte"}, 2, "usage.command"},
    {{"man", "gte"}, 2, "usage.command"},
    {{"-C", "nowhere", "ls"}, 3, "config.not_found"},
    {{"-C", "./bad.json", "ls"}, 8, "input.json"},
    {{"-C", "./p.json", "ls"}, 8, "input.file"},
    {{"--store", "./nowhere", "ls"}, 3, "doc.not_found"},
    {{"watch", "--debounce", "1"}, 2, "usage.flag"},
};

TEST_CASE("1: each command refuses malformed words before it does anything", "[cli][process]") {
  const ScratchDirectory home;
  home.write("bad.json", "{\"a\": milk}");
  home.write("list.json", "[1]");
  home.write("p.json", "{}");
  home.write("noise.bin", "\x01\x02\x03");
  for (const BadLine& line : kBadLines)
    check_failure(home.path(), line.words, line.exit, line.code);
}

/// A line of each command that needs the agent.
const Words kAgentLines[] = {
    {"new"},
    {"ls"},
    {"get", "a"},
    {"heads", "a"},
    {"set", "a", "/b", "1"},
    {"unset", "a", "/b"},
    {"insert", "a", "/b/-", "1"},
    {"incr", "a", "/b"},
    {"splice", "a", "/b", "0", "0", "x"},
    {"patch", "a", "-f", "p.json"},
    {"apply", "a", "-f", "p.json"},
    {"rm", "a"},
    {"name", "ls"},
    {"name", "set", "b", "a"},
    {"name", "rm", "b"},
    {"import", "p.json"},
    {"export", "a", "--format", "json"},
    {"query", "$.a"},
    {"blame", "a"},
    {"explain", "a", "/b"},
    {"restore", "a", "1234567"},
    {"revert", "a", "1234567"},
    {"bisect", "a", "--good", "1234567", "--", "true"},
    {"compare", ".", "p.json"},
    {"compare", ".", "peer:nas"},
    {"record", "--to", "x", "--for", "0"},
    {"log", "--follow"},
    {"log", "a"},
    {"log"},
    {"show", "a@1234567"},
    {"diff", "a"},
    {"fork", "a"},
    {"merge", "a", "b"},
    {"conflict", "ls"},
    {"conflict", "show", "c-1"},
    {"conflict", "ignore", "c-1"},
    {"conflict", "resolve", "c-1", "--pick", "1"},
    {"status"},
    {"sync"},
    {"wait", "--for", "idle"},
    {"watch"},
    {"peer", "ls"},
    {"peer", "show", "nas"},
    {"peer", "add", "nas", "ws://127.0.0.1:1"},
    {"peer", "set", "nas", "--paused"},
    {"peer", "rm", "nas"},
    {"peer", "pause", "nas"},
    {"peer", "resume", "nas"},
    {"peer", "ping", "nas"},
    {"invite"},
    {"join", "line"},
    {"digest"},
    {"agent", "show"},
    {"agent", "ping"},
    {"agent", "stop"},
    {"agent", "reload"},
    {"agent", "metrics"},
    {"agent", "logs"},
    {"agent", "logs", "--follow"},
    {"agent", "level"},
    {"key", "new"},
    {"key", "ls"},
    {"key", "show"},
    {"key", "revoke", "nas"},
    {"key", "rotate", "--yes"},
};

TEST_CASE("without an agent each command that needs one exits 4 and says where it looked",
          "[cli][process]") {
  const ScratchDirectory home;
  home.write("p.json", "{}");
  // Writes that mean the same later would be queued.
  const testing::CliSetup setup = {
      .environment = {{"SYNCCTL_NO_QUEUE", "1"}}, .input = {}, .directory = {}};
  for (const Words& words : kAgentLines)
    check_failure(home.path(), words, 4, "agent.unreachable", setup);
  const CliRun run = run_cli(home.path(), {"get", "a"});
  CHECK(run.err.find((home / "run").string() + "/syncd/syncd.sock") != std::string::npos);
}

TEST_CASE("what the agent answers as an error is printed with its exit code", "[cli][process]") {
  const ScratchDirectory home;
  home.write("p.json", "{}");
  const FakeAgent agent(home / "s", testing::answers([](const std::string&, const json&) {
                          return json{{"kind", "Error"},
                                      {"code", "doc.degraded"},
                                      {"exit", 8},
                                      {"message", "17 changes \x1b[31m are unreadable"},
                                      {"hint", nullptr}};
                        }));
  for (Words words : kAgentLines) {
    words.insert(words.begin(), {"--socket", (home / "s").string()});
    check_failure(home.path(), words, 8, "doc.degraded");
  }
}

TEST_CASE("24: an agent that never answers is a time-out within the limit", "[cli][process]") {
  const ScratchDirectory home;
  const FakeAgent agent(home / "s", [](const std::string&) { return std::vector<std::string>(); });
  const auto best_of = [](const std::function<void()>& run) {
    std::chrono::steady_clock::duration best = std::chrono::hours(1);
    for (int i = 0; i < 5; ++i) {
      const auto start = std::chrono::steady_clock::now();
      run();
      best = std::min<std::chrono::steady_clock::duration>(
          best, std::chrono::steady_clock::now() - start);
    }
    return best;
  };
  for (const Words& words : {Words{"get", "a"}, Words{"ls"}, Words{"set", "a", "/b", "1"},
                             Words{"watch"}, Words{"store", "check"}}) {
    Words all = {"--socket", (home / "s").string(), "--timeout", "100ms"};
    all.insert(all.end(), words.begin(), words.end());
    check_failure(home.path(), all, 6, "timeout");
  }

  // The contract gives 200 ms on top; what a process costs here at all is not the time-out's.
  const auto process = best_of([&] { run_cli(home.path(), {"version"}); });
  const auto whole = best_of([&] {
    run_cli(home.path(), {"--socket", (home / "s").string(), "--timeout", "100ms", "get", "a"});
  });
  CHECK(whole >= std::chrono::milliseconds(100));
  CHECK(whole - process < std::chrono::milliseconds(300));
}

TEST_CASE("what an agent says of its progress does not get into the answer", "[cli][process]") {
  const ScratchDirectory home;
  const FakeAgent agent(home / "s", [](const std::string& line) {
    const json request = json::parse(line);
    const json note = {{"kind", "Progress"}, {"v", 1},           {"op", "store.check"},
                       {"done", 1},          {"total", 2},       {"unit", "bytes"},
                       {"elapsed_ms", 1},    {"eta_ms", nullptr}};
    json report = {
        {"kind", "StoreCheckReport"}, {"v", 1}, {"ok", true}, {"findings", json::array()}};
    report["asked"] = request["params"]["progress"];
    return std::vector<std::string>{
        json{{"jsonrpc", "2.0"},
             {"method", "progress"},
             {"params", {{"request", request["id"]}, {"progress", note}}}}
            .dump(),
        json{{"jsonrpc", "2.0"}, {"id", request["id"]}, {"result", report}}.dump()};
  });

  const CliRun run =
      run_cli(home.path(), {"--socket", (home / "s").string(), "store", "check", "-o", "json"});

  INFO(run.err);
  CHECK(run.exit == 0);
  CHECK(json::parse(run.out)["asked"] == true);
  CHECK(run.err.empty());
}

json ack(const json& params) {
  return {{"kind", "Ack"},
          {"v", 1},
          {"id", "automerge:4NMNnkMhL8jXrdJ9jamS58PAVdXu"},
          {"name", params.value("doc", "todo/home")},
          {"change", std::string(64, 'a')},
          {"heads", json::array({std::string(64, 'a')})},
          {"unchanged", false},
          {"queued", false},
          {"durable", true},
          {"request_id", params.value("request_id", "")},
          {"acks", json::array()},
          {"summary", "replace /a"}};
}

TEST_CASE("words become the parameters of the protocol", "[cli][process]") {
  const ScratchDirectory home;
  home.write("p.json", "{\"x\":[1]}");
  std::vector<std::pair<std::string, json>> asked;
  std::mutex mutex;
  const FakeAgent agent(home / "s",
                        testing::answers([&](const std::string& method, const json& params) {
                          const std::lock_guard lock(mutex);
                          asked.emplace_back(method, params);
                          return ack(params);
                        }));
  const auto ask = [&](Words words, const std::string& input = "") {
    words.insert(words.begin(), {"--socket", (home / "s").string()});
    const CliRun run = run_cli(home.path(), words, {.input = input});
    INFO(joined(words) << run.err);
    CHECK(run.exit == 0);
    const std::lock_guard lock(mutex);
    REQUIRE_FALSE(asked.empty());
    json params = asked.back().second;
    CHECK(params["request_id"].get<std::string>().size() == 26);
    params.erase("request_id");
    return json{{asked.back().first, params}};
  };
  CHECK(ask({"set", "a/b", "/x", "1", "/y", "\"t\"", "-m", "note", "--base", "1234567"}) ==
        json::parse(R"({"doc.set":{"doc":"a/b","message":"note","base":"1234567",
          "edits":[{"pointer":"/x","value":1},{"pointer":"/y","value":"t"}]}})"));
  CHECK(ask({"set", "a", "/x", "-s", "milk"}) ==
        json::parse(R"({"doc.set":{"doc":"a","edits":[{"pointer":"/x","value":"milk"}]}})"));
  CHECK(ask({"set", "a", "/x", "3", "--type", "counter", "--if-absent", "-n"}) ==
        json::parse(R"({"doc.set":{"doc":"a","if_absent":true,"dry_run":true,
          "edits":[{"pointer":"/x","value":{"$counter":"3"}}]}})"));
  CHECK(ask({"set", "a", "/x", "-f", "-", "-s"}, "two\nlines") ==
        json::parse(R"({"doc.set":{"doc":"a","edits":[{"pointer":"/x","value":"two\nlines"}]}})"));
  CHECK(ask({"unset", "a", "/x", "/y/0"}) ==
        json::parse(R"({"doc.unset":{"doc":"a","pointers":["/x","/y/0"]}})"));
  CHECK(ask({"insert", "a", "/l/-", "1", "[2]"}) ==
        json::parse(R"({"doc.insert":{"doc":"a","pointer":"/l/-","values":[1,[2]]}})"));
  CHECK(ask({"incr", "a", "/n", "-3"}) ==
        json::parse(R"({"doc.incr":{"doc":"a","pointer":"/n","amount":-3}})"));
  CHECK(ask({"splice", "a", "/t", "2", "1", "-"}, "new") ==
        json::parse(
            R"({"doc.splice":{"doc":"a","pointer":"/t","index":2,"delete":1,"text":"new"}})"));
  CHECK(ask({"patch", "a", "--type", "merge", "-f", "p.json"}) ==
        json::parse(R"({"doc.patch":{"doc":"a","type":"merge","patch":{"x":[1]}}})"));
  CHECK(
      ask({"apply", "a", "-f", "p.json", "--list-key", "id", "--if-heads", "1234567+89abcde"}) ==
      json::parse(
          R"({"doc.apply":{"doc":"a","value":{"x":[1]},"list_key":"id","if_heads":"1234567+89abcde"}})"));
  CHECK(ask({"new", "--name", "a/b", "-f", "p.json", "-m", "first"}) ==
        json::parse(R"({"doc.new":{"name":"a/b","value":{"x":[1]},"message":"first"}})"));
  CHECK(ask({"fork", "a@1234567", "--name", "c"}) ==
        json::parse(R"({"doc.fork":{"doc":"a@1234567","name":"c"}})"));
}

TEST_CASE("a write prints one line, tabbed when piped, nothing with -q, a hash with -o name",
          "[cli][process]") {
  const ScratchDirectory home;
  const FakeAgent agent(home / "s", testing::answers([](const std::string&, const json& params) {
                          return ack(params);
                        }));
  const auto set = [&](Words flags) {
    flags.insert(flags.begin(), {"--socket", (home / "s").string(), "set", "a", "/a", "1"});
    return run_cli(home.path(), flags).out;
  };
  CHECK(set({}) == "changed\ta\t" + std::string(64, 'a') + "\treplace /a\tdurable\n");
  CHECK(set({"-q"}).empty());
  CHECK(set({"-o", "name"}) == std::string(64, 'a') + "\n");
  CHECK(set({"-o", "jsonpath=$.change"}) == std::string(64, 'a') + "\n");
  const json object = json::parse(set({"-o", "json"}));
  CHECK(object["kind"] == "Ack");
}

TEST_CASE("a lost reply is asked for again with the same request id", "[cli][process]") {
  const ScratchDirectory home;
  int times = 0;
  const auto script =
      testing::answers([](const std::string&, const json& params) { return ack(params); });
  const FakeAgent agent(home / "s", [&](const std::string& line) -> std::vector<std::string> {
    if (++times == 1) return {FakeAgent::kHangUp};
    return script(line);
  });

  const CliRun run =
      run_cli(home.path(), {"--socket", (home / "s").string(), "set", "a", "/a", "1"});

  CHECK(run.exit == 0);
  const auto seen = agent.seen();
  REQUIRE(seen.size() == 2);
  CHECK(json::parse(seen[0])["params"]["request_id"] ==
        json::parse(seen[1])["params"]["request_id"]);
}

TEST_CASE("an import has several requests on their way, and a lost connection loses none of them",
          "[cli][process]") {
  const ScratchDirectory home;
  const std::string file = home.write("d.ndjson", "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n{\"n\":4}\n");
  const auto script = testing::answers([](const std::string&, const json& params) {
    return json{{"kind", "Ack"}, {"v", 1}, {"id", "automerge:" + params["value"]["n"].dump()}};
  });
  int lines = 0;
  const FakeAgent agent(home / "s", [&](const std::string& line) -> std::vector<std::string> {
    ++lines;
    if (lines <= 2) return {};  // no answer before the third request is there
    if (lines == 3) return {FakeAgent::kHangUp};
    return script(line);
  });

  const CliRun run =
      run_cli(home.path(), {"--socket", (home / "s").string(), "import", file, "-o", "name"});

  CHECK(run.exit == 0);
  CHECK(run.out == "automerge:1\nautomerge:2\nautomerge:3\nautomerge:4\n");
  std::map<std::string, std::set<std::string>> ids;
  for (const std::string& line : agent.seen()) {
    const json params = json::parse(line)["params"];
    if (params.contains("value"))
      ids[params["value"].dump()].insert(params["request_id"].get<std::string>());
  }
  REQUIRE(ids.size() == 4);
  for (const auto& [value, requests] : ids) CHECK(requests.size() == 1);
}

TEST_CASE("colour is never in a pipe unless it is asked for", "[cli][process]") {
  const ScratchDirectory home;
  const auto error = [&](const testing::CliSetup& setup, Words flags = {}) {
    flags.push_back("stauts");
    return run_cli(home.path(), flags, setup).err.find('\x1b') != std::string::npos;
  };
  CHECK_FALSE(error({}));
  CHECK(error({.environment = {{"FORCE_COLOR", "1"}}}));
  CHECK_FALSE(error({.environment = {{"FORCE_COLOR", "1"}, {"NO_COLOR", "1"}}}));
}

TEST_CASE("settings come from flag, environment, project, user file, in this order",
          "[cli][process]") {
  const ScratchDirectory home;
  home.write("config/syncctl/config.toml", "# mine\ntimeout = \"1m\"\noutput = \"json\"\n");
  home.write("project/.syncctl.toml", "timeout = \"2m\"\n");
  std::filesystem::create_directories(home / "project/deep");
  const auto get = [&](const std::string& key, const testing::CliSetup& setup) {
    const CliRun run = run_cli(home.path(), {"-o", "text", "config", "get", key}, setup);
    INFO(run.err);
    CHECK(run.exit == 0);
    return run.out;
  };
  const std::map<std::string, std::string> none = {{"SYNCCTL_TIMEOUT", ""}};
  CHECK(get("timeout", {.environment = none}) == "1m\n");
  CHECK(get("timeout", {.environment = none, .directory = (home / "project/deep").string()}) ==
        "2m\n");
  CHECK(get("timeout", {.environment = {{"SYNCCTL_TIMEOUT", "3m"}},
                        .directory = (home / "project").string()}) == "3m\n");
  const CliRun origin =
      run_cli(home.path(), {"config", "ls", "--show-origin", "-o", "text"}, {.environment = none});
  CHECK(origin.out.find("timeout\t1m\t" + (home / "config/syncctl/config.toml").string() + ":2") !=
        std::string::npos);
}

TEST_CASE("25: a project file that sets a pager or socket is refused with file and line",
          "[cli][process]") {
  const ScratchDirectory home;
  for (const char* key : {"pager", "socket", "editor"}) {
    const std::string file =
        home.write(".syncctl.toml", std::string("# x\n") + key + " = \"evil\"\n");
    const CliRun run = run_cli(home.path(), {"ls"});
    CHECK(run.exit == 2);
    CHECK(run.err.find(file + ":2: a project file may not set \"" + key + "\"") !=
          std::string::npos);
  }
}

TEST_CASE("a wrong configuration is refused, and can still be validated and explained",
          "[cli][process]") {
  const ScratchDirectory home;
  const std::string file = home.write("config/syncctl/config.toml", "timout = \"1m\"\n");
  check_failure(home.path(), {"ls"}, 2, "config.invalid");
  CHECK(run_cli(home.path(), {"ls"}).err.find(file + ":1: \"timout\" is not a setting") !=
        std::string::npos);
  CHECK(run_cli(home.path(), {"ls"}).err.find("did you mean \"timeout\"?") != std::string::npos);
  CHECK(run_cli(home.path(), {"config", "validate"}).exit == 1);
  CHECK(run_cli(home.path(), {"version"}).exit == 0);
  home.write("config/syncctl/config.toml", "timeout = \n");
  check_failure(home.path(), {"ls"}, 2, "config.invalid");
}

TEST_CASE("config set and unset change one line and keep the rest", "[cli][process]") {
  const ScratchDirectory home;
  const std::string file =
      home.write("config/syncctl/config.toml",
                 "# mine\noutput = \"json\"\n\n[contexts.nas]\nsocket = \"/s\"\n");
  const auto text = [&] {
    std::ifstream in(file);
    return std::string{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  };
  CHECK(run_cli(home.path(), {"config", "set", "timeout", "1m"}).exit == 0);
  CHECK(text() ==
        "# mine\noutput = \"json\"\n\ntimeout = \"1m\"\n\n[contexts.nas]\nsocket = \"/s\"\n");
  CHECK(run_cli(home.path(), {"config", "set", "output", "text"}).exit == 0);
  CHECK(run_cli(home.path(), {"config", "unset", "timeout"}).exit == 0);
  CHECK(text() == "# mine\noutput = \"text\"\n\n\n[contexts.nas]\nsocket = \"/s\"\n");
}

TEST_CASE("a broken pipe ends the program silently", "[cli][process]") {
  const ScratchDirectory home;
  const std::string command = std::string("set -o pipefail; ") + SYNCCTL_BINARY + " help --all 2>" +
                              (home / "err").string() + " | head -1 >/dev/null";
  const int status = std::system(("bash -c '" + command + "'").c_str());
  std::ifstream in(home / "err");
  CHECK(std::string{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()}.empty());
  (void)status;  // 141 or 0, depending on who is faster
}

TEST_CASE("commands that need no agent answer in JSON that parses", "[cli][process]") {
  const ScratchDirectory home;
  for (const Words& words :
       {Words{"version"}, Words{"help", "--all"}, Words{"help", "get"}, Words{"config", "ls"},
        Words{"config", "path"}, Words{"config", "validate"}, Words{"config", "get", "output"},
        Words{"schema"}, Words{"schema", "Ack"}, Words{"schema", "--all"}}) {
    Words line = {"-o", "json"};
    line.insert(line.end(), words.begin(), words.end());
    INFO(joined(line));
    const CliRun run = run_cli(home.path(), line);
    CHECK(run.exit == 0);
    CHECK(run.err.empty());
    CHECK(json::accept(run.out));
  }
}

TEST_CASE("syncctl alone and a group alone print help and exit 0", "[cli][process]") {
  const ScratchDirectory home;
  CHECK(run_cli(home.path(), {}).out.starts_with("Work with local-first documents"));
  CHECK(run_cli(home.path(), {}).exit == 0);
  CHECK(run_cli(home.path(), {"peer"}).out.starts_with("Configure the machines to sync with"));
  CHECK(run_cli(home.path(), {"peer"}).exit == 0);
  CHECK(run_cli(home.path(), {"get", "-h"}).out == run_cli(home.path(), {"help", "get"}).out);
}

}  // namespace
}  // namespace converge::cli
