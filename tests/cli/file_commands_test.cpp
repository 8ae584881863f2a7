#include "tests/cli/file_fixture.h"

#include <filesystem>

namespace converge::cli {
namespace {

using nlohmann::json;
using testing::CliRun;
using testing::FileFixture;
using testing::run_cli;
using Words = std::vector<std::string>;

TEST_CASE("query evaluates a path and a jq program in files", "[cli][process]") {
  FileFixture f;
  f.ok({"patch", f.file, "--type", "merge", "-f", "-"},
       R"({"items":[{"t":"milk","n":1},{"t":"oat \"milk\"","n":2}]})");
  const std::string other = f.copy(f.file, "b.automerge");
  f.ok({"set", other, "/items/0/t", "\"tea\""});

  CHECK(f.ok({"query", "$.items[*].t", "--in", f.file}) == "\"milk\"\n\"oat \\\"milk\\\"\"\n");
  CHECK(f.ok({"query", "$.items[?@.n>1].t", "--in", f.file, "--in", other, "--with-doc"}) ==
        f.file + "\t\"oat \\\"milk\\\"\"\n" + other + "\t\"oat \\\"milk\\\"\"\n");
  CHECK(f.ok({"query", "$..t", "--in", f.file, "--in", other, "--count"}) == "4\n");
  CHECK(f.ok({"query", "$..t", "--in", f.file, "-l", "1"}) == "\"milk\"\n");
  CHECK(f.ok({"query", "$..t", "--in", f.file, "-o", "name"}) == f.file + "\n");
  CHECK(f.ok({"query", "--jq", ".items | map(.n) | add", "--in", f.file}) == "3\n");
  CHECK(f.ok({"query", "$.items[*]", "--jq", "{t, m: (.n * 2)}", "--in", f.file, "-l", "1"}) ==
        "{\"m\":2,\"t\":\"milk\"}\n");
  const json list = f.ok_json({"query", "$.items[0].t", "--in", f.file});
  CHECK(list["kind"] == "QueryResultList");
  CHECK(list["items"][0]["path"] == "$['items'][0]['t']");
  CHECK(list["items"][0]["name"] == f.file);
  const CliRun fails = f.run({"query", "--jq", ".items + 1", "--in", f.file});
  CHECK(fails.exit == 2);
  CHECK(fails.err.find("cannot be added") != std::string::npos);
  CHECK(f.run({"query", "$.none", "--in", f.file}).exit == 0);
  CHECK(f.run({"query", "$.a", "--in", "./none.automerge"}).exit == 3);
}

TEST_CASE("compare tells files apart and names the changes", "[cli][process]") {
  FileFixture f;
  f.ok({"set", f.file, "/a", "1"});
  const std::string other = f.copy(f.file, "b.automerge");

  const CliRun same = f.run({"compare", f.file, other});
  f.ok({"set", other, "/a", "2"});
  const CliRun differ = f.run({"compare", f.file, other, "--deep", "-o", "json"});
  const std::string combined = (f.home / "c").string();

  CHECK(same.exit == 0);
  CHECK(same.out.empty());
  CHECK(differ.exit == 1);
  const json report = json::parse(differ.out);
  CHECK(report["equal"] == false);
  CHECK(report["counts"]["differ"] == 1);
  CHECK(report["items"][0]["only_left"].empty());
  CHECK(report["items"][0]["only_right"] == json::array({f.heads(other)}));
  CHECK(f.run({"compare", f.file, other}).out == "* " + f.file + "\n");
  CHECK(f.run({"compare", f.file, f.file, "--combined", combined}).exit == 0);
  CHECK(testing::file_content(combined) == "= " + f.file + "\n");
  CHECK(f.run({"compare", f.file, f.file, "--combined", combined}).exit == 5);
  CHECK(f.run({"compare", f.file, "somewhere"}).exit == 2);
  CHECK(f.run({"compare", f.file, "digest:" + f.home.write("d", "x")}).exit == 8);
}

TEST_CASE("restore brings old values back in a new change", "[cli][process]") {
  FileFixture f;
  f.ok({"patch", f.file, "--type", "merge", "-f", "-"}, R"({"a":1,"l":["x","y"],"t":{"n":1}})");
  const std::string first = f.heads(f.file);
  f.ok({"patch", f.file, "--type", "merge", "-f", "-"}, R"({"a":2,"l":["y"],"t":null,"new":1})");

  f.ok({"restore", f.file, first, "--path", "/t"});
  CHECK(f.value(f.file) == json::parse(R"({"a":2,"l":["y"],"t":{"n":1},"new":1})"));
  f.ok({"restore", f.file, first, "--path", "/new"});
  CHECK(f.value(f.file) == json::parse(R"({"a":2,"l":["y"],"t":{"n":1}})"));
  f.ok({"restore", f.file, first, "-m", "back"});

  CHECK(f.value(f.file) == json::parse(R"({"a":1,"l":["x","y"],"t":{"n":1}})"));
  const json log = f.ok_json({"log", f.file});
  CHECK(log["items"].size() == 5);
  CHECK(log["items"][0]["message"] == "back");
  CHECK(f.ok_json({"restore", f.file, first})["unchanged"] == true);
  CHECK(f.run({"restore", f.file, "1234567"}).exit == 3);
}

