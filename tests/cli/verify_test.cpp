#include "tests/cli/file_fixture.h"

#include <cstdlib>
#include <filesystem>

namespace converge::cli {
namespace {

using nlohmann::json;
using testing::CliRun;
using testing::file_content;
using testing::FileFixture;
using Words = std::vector<std::string>;

constexpr const char* kOnePrimary =
    "SELECT count(*) <= 1 FROM json_each(:doc) WHERE json_extract(value, '$.primary')";

/// Three replicas with `writes` changes each and two more, which each make their own entry the
/// primary one on another replica: what none of them sees until they are merged.
Words replicas_with_two_primaries(FileFixture& f, int writes) {
  Words files;
  for (const std::string name : {"ann", "bob", "eve"}) {
    files.push_back(f.copy(f.file, name + ".automerge"));
    if (name != "eve") f.ok({"set", files.back(), "/" + name, "{\"primary\":true}"});
    for (int i = 0; i < writes; ++i)
      f.ok({"set", files.back(), "/" + name + std::to_string(i), "{\"primary\":false}"});
  }
  return files;
}

Words with(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

json report_of(const CliRun& run) {
  json report = json::parse(run.out);
  report.erase("elapsed_ms");
  return report;
}

TEST_CASE("replicas that converge pass in all orders", "[cli][process]") {
  FileFixture f;
  Words words = {"verify", "convergence", "-o", "json"};
  for (const std::string name : {"b", "c", "d"}) {
    words.push_back(f.copy(f.file, name + ".automerge"));
    f.ok({"set", words.back(), "/title", "\"" + name + "\""});
  }

  const CliRun run = f.run(words);

  CHECK(run.exit == 0);
  const json report = json::parse(run.out);
  CHECK(report["ok"] == true);
  CHECK(report["replicas"] == 3);
  CHECK(report["concurrent"] == 3);
  CHECK(report["orders"] == json::parse(R"({"mode":"all","possible":6,"run":6})"));
  CHECK(report["properties"].size() == 4);
  CHECK(report["counterexamples"].empty());
  CHECK(report["seed"].is_number());
}

// Line 17 of the contract's checklist.
TEST_CASE("17: the planted bug shrinks to two changes, the same seed gives the same report",
          "[cli][process]") {
  FileFixture f;
  const Words files = replicas_with_two_primaries(f, 12);  // 38 changes
  const std::string out = (f.home / "out").string();
  const Words words = with({"verify", "convergence", "--timeout", "0", "-o", "json", "--seed", "7",
                            "--invariant", kOnePrimary, "--artifacts", out, "--force"},
                           files);

  const CliRun first = f.run(words);
  const CliRun second = f.run(words);

  CHECK(first.exit == 1);
  const json report = report_of(first);
  CHECK(report == report_of(second));
  REQUIRE(report["counterexamples"].size() == 1);
  const json& example = report["counterexamples"][0];
  CHECK(example["property"] == "invariant:1");
  CHECK(example["changes"].size() == 2);
  CHECK(example["got"] == "0");
  CHECK(example["state"].size() == 2);

  // The directory repeats it: one file for each of the two replicas.
  CHECK(example["artifacts"] == out + "/invariant-1");
  Words repeat = {"verify", "convergence", "--timeout",   "0",
                  "--seed", "7",           "--invariant", kOnePrimary};
  for (const auto& entry : std::filesystem::directory_iterator(out + "/invariant-1"))
    if (entry.path().extension() == ".automerge") repeat.push_back(entry.path());
  CHECK(repeat.size() == 10);
  CHECK(f.run(repeat).exit == 1);
}

TEST_CASE("a schema and a command judge every state; reports come as JUnit and TAP",
          "[cli][process]") {
  FileFixture f;
  const Words files = replicas_with_two_primaries(f, 1);
  const std::string schema = f.home.write(
      "s.json", R"({"additionalProperties":{"required":["primary"]},"maxProperties":4})");
  const std::string junit = (f.home / "j.xml").string();
  const std::string tap = (f.home / "t.tap").string();

  const CliRun run =
      f.run(with({"verify", "convergence", "--seed", "1", "--schema", schema, "--invariant-cmd",
                  "grep -q primary", "--junit", junit, "--tap", tap},
                 files));

  CHECK(run.exit == 1);
  CHECK(run.out.find("seed 1") != std::string::npos);
  const std::string xml = file_content(junit);
  CHECK(xml.find("<testsuite name=\"syncctl.convergence\" tests=\"6\" failures=\"1\"") !=
        std::string::npos);
  CHECK(xml.find("<property name=\"seed\" value=\"1\"/>") != std::string::npos);
  CHECK(xml.find("<failure type=\"schema\"") != std::string::npos);
  CHECK(xml.find("has more members than 4") != std::string::npos);
  const std::string lines = file_content(tap);
  CHECK(lines.find("1..6\n") != std::string::npos);
  CHECK(lines.find("not ok 5 - " + files[0] + ": schema") != std::string::npos);
  CHECK(lines.find("ok 6 - " + files[0] + ": invariant:1") != std::string::npos);
  CHECK(f.run(with({"verify", "convergence", "--junit", junit}, files)).exit == 5);
  CHECK(f.run(with({"verify", "convergence", "--tap", "-"}, files)).out.starts_with("TAP version"));
}

TEST_CASE("directories are replicas of many documents, matched by name", "[cli][process]") {
  FileFixture f;
  for (const std::string place : {"left", "right"}) {
    std::filesystem::create_directories(f.home / place);
    for (const std::string name : {"a", "b"}) {
      const std::string file = f.copy(f.file, place + "/" + name + ".automerge");
      f.ok({"set", file, "/" + place, "1"});
    }
  }

  const json report = json::parse(f.ok({"verify", "convergence", "-o", "json",
                                        (f.home / "left").string(), (f.home / "right").string()}));

  CHECK(report["replicas"] == 2);
  CHECK(report["documents"] == 2);
  CHECK(report["changes"] == 4);
  std::filesystem::create_directories(f.home / "empty");
  CHECK(f.run({"verify", "convergence", (f.home / "empty").string()}).exit == 8);
}

TEST_CASE("an input that cannot be read is an error in the JUnit report too", "[cli][process]") {
  FileFixture f;
  const std::string noise = f.home.write("noise.automerge", "noise");
  const std::string junit = (f.home / "j.xml").string();

  CHECK(f.run({"verify", "convergence", noise, "--junit", junit}).exit == 8);

  CHECK(file_content(junit).find("errors=\"1\"") != std::string::npos);
}

TEST_CASE("verify file tells whole files from damaged ones", "[cli][process]") {
  FileFixture f;
  f.ok({"set", f.file, "/a", "1"});
  std::string bytes = file_content(f.file);
  bytes[bytes.size() / 2] ^= 1;
  const std::string damaged = f.home.write("damaged.automerge", bytes);

  const json good = f.ok_json({"verify", "file", f.file});
  const CliRun bad = f.run({"verify", "file", f.file, damaged, "-o", "json"});

  CHECK(good["ok"] == true);
  CHECK(good["items"][0]["changes"] == 1);
  CHECK(bad.exit == 1);
  const json report = json::parse(bad.out);
  CHECK(report["ok"] == false);
  CHECK(report["items"][1]["findings"][0]["code"] == "unreadable");
  CHECK(f.ok({"verify", "file", f.file, "-q"}).empty());
  CHECK(f.run({"verify", "file", f.file, damaged, "-o", "name"}).out == damaged + "\n");
  CHECK(f.run({"verify", "file", f.file, "./missing"}).exit == 10);
  const std::string junit = (f.home / "j.xml").string();
  CHECK(f.run({"verify", "file", damaged, "--junit", junit}).exit == 1);
  CHECK(file_content(junit).find("failures=\"1\"") != std::string::npos);
}

}  // namespace
}  // namespace converge::cli
