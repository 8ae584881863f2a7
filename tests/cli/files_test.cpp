#include "core/engine/document.h"
#include "tests/cli/fake_agent.h"
#include "tests/cli/run_cli.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace converge::cli {
namespace {

using nlohmann::json;
using testing::CliRun;
using testing::run_cli;
using testing::ScratchDirectory;
using Words = std::vector<std::string>;

std::string content_of(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// An empty document's file: what every test starts from. No bytes are an empty document.
struct Fixture {
  ScratchDirectory home;
  std::string file = home.write("a.automerge", "");

  CliRun run(const Words& words, const std::string& input = "") {
    CliRun result = run_cli(home.path(), words, {.input = input});
    UNSCOPED_INFO(result.err);
    return result;
  }
  std::string ok(const Words& words, const std::string& input = "") {
    const CliRun result = run(words, input);
    CHECK(result.exit == 0);
    return result.out;
  }
  json get(const std::string& pointer = "") { return json::parse(ok({"get", file, pointer})); }
  std::string heads(const std::string& of = "") {
    std::string out = ok({"heads", of.empty() ? file : of});
    out.pop_back();
    return out;
  }
};

TEST_CASE("the write verbs work on a plain file", "[cli][process]") {
  Fixture f;
  f.ok({"set", f.file, "/title", "\"home\"", "/items", "[]", "/n", "{\"$counter\":2}"});
  f.ok({"insert", f.file, "/items/-", "{\"t\":\"milk\"}", "{\"t\":\"tea\"}"});
  f.ok({"incr", f.file, "/n", "5"});
  f.ok({"splice", f.file, "/title", "4", "0", "s"});
  f.ok({"unset", f.file, "/items/0"});
  f.ok({"patch", f.file, "--type", "merge", "-f", "-"}, "{\"done\":true}");

  CHECK(f.get() == json::parse(R"({"title":"homes","items":[{"t":"tea"}],"n":7,"done":true})"));
  CHECK(f.get("/items/0/t") == "tea");
  CHECK(f.ok({"get", f.file, "/title", "-r"}) == "homes\n");
  CHECK(f.ok({"get", f.file, "/none", "--default", "[1]"}) == "[1]\n");
  CHECK(f.ok({"get", "-", "/title"}, content_of(f.file)) == "\"homes\"\n");
  const json meta = json::parse(f.ok({"get", f.file, "--meta", "-o", "json"}));
  CHECK(meta["kind"] == "Document");
  CHECK(meta["changes"] == 6);
}

TEST_CASE("apply makes the file equal to the JSON and writes nothing when it is",
          "[cli][process]") {
  Fixture f;
  f.ok({"apply", f.file, "-f", "-"}, R"({"a":1,"b":["x","y"]})");
  const std::string heads = f.heads();
  const json again =
      json::parse(f.ok({"apply", f.file, "-f", "-", "-o", "json"}, R"({"b":["x","y"],"a":1})"));

  CHECK(again["unchanged"] == true);
  CHECK(f.heads() == heads);
  CHECK(f.get() == json::parse(R"({"a":1,"b":["x","y"]})"));
}

TEST_CASE("a revision of a file reads what was, and --base edits from there", "[cli][process]") {
  Fixture f;
  f.ok({"set", f.file, "/l", "[\"a\",\"b\"]"});
  const std::string first = f.heads();
  f.ok({"insert", f.file, "/l/0", "\"new\""});
  f.ok({"set", f.file, "/l/0", "\"A\"", "--base", first});

  CHECK(json::parse(f.ok({"get", f.file + "@" + first})) == json::parse(R"({"l":["a","b"]})"));
  CHECK(json::parse(f.ok({"get", f.file, "--at", first})) == json::parse(R"({"l":["a","b"]})"));
  CHECK(f.get() == json::parse(R"({"l":["new","A","b"]})"));
}

TEST_CASE("history of a file: log, show, diff", "[cli][process]") {
  Fixture f;
  f.ok({"set", f.file, "/a", "1", "-m", "first\x1b[2J"});
  const std::string first = f.heads();
  f.ok({"set", f.file, "/a", "2", "/b", "true", "-m", "second"});
  const std::string second = f.heads();

  const json log = json::parse(f.ok({"log", f.file, "-o", "json"}));
  REQUIRE(log["items"].size() == 2);
  CHECK(log["items"][0]["hash"] == second);
  CHECK(log["items"][1]["message"] == "first\x1b[2J");
  CHECK(f.ok({"log", f.file, "--oneline"}).find('\x1b') == std::string::npos);
  CHECK(f.ok({"log", f.file, "-o", "name", "-l", "1"}) == second + "\n");
  CHECK(f.ok({"log", f.file, "--graph"}).find("●") != std::string::npos);
  const json change =
      json::parse(f.ok({"show", f.file + "@" + second.substr(0, 8), "--ops", "-o", "json"}));
  CHECK(change["message"] == "second");
  CHECK(change["operations"].size() == 2);
  const std::string patch = f.ok({"diff", f.file, "--from", first, "--as", "json-patch"});
  CHECK(json::parse(patch) ==
        json::parse(
            R"([{"op":"replace","path":"/a","value":2},{"op":"add","path":"/b","value":true}])"));
  CHECK(f.ok({"diff", f.file}) == "! /a 2\n+ /b true\n");
  CHECK(f.run({"diff", f.file, "--exit-code"}).exit == 1);
  CHECK(f.run({"diff", f.file, "--from", second, "--exit-code"}).exit == 0);
}

TEST_CASE("files merge without touching the inputs, and conflicts show and resolve",
          "[cli][process]") {
  Fixture f;
  f.ok({"set", f.file, "/title", "\"x\"", "--type", "str"});
  f.ok({"set", f.file, "/title", "base", "--type", "str"});
  const std::string other = f.home.write("b.automerge", content_of(f.file));
  f.ok({"set", f.file, "/title", "milk", "--type", "str"});
  f.ok({"set", other, "/title", "oat milk", "--type", "str"});
  const std::string before = content_of(f.file);
  const std::string all = (f.home / "all.automerge").string();

  const json report = json::parse(f.ok({"merge", f.file, other, "--to", all, "-o", "json"}));
  CHECK(report["merged"] == 1);
  CHECK(content_of(f.file) == before);
  CHECK(f.run({"merge", f.file, other, "--to", all}).exit == 5);  // it exists
  CHECK(f.run({"merge", f.file, other, "--to", all, "--force"}).exit == 0);
  CHECK(f.run({"merge", f.file, other, "--fail-on-conflict", "--to", all, "--force"}).exit == 5);
  const std::string piped = f.ok({"merge", f.file, other});
  CHECK(json::parse(f.ok({"get", "-"}, piped))["title"].is_string());

  const json conflicts = json::parse(f.ok({"conflict", "ls", all, "-o", "json"}));
  REQUIRE(conflicts["items"].size() == 1);
  CHECK(conflicts["items"][0]["path"] == "/title");
  CHECK(conflicts["items"][0]["values"].size() == 2);
  CHECK(f.run({"conflict", "ls", all, "--exit-code"}).exit == 1);
  f.ok({"conflict", "resolve", "--all", all, "--rule", "longest"});
  CHECK(json::parse(f.ok({"get", all, "/title"})) == "oat milk");
  CHECK(f.run({"conflict", "ls", all, "--exit-code"}).exit == 0);
}

TEST_CASE("digests of files compare by history and by state", "[cli][process]") {
  Fixture f;
  f.ok({"set", f.file, "/a", "1"});
  const std::string copy = f.home.write("b.automerge", content_of(f.file));
  const auto digest = [&](const Words& flags, const std::string& of) {
    Words words = {"digest", of, "-o", "name"};
    words.insert(words.end(), flags.begin(), flags.end());
    return f.ok(words);
  };
  CHECK(digest({}, f.file) == digest({}, copy));
  const std::string saved = f.home.write("expected", f.ok({"digest", f.file}));
  CHECK(f.run({"digest", f.file, "--expect", saved}).exit == 0);
  const std::string both = f.home.write("both", f.ok({"digest", f.file, copy}));
  CHECK(f.run({"digest", f.file, copy, "--root", "--expect", both}).exit == 0);
  const std::string as_json = f.home.write("json", f.ok({"digest", f.file, copy, "-o", "json"}));
  CHECK(f.run({"digest", f.file, copy, "--root", "--expect", as_json}).exit == 0);
  f.ok({"set", f.file, "/a", "2"});
  CHECK(f.run({"digest", f.file, copy, "--root", "--expect", both}).out == "* root\n");
  f.ok({"set", f.file, "/a", "1"});
  CHECK(digest({}, f.file) != digest({}, copy));
  CHECK(digest({"--state"}, f.file) == digest({"--state"}, copy));
  const CliRun differs = f.run({"digest", f.file, "--expect", saved});
  CHECK(differs.exit == 1);
  CHECK(differs.out == "* " + f.file + "\n");
}

TEST_CASE("a file exports as JSON, as changes and as a document", "[cli][process]") {
  Fixture f;
  f.ok({"set", f.file, "/a", "1"});
  const std::string to = (f.home / "out.json").string();

  CHECK(f.ok({"export", f.file, "--format", "json"}) == "{\"a\":1}\n");
  CHECK(f.ok({"export", f.file, "--format", "json", "--to", to}) == to + "\n");
  CHECK(f.run({"export", f.file, "--format", "json", "--to", to}).exit == 5);
  const std::string bytes = f.ok({"export", f.file});
  CHECK(json::parse(f.ok({"get", "-"}, bytes)) == json::parse(R"({"a":1})"));
  CHECK(json::parse(f.ok({"get", "-"}, f.ok({"export", f.file, "--format", "changes"}))) ==
        json::parse(R"({"a":1})"));
}

TEST_CASE("two processes that edit one file lose nothing", "[cli][process]") {
  Fixture f;
  const auto write = [&](const std::string& key) {
    for (int i = 0; i < 10; ++i)
      run_cli((f.home / key).string(), {"set", f.file, "/" + key + std::to_string(i), "1"});
  };
  std::filesystem::create_directories(f.home / "x");
  std::filesystem::create_directories(f.home / "y");
  std::thread other([&] { write("x"); });
  write("y");
  other.join();

  CHECK(f.get().size() == 20);
}

struct BadFile {
  Words words;
  int exit;
  const char* code;
};

TEST_CASE(
    "bad files, pointers, revisions and conditions get the contract's answer, and nothing is "
    "written",
    "[cli][process]") {
  Fixture f;
  f.ok({"set", f.file, "/a", "1", "/t", "\"text\"", "/l", "[1]", "/c", "{\"$counter\":1}"});
  const std::string heads = f.heads();
  std::string corrupt = content_of(f.file);
  corrupt[corrupt.size() / 2] = static_cast<char>(corrupt[corrupt.size() / 2] ^ 1);
  f.home.write("corrupt.automerge", corrupt);
  f.home.write("cut.automerge", content_of(f.file).substr(0, 40));
  f.home.write("noise.automerge", "this is not a document");
  f.home.write("bad.json", "{");
  f.home.write("no-patch.json", "{\"op\":1}");
  f.home.write("test-patch.json", R"([{"op":"test","path":"/a","value":2}])");
  const BadFile lines[] = {
      {{"get", "./none.automerge"}, 3, "doc.not_found"},
      {{"set", "./none.automerge", "/a", "1"}, 3, "doc.not_found"},
      {{"get", "./noise.automerge"}, 8, "input.file"},
      {{"get", "./corrupt.automerge"}, 8, "input.file"},
      {{"get", "./cut.automerge"}, 8, "input.file"},
      {{"set", "./corrupt.automerge", "/a", "1"}, 8, "input.file"},
      {{"merge", "./a.automerge", "./corrupt.automerge"}, 8, "input.file"},
      {{"merge", "./a.automerge", "./none.automerge"}, 3, "doc.not_found"},
      {{"diff", "./a.automerge", "./noise.automerge"}, 8, "input.file"},
      {{"digest", "./cut.automerge"}, 8, "input.file"},
      {{"conflict", "ls", "./noise.automerge"}, 8, "input.file"},
      {{"export", "./noise.automerge", "--format", "json"}, 8, "input.file"},
      {{"get", "."}, 8, "input.file"},
      {{"get", "./a.automerge", "/none"}, 3, "path.not_found"},
      {{"get", "./a.automerge", "/l/7"}, 3, "path.not_found"},
      {{"get", "./a.automerge@1234567"}, 3, "rev.not_found"},
      {{"log", "./a.automerge@1234567"}, 3, "rev.not_found"},
      {{"show", "./a.automerge@1234567"}, 3, "rev.not_found"},
      {{"diff", "./a.automerge", "--from", "1234567"}, 3, "rev.not_found"},
      {{"set", "./a.automerge", "/x/y", "1"}, 3, "path.not_found"},
      {{"set", "./a.automerge", "/a/b", "1"}, 5, "path.type"},
      {{"set", "./a.automerge", "/l/5", "1"}, 3, "path.not_found"},
      {{"set", "./a.automerge", "/a", "2", "--base", "1234567"}, 3, "rev.not_found"},
      {{"set", "./a.automerge", "/a", "2", "--if-heads", "1234567"}, 3, "rev.not_found"},
      {{"set", "./a.automerge", "/a", "2", "--if-value", "7"}, 5, "value.mismatch"},
      {{"set", "./a.automerge", "/a", "2", "--if-absent"}, 5, "value.mismatch"},
      {{"unset", "./a.automerge", "/none"}, 3, "path.not_found"},
      {{"insert", "./a.automerge", "/a/0", "1"}, 5, "path.type"},
      {{"insert", "./a.automerge", "/l/9", "1"}, 3, "path.not_found"},
      {{"incr", "./a.automerge", "/a"}, 5, "path.type"},
      {{"incr", "./a.automerge", "/none"}, 3, "path.not_found"},
      {{"splice", "./a.automerge", "/a", "0", "0", "x"}, 5, "path.type"},
      {{"splice", "./a.automerge", "/t", "99", "0", "x"}, 3, "path.not_found"},
      {{"patch", "./a.automerge", "-f", "./bad.json"}, 8, "input.json"},
      {{"patch", "./a.automerge", "-f", "./no-patch.json"}, 8, "input.json"},
      {{"patch", "./a.automerge", "-f", "./test-patch.json"}, 5, "value.mismatch"},
      {{"set", "-", "/a", "1"}, 2, "usage.argument"},
      {{"log", "./a.automerge", "--since", "2h"}, 2, "usage.flag"},
      {{"get", "./a.automerge", "-o", "jsonpath=$["}, 2, "query.syntax"},
  };
  for (const BadFile& line : lines) {
    std::string words;
    for (const std::string& word : line.words) words += word + " ";
    INFO(words);
    const CliRun run = run_cli(f.home.path(), line.words);
    INFO(run.err);
    CHECK(run.exit == line.exit);
    CHECK(run.out.empty());
    CHECK(run.err.starts_with("syncctl: error: "));
    CHECK(std::count(run.err.begin(), run.err.end(), '\n') <= 5);
    CHECK(run.err.find(std::string("code: ") + line.code) != std::string::npos);
  }
  CHECK(f.heads() == heads);
}

TEST_CASE("a failed write leaves no temporary file behind", "[cli][process]") {
  Fixture f;
  f.ok({"set", f.file, "/a", "1"});
  f.run({"merge", f.file, f.file, "--to", (f.home / "no/such/dir").string()});
  f.run({"export", f.file, "--to", f.file});
  for (const auto& entry : std::filesystem::directory_iterator(f.home.path())) {
    INFO(entry.path());
    CHECK(entry.path().extension() != ".tmp");
  }
}

}  // namespace
}  // namespace converge::cli
