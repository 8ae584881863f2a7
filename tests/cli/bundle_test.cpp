// The support bundle: what is in it, and what must not be.

#include "tests/cli/file_fixture.h"

#include <cstdlib>
#include <filesystem>
#include <sys/stat.h>

namespace converge::cli {
namespace {

using nlohmann::json;
using testing::CliRun;
using testing::FakeAgent;
using testing::FileFixture;
using Words = std::vector<std::string>;

/// Every answer says something that nobody else should read.
FakeAgent::Script telling_agent() {
  return testing::answers([](const std::string& method, const json&) -> json {
    if (method == "agent.logs")
      return {{"kind", "LogLineList"},
              {"v", 1},
              {"items",
               {{{"level", "warn"},
                 {"code", "peer.down"},
                 {"at", "2026-11-23T10:00:00.000Z"},
                 {"message", "salary-nas is gone"},
                 {"fields", {{"peer", "salary-nas"}}}}}}};
    return {{"kind", "Answer"},
            {"v", 1},
            {"name", "salary/2026"},
            {"state", "open"},
            {"documents", 17},
            {"settings", {{"store.dir", "/home/salary"}, {"sync.window", "30s"}}}};
  });
}

/// The archive as any other program reads it.
json extracted(const FileFixture& f, const std::string& archive, const std::string& name) {
  const std::filesystem::path folder = f.home / "out";
  std::filesystem::create_directories(folder);
  REQUIRE(std::system(("tar -xf '" + archive + "' -C '" + folder.string() + "'").c_str()) == 0);
  return json::parse(testing::file_content((folder / name).string()));
}

TEST_CASE("a bundle says what is needed and nothing of whose it is", "[cli][process]") {
  FileFixture f;
  f.ok({"set", f.file, "/salary", "\"salary of Ann\""});
  const FakeAgent agent(f.home / "s", telling_agent());
  const std::string to = (f.home / "b.tar").string();
  const Words words = {
      "--socket",    (f.home / "s").string(), "bundle", "--to", to, "--doc", f.file,
      "--reproduce", "echo salary; exit 3"};

  const json report = json::parse([&] {
    Words all = words;
    all.insert(all.end(), {"-o", "json"});
    return f.ok(all);
  }());
  testing::check_schema(report);
  CHECK(report["anonymized"] == true);
  for (const json& part : report["parts"]) CHECK(part["error"].is_null());

  struct stat info {};
  REQUIRE(::stat(to.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  CHECK(testing::file_content(to).find("alary") == std::string::npos);
  const json store = extracted(f, to, "store.json");
  CHECK(store["documents"] == 17);
  CHECK(store["state"] == "open");
  CHECK(store["settings"]["sync.window"] == "30s");
  CHECK(store["name"] == extracted(f, to, "status.json")["name"]);  // the same key
  const json log = extracted(f, to, "log.json");
  CHECK(log["items"][0]["code"] == "peer.down");
  CHECK(log["items"][0]["at"] == "2026-11-23T10:00:00.000Z");
  CHECK(extracted(f, to, "reproduce.json")["exit"] == 3);
  CHECK(extracted(f, to, "bundle.json")["parts"] == report["parts"]);
  const std::string document = (f.home / "out").string() + "/document.automerge";
  CHECK(f.run({"verify", "file", document}).exit == 0);

  CHECK(f.run(words).exit == 5);  // it exists
  Words open = words;
  open.insert(open.end(), {"--no-anonymize", "--force"});
  f.ok(open);
  CHECK(extracted(f, to, "log.json")["items"][0]["message"] == "salary-nas is gone");
  CHECK(extracted(f, to, "reproduce.json")["output"] == "salary\n");
}

TEST_CASE("without an agent a bundle has what can be known without", "[cli][process]") {
  FileFixture f;
  const std::string to = (f.home / "b.tar").string();

  const CliRun run = f.run({"bundle", "--to", to, "-o", "json"});
  CHECK(run.exit == 0);
  CHECK(run.err.find("warning") != std::string::npos);
  CHECK(extracted(f, to, "system.json")["kind"] == "System");
  const json report = json::parse(run.out);
  std::size_t missing = 0;
  for (const json& part : report["parts"]) missing += part["error"] == "agent.unreachable" ? 1 : 0;
  CHECK(missing == 8);

  CHECK(f.run({"bundle", "--to", to, "--force", "--doc", "./absent.automerge"}).exit == 10);
}

}  // namespace
}  // namespace converge::cli
