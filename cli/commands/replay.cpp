#include "cli/commands/digest_check.h"
#include "cli/commands/files.h"
#include "cli/commands/handlers.h"
#include "cli/commands/interrupt.h"
#include "cli/commands/progress.h"
#include "cli/commands/recording.h"
#include "cli/commands/render.h"
#include "cli/commands/replay_target.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"
#include "core/verify/history_file.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;
using std::chrono::microseconds;
using std::chrono::milliseconds;

/// The log in the order in which it is replayed.
struct Log {
  std::vector<ReplayStep> steps;
  std::string digest;  ///< of the recording's last mark; empty: none
  bool is_recording = false;
};

std::string line_of(const std::string& file, std::size_t line) {
  return "the file \"" + file + "\", line " + std::to_string(line) + ",";
}

Result<Log> log_of_recording(Session& session, const std::string& file,
                             const std::string& content) {
  auto recording = parse_full_recording(content, file);
  if (!recording) return recording.error();
  if (!recording->is_whole)
    session.out().warning("the recording \"" + file + "\" was cut off; its last line is left out");
  Log log;
  log.is_recording = true;
  log.digest = recording->digest;
  for (RecordedChange& change : recording->changes) {
    ReplayStep step;
    step.where = line_of(file, change.line);
    step.id = DocumentId::parse(change.id);
    if (!step.id && !(change.is_name && change.id.empty()))
      return make_error(ErrorId::kInputFile,
                        step.where + " is damaged: \"" + change.id + "\" is no document's URL");
    step.name = std::move(change.name);
    step.seq = change.seq;
    step.at_ms = parse_time(change.at);
    if (change.is_delete) step.kind = ReplayStep::Kind::kDelete;
    if (change.is_name) step.kind = ReplayStep::Kind::kName;
    if (change.is_change()) {
      const auto facts = verify::facts_of_change(change.chunk);
      if (!facts)
        return make_error(ErrorId::kInputFile,
                          step.where + " is damaged\n" + facts.error().message);
      if (facts->hash.to_hex() != change.hash)
        return make_error(ErrorId::kInputFile, step.where + " is damaged: its change hashes to " +
                                                   facts->hash.to_hex() + ", not to " +
                                                   change.hash);
      step.hash = facts->hash;
      step.chunk = std::move(change.chunk);
    }
    log.steps.push_back(std::move(step));
  }
  // The first part of a recording stands document by document; time knows better.
  if (std::ranges::all_of(log.steps, [](const ReplayStep& step) { return step.seq > 0; }))
    std::ranges::stable_sort(log.steps, {}, &ReplayStep::seq);
  return log;
}

/// A stream of changes or a saved document: one document, received in its own order.
Result<Log> log_of_stream(const std::string& file, const std::string& content) {
  auto chunks = verify::split_changes(as_bytes(content));
  if (!chunks && chunks.error().code == ErrorCode::kUnsupported)
    chunks = verify::changes_of_file(as_bytes(content));
  if (!chunks)
    return make_error(ErrorId::kInputFile, "the file \"" + file +
                                               "\" is neither a recording nor Automerge changes\n" +
                                               chunks.error().message);
  Log log;
  for (Bytes& chunk : *chunks) {
    const std::size_t number = log.steps.size() + 1;
    ReplayStep step;
    step.where = "the file \"" + file + "\", change " + std::to_string(number) + ",";
    step.seq = number;
    step.name = file == "-" ? "stdin" : name_of_file(std::filesystem::path(file).stem().string());
    const auto facts = verify::facts_of_change(chunk);
    if (!facts)
      return make_error(ErrorId::kInputFile, step.where + " is damaged\n" + facts.error().message);
    step.hash = facts->hash;
    step.chunk = std::move(chunk);
    log.steps.push_back(std::move(step));
  }
  return log;
}

bool is_hash_prefix(const std::string& mark) {
  return mark.size() >= 7 && mark.size() <= 64 &&
         mark.find_first_not_of("0123456789abcdef") == std::string::npos;
}

