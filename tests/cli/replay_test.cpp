#include "core/base/bytes.h"
#include "core/model/document_id.h"
#include "core/verbs/text_forms.h"
#include "tests/cli/file_fixture.h"

#include <filesystem>

namespace converge::cli {
namespace {

using nlohmann::json;
using testing::CliRun;
using testing::file_content;
using testing::FileFixture;
using Words = std::vector<std::string>;

/// A file with a short history that forks and meets again; its changes as a stream.
struct Stream : FileFixture {
  std::string changes = home.write("letter.changes", "");

  Stream() {
    ok({"set", file, "/title", "\"one\""});
    const std::string other = copy(file, "b.automerge");
    ok({"set", file, "/title", "\"two\""});
    ok({"set", other, "/body", "\"hello\""});
    ok({"merge", file, other, "--to", file, "--force"});
    ok({"export", file, "--format", "changes", "--to", changes, "--force"});
  }
};

TEST_CASE("a stream of changes replays to the document it came from", "[cli][process]") {
  Stream f;
  const std::string digest = f.home.write("digest", f.ok({"digest", f.file}));

  const json report = f.ok_json({"replay", f.changes, "--expect", digest});

  CHECK(report["changes"] == 3);
  CHECK(report["complete"] == true);
  CHECK(report["documents"] == 1);
  CHECK(report["expected"]["equal"] == true);
  CHECK(report["slowest"]["us"].is_number());
  CHECK(f.ok_json({"replay", f.file})["digest"] == report["digest"]);
  CHECK(json::parse(f.ok({"-o", "json", "replay", "-"}, file_content(f.changes)))["digest"] ==
        report["digest"]);
}

TEST_CASE("a replay ends behind its mark", "[cli][process]") {
  Stream f;
  const json log = f.ok_json({"log", f.file});
  const std::string first = log["items"].back()["hash"];
  const json one = f.ok_json({"replay", f.changes, "--until", "#1"});
  const std::string digest = f.home.write("digest", one["digest"].get<std::string>() + "\n");

  CHECK(one["changes_in_log"] == 3);
  CHECK(f.ok_json({"replay", f.changes, "--until", first.substr(0, 9), "--expect",
                   digest})["changes"] == 1);
  CHECK(f.ok_json({"replay", f.changes, "--until", "#2"})["changes"] == 2);
  const CliRun all = f.run({"replay", f.changes, "--expect", digest});
  CHECK(all.exit == 1);
  CHECK(all.out.find("* ") != std::string::npos);
  CHECK(f.run({"replay", f.changes, "--until", "0000000"}).exit == 3);
  CHECK(f.run({"replay", f.changes, "--until", "noon"}).exit == 2);
  CHECK(f.run({"replay", f.changes, "--until", "2026-01-01T00:00:00Z"}).exit == 2);
}

TEST_CASE("a damaged log is refused with the place of the damage", "[cli][process]") {
  Stream f;
  std::string bytes = file_content(f.changes);
  bytes[bytes.size() / 2] ^= 1;
  const CliRun flipped = f.run({"replay", f.home.write("flipped.changes", bytes)});
  CHECK(flipped.exit == 8);
  CHECK(flipped.err.find("byte") != std::string::npos);
  CHECK(flipped.out.empty());

  const std::string head =
      R"({"kind":"Recording","v":1,"store_id":"s","payloads":"full","started_at":"x"})"
      "\n";
  const std::string id = "\"id\":\"automerge:4NMNnkMhL8jXrdJ9jamS58PAVdXu\"";
  const auto refused = [&](const std::string& lines, int exit, const std::string& word) {
    const CliRun run = f.run({"replay", f.home.write("bad.ndjson", head + lines)});
    CHECK(run.exit == exit);
    CHECK(run.err.find(word) != std::string::npos);
    CHECK(run.out.empty());
  };
  const std::string hash(64, '0');
  refused("{\"kind\":\"RecordedChange\"}\n", 8, "line 2");
  refused("{\"kind\":\"RecordedChange\"," + id + ",\"hash\":\"" + hash + "\",\"data\":\"?\"}\n", 8,
          "line 2, is damaged: its \"data\" is not base64");
  refused("{\"kind\":\"RecordedChange\"," + id + ",\"hash\":\"" + hash + "\",\"data\":\"AAAA\"}\n",
          8, "line 2, is damaged");
  refused("{\"kind\":\"Other\"}\nnonsense\n", 8, "line 3");
  CHECK(f.run({"replay", f.home.write("new.ndjson", "{\"kind\":\"Recording\",\"v\":2}\n")}).exit ==
        11);
  CHECK(f.run({"replay", f.home.write("text", "what is this")}).exit == 8);
  CHECK(f.run({"replay", (f.home / "nothing").string()}).exit == 8);
}

TEST_CASE("a log that lacks a change is refused with who needs it", "[cli][process]") {
  Stream f;
  const json log = f.ok_json({"log", f.file});
  const std::string first = log["items"].back()["hash"];
  f.ok({"replay", f.changes});
  // Without its first change the stream begins in the middle.
  const std::string bytes = file_content(f.changes);
  const std::size_t second = bytes.find("\x85\x6f\x4a\x83", 4);
  REQUIRE(second != std::string::npos);

  const CliRun run = f.run({"replay", f.home.write("rest.changes", bytes.substr(second))});

  CHECK(run.exit == 5);
  CHECK(run.err.find("change 1,") != std::string::npos);
  CHECK(run.err.find(first) != std::string::npos);
}

TEST_CASE("names mean what the recording says at that place", "[cli][process]") {
  FileFixture f;
  f.ok({"set", f.file, "/a", "1"});
  const std::string changes = f.home.write("one.changes", "");
  f.ok({"export", f.file, "--format", "changes", "--to", changes, "--force"});
  const std::string data = verbs::to_base64(as_bytes(file_content(changes)));
  const std::string hash = f.heads(f.file);
  const auto url = [](int last) {
    DocumentId id;
    id.bytes.back() = static_cast<std::byte>(last);
    return id.to_url();
  };
  const auto change = [&](int seq, int document, const json& name) {
    return json{{"kind", "RecordedChange"},
                {"v", 1},
                {"seq", seq},
                {"id", url(document)},
                {"name", name},
                {"hash", hash},
                {"data", data}}
               .dump() +
           "\n";
  };
  const auto naming = [&](int seq, const std::string& name, int document) {
    return json{{"kind", "RecordedName"},
                {"v", 1},
                {"seq", seq},
                {"name", name},
                {"id", document == 0 ? json() : json(url(document))}}
               .dump() +
           "\n";
  };
  const auto names = [&](const std::string& lines) {
    const std::string log = f.home.write(
        "log.ndjson", "{\"kind\":\"Recording\",\"v\":1,\"payloads\":\"full\"}\n" + lines);
    json out = json::array();
    const json report = f.ok_json({"replay", log});
    for (const json& item : report["items"]) out.push_back(item["name"]);
    return out;
  };
  const std::string begin = change(1, 1, "first");
  CHECK(names(begin) == json::array({"first"}));
  CHECK(names(begin + naming(2, "second", 1)) == json::array({"first"}));
  CHECK(names(begin + naming(2, "second", 1) + naming(3, "first", 0)) == json::array({"second"}));
  CHECK(names(begin + naming(2, "first", 0)) == json::array({nullptr}));
  // A name that was free again is another document's, and a line may come before its document.
  CHECK(names(begin + naming(2, "a", 1) + naming(3, "first", 2) + change(4, 2, "first")) ==
        json::array({"a", "first"}));
  CHECK(f.run({"replay", f.home.write("bad.ndjson",
                                      "{\"kind\":\"Recording\",\"v\":1}\n"
                                      "{\"kind\":\"RecordedName\",\"id\":null}\n")})
            .exit == 8);
}

TEST_CASE("record says what it needs before it does anything", "[cli][process]") {
  FileFixture f;
  CHECK(f.run({"record"}).exit == 2);
  CHECK(f.run({"record", "--to", "-", "--payloads", "some"}).exit == 2);
  CHECK(f.run({"record", "--to", "x", "--for", "5"}).exit == 2);
  CHECK(f.run({"record", "--to", "x", "--for", "0"}).exit == 4);
  CHECK_FALSE(std::filesystem::exists("x"));
  const std::string there = f.home.write("there", "kept");
  CHECK(f.run({"replay", f.file, "--into", there}).exit == 5);
  CHECK(f.run({"replay", f.file, "--into", f.home.path()}).exit == 5);
  CHECK(file_content(there) == "kept");
}

}  // namespace
}  // namespace converge::cli
