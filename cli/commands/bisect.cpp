#include "cli/commands/child.h"
#include "cli/commands/handlers.h"
#include "cli/commands/render.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"
#include "core/control/json_text.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

using Hashes = std::vector<std::string>;

/// Which of the changes between a good and a bad version makes it bad. The changes stand in an
/// order in which each comes behind its dependencies, so every prefix is a version.
class Bisect {
 public:
  explicit Bisect(Session& session) : session_(session), doc_(session.document(session.arg(0))) {}

  Result<int> run() {
    if (auto loaded = load(); !loaded) return loaded.error();
    // The ends are asked too: a wrong assumption must not end in a wrong answer.
    const auto good = judge(0);
    if (!good) return good.error();
    const auto bad = judge(changes_.size());
    if (!bad) return bad.error();
    if (*good != Verdict::kGood || *bad != Verdict::kBad) return no_culprit(*good, *bad);
    auto culprit = search();
    if (!culprit) return culprit.error();
    if (culprit->size() == 1 && session_.has("pairs")) {
      const auto partner = find_partner(culprit->front());
      if (!partner) return partner.error();
      if (*partner) partner_ = **partner;
    }
    return print(*culprit);
  }

 private:
  enum class Verdict { kGood, kBad, kSkip };

  Result<void> load() {
    json params = {{"doc", doc_}, {"from", *session_.value("good")}};
    if (const auto bad = session_.value("bad")) params["to"] = *bad;
    const auto diff = session_.ask_for(doc_, "doc.diff", params);
    if (!diff) return diff.error();
    start_ = diff->at("from").get<Hashes>();
    changes_ = diff->at("only_right").get<Hashes>();
    const auto log = session_.ask_for(doc_, "doc.log", {{"doc", doc_}});
    if (!log) return log.error();
    for (const json& change : log->at("items")) facts_[field(change, "hash")] = change;
    return {};
  }

  Hashes deps_of(const std::string& hash) const {
    const auto found = facts_.find(hash);
    return found == facts_.end() ? Hashes{} : found->second.value("deps", Hashes{});
  }

  /// A version, as a REV: the members that no other member depends on.
  std::string revision(const std::set<std::string>& members) const {
    std::set<std::string> heads = members;
    for (const std::string& member : members)
      for (const std::string& dep : deps_of(member)) heads.erase(dep);
    std::string out;
    for (const std::string& head : heads) out += (out.empty() ? "" : "+") + head;
    return out;
  }

  void add_ancestors(std::set<std::string>& members, const std::string& hash) const {
    Hashes waiting = {hash};
    while (!waiting.empty()) {
      const std::string next = waiting.back();
      waiting.pop_back();
      if (!members.insert(next).second) continue;
      for (const std::string& dep : deps_of(next)) waiting.push_back(dep);
    }
  }

  /// The good version and the first `count` changes.
  Result<Verdict> judge(std::size_t count) {
    std::set<std::string> members(start_.begin(), start_.end());
    members.insert(changes_.begin(), changes_.begin() + static_cast<std::ptrdiff_t>(count));
    return ask(revision(members), count == 0 ? "" : changes_[count - 1]);
  }

  Result<Verdict> ask(const std::string& rev, const std::string& change) {
    json value = json::object();
    if (!rev.empty()) {
      const auto answer = session_.ask_for(doc_, "doc.get", {{"doc", doc_}, {"at", rev}});
      if (!answer) return answer.error();
      value = answer->at("value");
    }
    ++asked_;
    const auto run =
        run_child(session_.args(1), control::to_compact(value) + "\n",
                  {.capture = true, .environment = {{"SYNCCTL_BISECT_CHANGE", change}}});
    if (!run) return run.error();
    if (run->exit == 126 || run->exit == 127) {
      return not_run(session_.args(1).front(), run->exit);
    }
    if (run->exit == 125) return Verdict::kSkip;
    return (run->exit == 0) != session_.has("invert") ? Verdict::kGood : Verdict::kBad;
  }