/// Leaves out what came after the mark. By time or receipt that need not be the log's end.
Result<void> keep_until(Log& log, const std::string& mark) {
  const auto wrong = [&](const std::string& what) {
    return make_error(ErrorId::kUsageFlag, "--until \"" + mark + "\" " + what,
                      "write #RECEIPT, a time like 2026-11-20T09:00:00Z, or a change's hash");
  };
  if (mark.starts_with('#')) {
    if (mark.size() < 2 || mark.size() > 19 ||
        mark.find_first_not_of("0123456789", 1) != std::string::npos)
      return wrong("is no receipt");
    const std::uint64_t seq = std::stoull(mark.substr(1));
    std::erase_if(log.steps, [&](const ReplayStep& step) { return step.seq > seq; });
    return {};
  }
  if (is_hash_prefix(mark)) {
    const auto is_named = [&](const ReplayStep& step) {
      return step.kind == ReplayStep::Kind::kChange && step.hash.to_hex().starts_with(mark);
    };
    const auto found = std::ranges::find_if(log.steps, is_named);
    if (found == log.steps.end())
      return make_error(ErrorId::kRevNotFound, "the log has no change \"" + mark + "\"");
    if (std::any_of(found, log.steps.end(), [&](const ReplayStep& step) {
          return is_named(step) && step.hash != found->hash;
        }))
      return make_error(ErrorId::kRevAmbiguous,
                        "\"" + mark + "\" is the beginning of several changes' hashes");
    log.steps.erase(found + 1, log.steps.end());
    return {};
  }
  const auto time = parse_time(mark);
  if (!time) return wrong("is no mark");
  if (!log.is_recording) return wrong("is a time, and a stream of changes has none");
  std::erase_if(log.steps, [&](const ReplayStep& step) { return step.at_ms.value_or(0) > *time; });
  return {};
}

class Replay {
 public:
  explicit Replay(Session& session) : session_(session) {}

  Result<int> run() {
    const std::string file = session_.arg(0);
    std::optional<ExpectedDigest> expected;
    if (const auto from = session_.value("expect")) {
      auto read = read_expected_digest(*from);
      if (!read) return read.error();
      expected = std::move(*read);
    }
    const auto start = session_.clock().steady_now();
    auto log = read_log(file);
    if (!log) return log.error();
    const std::string until = session_.value("until").value_or("");
    const auto count = [](const std::vector<ReplayStep>& steps) {
      return static_cast<std::uint64_t>(
          std::ranges::count(steps, ReplayStep::Kind::kChange, &ReplayStep::kind));
    };
    const std::uint64_t all = count(log->steps);
    if (!until.empty())
      if (auto kept = keep_until(*log, until); !kept) return kept.error();
    const std::string& mark = log->digest;
    const std::vector<ReplayStep>& steps = log->steps;
    auto target = make_target();
    if (!target) return target.error();
    const auto read_at = session_.clock().steady_now();
    if (auto done = apply(**target, steps); !done) return done.error();
    const auto digest = (*target)->digest();
    if (!digest) return digest.error();
    const auto end = session_.clock().steady_now();
    const bool whole = done_ == all;
    json report = {{"kind", "ReplayReport"},
                   {"v", 1},
                   {"log", file},
                   {"into", session_.value("into") ? json(*session_.value("into")) : json()},
                   {"until", until.empty() ? json() : json(until)},
                   {"changes", done_},
                   {"changes_in_log", all},
                   {"complete", steps_ == steps.size()},
                   {"documents", digest->at("items").size()},
                   {"digest", field(*digest, "root")},
                   {"recorded_digest", mark.empty() ? json() : json(mark)},
                   {"items", digest->at("items")}};
    add_times(report, read_at - start, end - read_at);
    if (whole && !mark.empty() && mark != field(*digest, "root"))
      session_.out().warning("the documents differ from those that were recorded: the digest is " +
                             field(*digest, "root") + ", not " + mark);
    json comparison = expected ? compare_digest(*digest, adapted(*expected, *digest)) : json();
    report["expected"] = comparison;
    return print(report, comparison);
  }

 private:
  Result<Log> read_log(const std::string& file) {
    const auto content = read_input(file);
    if (!content) return content.error();
    return is_recording(*content) ? log_of_recording(session_, file, *content)
                                  : log_of_stream(file, *content);
  }