TEST_CASE("revert undoes one change and keeps what came after it", "[cli][process]") {
  FileFixture f;
  f.ok({"patch", f.file, "--type", "merge", "-f", "-"}, R"({"a":1,"l":["x","y","z"]})");
  f.ok({"unset", f.file, "/l/1"});
  const std::string removal = f.heads(f.file);
  f.ok({"insert", f.file, "/l/0", "\"first\""});
  f.ok({"set", f.file, "/b", "2"});

  f.ok({"revert", f.file, removal});

  CHECK(f.value(f.file) == json::parse(R"({"a":1,"b":2,"l":["first","x","y","z"]})"));
  CHECK(f.run({"revert", f.file, removal, "1234567"}).exit == 10);
  CHECK(f.run({"revert", f.file, "1234567"}).exit == 3);
}

TEST_CASE("bisect finds the change that made it bad, and the pair of changes", "[cli][process]") {
  FileFixture f;
  std::string good;
  std::string culprit;
  for (int i = 0; i < 12; ++i) {
    f.ok({"set", f.file, "/n", std::to_string(i), "-m", "n is " + std::to_string(i)});
    if (i == 0) good = f.heads(f.file);
    if (i == 7) culprit = f.heads(f.file);
  }
  const Words line = {"bisect", f.file, "--good", good, "-o", "json", "--"};
  const auto with = [&](Words words, const Words& more) {
    words.insert(words.end(), more.begin(), more.end());
    return words;
  };

  const json found = json::parse(f.ok(with(line, {"sh", "-c", "! grep -qE '\"n\":([7-9]|1.)'"})));
  CHECK(found["found"] == true);
  CHECK(found["items"][0]["hash"] == culprit);
  CHECK(found["items"][0]["message"] == "n is 7");
  CHECK(found["asked"].get<int>() <= 7);
  CHECK(f.run(with(line, {"true"})).exit == 1);
  CHECK(f.run(with(line, {"false"})).exit == 1);
  const auto missing = f.run(with(line, {"no-such-program-here"}));
  CHECK(missing.exit == 127);
  CHECK(json::parse(missing.err)["exit"] == 127);
  CHECK(json::parse(missing.err)["code"] == "command.not_found");
  CHECK(json::parse(f.run(with(line, {"/"})).err)["exit"] == 126);
  CHECK(f.run({"bisect", f.file, "--", "true"}).exit == 2);

  const std::string base = f.heads(f.file);
  const std::string other = f.copy(f.file, "b.automerge");
  f.ok({"set", f.file, "/ann", "true"});
  f.ok({"set", other, "/bob", "true"});
  const std::string all = (f.home / "all.automerge").string();
  f.ok({"merge", f.file, other, "--to", all});
  const json pair = json::parse(f.ok({"bisect", all, "--good", base, "--pairs", "-o", "json", "--",
                                      "sh", "-c", "! grep ann | grep -q bob"}));
  CHECK(pair["items"].size() == 1);
  CHECK(pair["partner"].is_object());
  CHECK(pair["partner"]["hash"] != pair["items"][0]["hash"]);
}

TEST_CASE("blame names the change of each value and each stretch of text", "[cli][process]") {
  FileFixture f;
  f.ok({"patch", f.file, "--type", "merge", "-f", "-"}, R"({"t":"hello","l":[1,{"x":2}]})");
  const std::string first = f.heads(f.file);
  f.ok({"splice", f.file, "/t", "2", "1", "LL"});
  f.ok({"set", f.file, "/l/1/x", "3", "-m", "three"});
  const std::string last = f.heads(f.file);

  const json text = f.ok_json({"blame", f.file, "/t"});
  CHECK(text["items"].size() == 4);
  CHECK(text["items"][1]["value"] == "he");
  CHECK(text["items"][2]["value"] == "LL");
  CHECK(text["items"][2]["start"] == 2);
  CHECK(text["items"][3]["change"] == first);
  const json all = f.ok_json({"blame", f.file});
  CHECK(all["items"].size() == 5);
  CHECK(all["items"][0]["path"] == "/l/0");
  CHECK(all["items"][1]["change"] == last);
  CHECK(all["items"][1]["message"] == "three");
  CHECK(f.ok_json({"blame", f.file, "--depth", "1"})["items"].size() == 2);
  CHECK(f.ok_json({"blame", f.file, "--at", first})["items"].size() == 3);
  CHECK(f.run({"blame", f.file, "/none"}).exit == 3);
}