  /// The change that turns good into bad, or all candidates where skips hide which one it is.
  Result<Hashes> search() {
    std::size_t good = 0;
    std::size_t bad = changes_.size();
    std::set<std::size_t> skipped;
    while (bad - good > 1) {
      std::optional<std::size_t> middle;
      for (std::size_t i = good + 1; i < bad; ++i) {
        const auto distance = [&](std::size_t at) {
          return at > (good + bad) / 2 ? at - (good + bad) / 2 : (good + bad) / 2 - at;
        };
        if (!skipped.contains(i) && (!middle || distance(i) < distance(*middle))) middle = i;
      }
      if (!middle) break;
      const auto verdict = judge(*middle);
      if (!verdict) return verdict.error();
      if (*verdict == Verdict::kSkip)
        skipped.insert(*middle);
      else
        (*verdict == Verdict::kGood ? good : bad) = *middle;
    }
    return Hashes(changes_.begin() + static_cast<std::ptrdiff_t>(good),
                  changes_.begin() + static_cast<std::ptrdiff_t>(bad));
  }

  /// A change concurrent with the culprit without which it does no harm; nothing when the culprit
  /// alone is bad.
  Result<std::optional<std::string>> find_partner(const std::string& culprit) {
    std::set<std::string> own(start_.begin(), start_.end());
    add_ancestors(own, culprit);
    const auto alone = ask(revision(own), culprit);
    if (!alone) return alone.error();
    if (*alone != Verdict::kGood) return std::optional<std::string>();
    for (const std::string& other : changes_) {
      if (own.contains(other)) continue;
      std::set<std::string> both = own;
      add_ancestors(both, other);
      const auto verdict = ask(revision(both), culprit);
      if (!verdict) return verdict.error();
      if (*verdict == Verdict::kBad) return std::optional<std::string>(other);
    }
    return std::optional<std::string>();
  }

  json fact(const std::string& hash) const {
    const auto found = facts_.find(hash);
    return found == facts_.end() ? json{{"hash", hash}} : found->second;
  }

  Result<int> no_culprit(Verdict good, Verdict bad) {
    const bool wrong_start = good != Verdict::kGood;
    const json report = report_of({});
    const std::string why = wrong_start             ? "--good is not good"
                            : bad == Verdict::kGood ? "the bad version is good"
                                                    : "the bad version was skipped";
    if (auto done = session_.out().result(report, {.text = [&] { return why + "\n"; }}); !done)
      return done.error();
    return control::exit_code::kNo;
  }

  json report_of(const Hashes& culprits) const {
    json items = json::array();
    for (const std::string& hash : culprits) items.push_back(fact(hash));
    return {{"kind", "BisectReport"},
            {"v", 1},
            {"found", culprits.size() == 1},
            {"items", std::move(items)},
            {"partner", partner_.empty() ? json() : fact(partner_)},
            {"candidates", changes_.size()},
            {"asked", asked_}};
  }

  Result<int> print(const Hashes& culprits) {
    const auto line = [&](const std::string& hash) {
      const json change = fact(hash);
      const bool tty = session_.terminal().out_tty;
      return (tty ? short_hash(hash) : hash) + (tty ? "  " : "\t") +
             printable(field(change, "message")) + "\n";
    };
    const auto text = [&] {
      std::string out;
      for (const std::string& hash : culprits) out += line(hash);
      if (!partner_.empty()) out += "only together with\n" + line(partner_);
      return out;
    };
    const auto done = session_.out().result(report_of(culprits),
                                            {.text = text, .names = [&] { return culprits; }});
    if (!done) return done.error();
    session_.out().note("asked " + counted(asked_, "time"));
    if (culprits.size() == 1) return control::exit_code::kOk;
    session_.out().note("skipped versions hide which of them it is");
    return control::exit_code::kNo;
  }

  Session& session_;
  std::string doc_;
  Hashes start_;
  Hashes changes_;
  std::map<std::string, json> facts_;
  std::string partner_;
  std::size_t asked_ = 0;
};

}  // namespace

Result<int> run_bisect(Session& session) {
  if (!session.value("good"))
    return make_error(ErrorId::kUsageFlag, "bisect needs a version that is good",
                      "add --good REV; \"syncctl log DOC\" lists the changes");
  if (session.args(1).empty())
    return make_error(ErrorId::kUsageArgument, "bisect needs a command that judges a version",
                      "add -- CMD at the end; it gets the JSON on stdin, exit 0 is good");
  return Bisect(session).run();
}

}  // namespace converge::cli