  Result<std::unique_ptr<ReplayTarget>> make_target() {
    if (const auto into = session_.value("into")) return replay_into_store(session_, *into);
    return replay_into_memory();
  }

  Result<void> apply(ReplayTarget& target, const std::vector<ReplayStep>& steps) {
    Progress progress(session_, "replay", "changes", steps.size());
    for (const ReplayStep& step : steps) {
      if (stopping()) break;
      if (session_.has_timeout() && session_.clock().steady_now() >= session_.deadline())
        return make_error(ErrorId::kTimeout,
                          "--timeout ran out after " + std::to_string(steps_) + " of " +
                              std::to_string(steps.size()) + " changes",
                          "give it longer, or less to do with --until");
      const auto before = session_.clock().steady_now();
      if (auto done = target.apply(step); !done) return done;
      const auto took = session_.clock().steady_now() - before;
      if (took > slowest_time_) {
        slowest_time_ = took;
        slowest_ = &step;
      }
      ++steps_;
      if (step.kind == ReplayStep::Kind::kChange) ++done_;
      progress.update(steps_);
    }
    // A change that waits for one the log does not have was never seen.
    return stopping() ? Result<void>() : target.finish();
  }

  void add_times(json& report, std::chrono::steady_clock::duration reading,
                 std::chrono::steady_clock::duration applying) const {
    const auto micros = std::chrono::duration_cast<microseconds>(applying).count();
    report["read_ms"] = std::chrono::duration_cast<milliseconds>(reading).count();
    report["elapsed_ms"] = std::chrono::duration_cast<milliseconds>(reading + applying).count();
    report["apply_us"] = micros;
    report["changes_per_second"] =
        micros > 0 ? done_ * 1'000'000 / static_cast<std::uint64_t>(micros) : 0;
    report["slowest"] = nullptr;
    if (slowest_ != nullptr && slowest_->kind == ReplayStep::Kind::kChange)
      report["slowest"] = {{"hash", slowest_->hash.to_hex()},
                           {"name", slowest_->name},
                           {"us", std::chrono::duration_cast<microseconds>(slowest_time_).count()}};
  }

  /// One document without an id is compared with the one that is expected, whatever it is called.
  static ExpectedDigest adapted(ExpectedDigest expected, const json& digest) {
    const json& items = digest.at("items");
    if (items.size() != 1 || expected.digests.size() != 1 || !field(items[0], "id").empty())
      return expected;
    std::string sum = std::move(expected.digests.begin()->second);
    expected.digests = {{field(items[0], "name"), std::move(sum)}};
    return expected;
  }

  Result<int> print(const json& report, const json& comparison) {
    const auto text = [&] {
      if (session_.out().quiet()) return comparison.is_null() ? "" : differences_text(comparison);
      const char* gap = session_.terminal().out_tty ? "  " : "\t";
      std::string out = "replayed" + (gap + std::to_string(done_));
      const std::uint64_t all = count_field(report, "changes_in_log");
      if (done_ < all) out += " of " + std::to_string(all);
      out += (all == 1 ? " change" : " changes") +
             (gap + counted(count_field(report, "documents"), "document")) + gap +
             field(report, "digest") + gap + human_duration(count_field(report, "elapsed_ms")) +
             gap + field(report, "changes_per_second") + "/s\n";
      return comparison.is_null() ? out : out + differences_text(comparison);
    };
    if (auto done = session_.out().result(report, {.text = text}); !done) return done.error();
    if (comparison.is_null() || stopping()) return control::exit_code::kOk;
    if (comparison["equal"]) session_.out().note("equal");
    return comparison["equal"] ? control::exit_code::kOk : control::exit_code::kNo;
  }

  Session& session_;
  std::uint64_t steps_ = 0;
  std::uint64_t done_ = 0;  ///< changes among them
  const ReplayStep* slowest_ = nullptr;
  std::chrono::steady_clock::duration slowest_time_{0};
};

}  // namespace

Result<int> run_replay(Session& session) {
  catch_signals(session);
  return Replay(session).run();
}

}  // namespace converge::cli
