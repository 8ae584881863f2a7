#include "tests/cli/file_fixture.h"

#include <cstdlib>

namespace converge::cli {
namespace {

using nlohmann::json;
using testing::file_content;
using testing::FileFixture;

/// A git repository in which `syncctl` is this build's.
struct Repository : FileFixture {
  std::string directory = (home / "repo").string();

  int sh(const std::string& script) const {
    const std::string prelude = "export HOME='" + home.path().string() +
                                "' GIT_CONFIG_NOSYSTEM=1 PATH=\"$(dirname '" SYNCCTL_BINARY
                                "'):$PATH\"; export XDG_CONFIG_HOME=\"$HOME/config\"; cd '" +
                                directory + "' && ";
    return std::system(
        ("sh -ec '" + escaped(prelude + script) + "' > '" + (home / "sh.log").string() + "' 2>&1")
            .c_str());
  }
  std::string log() const { return file_content((home / "sh.log").string()); }

  static std::string escaped(const std::string& text) {
    std::string out;
    for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out;
  }
};

bool has_git() {
  if (std::system("command -v git >/dev/null 2>&1") == 0) return true;
  WARN("SKIPPED: git is not installed");
  return false;
}

TEST_CASE("git merges documents with the driver, shows them, and stops at a real conflict",
          "[cli][process]") {
  if (!has_git()) return;
  Repository r;
  std::filesystem::create_directories(r.directory);
  INFO(r.home.path());
  REQUIRE(r.sh("git init -q -b main . && git config user.name t && git config user.email t@t && "
               "syncctl git install && : > a.automerge && "
               "syncctl -q set ./a.automerge /title base --type str && "
               "syncctl -q set ./a.automerge /l '[\"x\"]' && "
               "git add . && git commit -qm base && git branch other") == 0);
  CHECK(file_content(r.directory + "/.gitattributes") ==
        "*.automerge merge=automerge diff=automerge\n");

  // Edits of different places merge without a word.
  REQUIRE(r.sh("syncctl -q insert ./a.automerge /l/- '\"ours\"' && git commit -qam ours && "
               "git checkout -q other && syncctl -q insert ./a.automerge /l/- '\"theirs\"' && "
               "git commit -qam theirs && git merge -q main -m merged") == 0);
  const json list = r.value(r.directory + "/a.automerge", "/l");
  CHECK(list.size() == 3);
  CHECK(r.sh("git diff HEAD~1 HEAD -- a.automerge") == 0);
  CHECK(r.log().find("+") != std::string::npos);
  CHECK(r.log().find("\"ours\"") != std::string::npos);

  // One value set on both sides: git stops, both values are in the file.
  REQUIRE(r.sh("git checkout -q main && git merge -q other && "
               "syncctl -q set ./a.automerge /title ann --type str && git commit -qam ann && "
               "git checkout -q other && syncctl -q set ./a.automerge /title bob --type str && "
               "git commit -qam bob") == 0);
  CHECK(r.sh("git merge main -m again") != 0);
  CHECK(r.log().find("CONFLICT") != std::string::npos);
  CHECK(r.log().find("1 new conflict") != std::string::npos);
  const std::string file = r.directory + "/a.automerge";
  CHECK(r.ok_json({"conflict", "ls", file})["items"][0]["values"].size() == 2);
  REQUIRE(r.sh("syncctl -q conflict resolve --all ./a.automerge --pick 1 && git add a.automerge && "
               "git commit -qm resolved") == 0);
  CHECK(r.ok_json({"conflict", "ls", file})["items"].empty());

  CHECK(r.sh("syncctl git install -o json") == 0);
  CHECK(json::parse(r.log())["unchanged"] == true);
  CHECK(r.sh("syncctl git uninstall && ! git config merge.automerge.driver") == 0);
  CHECK(file_content(r.directory + "/.gitattributes").empty());
}

TEST_CASE("the merge driver leaves ours alone when a side is no document", "[cli][process]") {
  FileFixture f;
  f.ok({"set", f.file, "/a", "1"});
  const std::string before = file_content(f.file);
  const std::string noise = f.home.write("noise", "<<<<<<<");

  CHECK(f.run({"git", "merge-driver", noise, f.file, noise}).exit == 8);

  CHECK(file_content(f.file) == before);
  CHECK(f.run({"git", "textconv", noise}).exit == 8);
  CHECK(f.ok({"git", "textconv", f.file}) == "{\n  \"a\": 1\n}\n");
}

TEST_CASE("git install outside a repository says so", "[cli][process]") {
  if (!has_git()) return;
  FileFixture f;
  const auto run = testing::run_cli(
      f.home.path(), {"git", "install"},
      {.environment = {{"GIT_CEILING_DIRECTORIES", "/"}}, .directory = f.home.path().string()});
  CHECK(run.exit == 20);
  CHECK(run.err.find("in no git repository") != std::string::npos);
  CHECK(run.err.find("fatal") == std::string::npos);
  CHECK(run.err.find("--global") != std::string::npos);
}

}  // namespace
}  // namespace converge::cli