TEST_CASE("explain tells who set a value and what competes with it", "[cli][process]") {
  FileFixture f;
  const std::string other = f.copy(f.file, "b.automerge");
  f.ok({"set", f.file, "/a", "1", "-m", "one"});
  f.ok({"set", other, "/a", "2", "-m", "two"});
  const std::string all = (f.home / "all.automerge").string();
  f.ok({"merge", f.file, other, "--to", all});

  const json report = f.ok_json({"explain", all, "/a"});

  CHECK(report["competing"].size() == 1);
  CHECK(report["history"].size() == 2);
  CHECK(report["set_by"]["message"] == (report["value"] == 1 ? "one" : "two"));
  CHECK(f.ok({"explain", all, "/a"}).find("competing: ") != std::string::npos);
  CHECK(f.run({"explain", all, "/b"}).exit == 3);
}

TEST_CASE("edit applies what the editor wrote, merged with what came meanwhile", "[cli][process]") {
  FileFixture f;
  f.ok({"patch", f.file, "--type", "merge", "-f", "-"}, R"({"a":1,"l":[{"t":"x"}]})");
  const auto edit = [&](const Words& words, const std::string& editor) {
    return run_cli(f.home.path(), words, {.environment = {{"EDITOR", editor}}});
  };

  CHECK(edit({"edit", f.file}, "sed -i 's/\"a\": 1/\"a\": 2/'").exit == 0);
  CHECK(f.value(f.file, "/a") == 2);
  CHECK(edit({"edit", f.file, "/l/0"}, "sed -i s/x/y/").exit == 0);
  CHECK(f.value(f.file, "/l") == json::parse(R"([{"t":"y"}])"));
  CHECK(edit({"edit", f.file}, "true").out.starts_with("unchanged"));
  CHECK(edit({"edit", f.file}, "false").exit == 20);
  CHECK(edit({"edit", f.file, "--no-input"}, "true").exit == 13);
  CHECK(f.run({"edit", f.file}).exit == 13);
  const CliRun broken = edit({"edit", f.file}, "sed -i s/:/=/");
  CHECK(broken.exit == 8);
  const std::size_t kept = broken.err.find("kept in ");
  REQUIRE(kept != std::string::npos);
  const std::string draft = broken.err.substr(kept + 8, broken.err.find('\n', kept) - kept - 8);
  CHECK(std::filesystem::exists(draft));
  std::filesystem::remove_all(std::filesystem::path(draft).parent_path());
  CHECK(f.value(f.file, "/a") == 2);
}

TEST_CASE("debug change shows a file's chunks, and goes on behind damage", "[cli][process]") {
  FileFixture f;
  f.ok({"set", f.file, "/title", "\"milk\""});

  const json dump = f.ok_json({"debug", "change", "--explain", f.file});
  CHECK(dump["kind"] == "ChunkDump");
  CHECK(dump["damaged"] == 0);
  CHECK(dump["items"][0]["type"] == "document");
  CHECK(dump["items"][0]["records"].back()["operations"].back()["value"] == "milk");
  const std::string text = f.ok({"debug", "change", f.file});
  CHECK(text.find("type=document") != std::string::npos);

  std::string bytes = testing::file_content(f.file);
  bytes[6] = static_cast<char>(bytes[6] ^ 1);  // the checksum
  const std::string damaged = f.home.write("d.automerge", bytes);
  const CliRun run = f.run({"debug", "change", damaged, "-o", "json"});
  CHECK(run.exit == 8);
  const json told = json::parse(run.out);
  CHECK(told["damaged"] == 1);
  CHECK(told["items"][0]["heads"] == dump["items"][0]["heads"]);
}

TEST_CASE("debug message reads bytes and their hex digits", "[cli][process]") {
  FileFixture f;
  const std::string digits = f.home.write("hex", "42 00 00 01 00 00\n00\n");
  const json dump = f.ok_json({"debug", "message", digits});
  CHECK(dump["kind"] == "MessageDump");
  CHECK(dump["size_bytes"] == 7);
  CHECK(dump["items"][0]["type"] == "sync message");
  CHECK(f.ok({"debug", "message", "-", "--explain"}, std::string("\x42\0\0\0\0", 5))
            .find("field=heads") != std::string::npos);
  CHECK(f.run({"debug", "message", f.home.write("empty", "")}).exit == 8);
}

}  // namespace
}  // namespace converge::cli
