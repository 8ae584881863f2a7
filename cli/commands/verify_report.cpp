#include "cli/commands/verify_report.h"

#include "cli/commands/files.h"
#include "cli/commands/interrupt.h"
#include "cli/commands/render.h"
#include "cli/commands/version.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"
#include "core/control/json_text.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;
namespace fs = std::filesystem;

json hashes_json(const std::vector<ChangeHash>& hashes) {
  json out = json::array();
  for (const ChangeHash& hash : hashes) out.push_back(hash.to_hex());
  return out;
}

/// The changes of one replica that ends at `head`, in an order that can be read back.
Bytes ancestors_of(const verify::ChangeSet& changes, std::uint32_t head) {
  std::vector<bool> wanted(changes.size());
  wanted[head] = true;
  for (std::uint32_t i = head + 1; i-- > 0;)
    if (wanted[i])
      for (const std::uint32_t dep : changes.at(i).deps) wanted[dep] = true;
  Bytes out;
  for (std::uint32_t i = 0; i < changes.size(); ++i)
    if (wanted[i]) out.insert(out.end(), changes.at(i).chunk.begin(), changes.at(i).chunk.end());
  return out;
}

std::vector<std::uint32_t> heads_of(const verify::ChangeSet& changes) {
  std::vector<bool> has_dependent(changes.size());
  for (std::uint32_t i = 0; i < changes.size(); ++i)
    for (const std::uint32_t dep : changes.at(i).deps) has_dependent[dep] = true;
  std::vector<std::uint32_t> out;
  for (std::uint32_t i = 0; i < changes.size(); ++i)
    if (!has_dependent[i]) out.push_back(i);
  return out;
}

/// Only files that an earlier run put there go.
Result<void> clear(const fs::path& directory, bool force) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.ends_with(".automerge") && name != "case.json") continue;
    if (!force)
      return make_error(ErrorId::kOutputExists,
                        "the directory " + directory.string() + " holds a counter-example already",
                        "replace it with --force");
    fs::remove(entry.path(), error);
  }
  return {};
}

}  // namespace

std::string shell_word(const std::string& word) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:=@%+,-";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

VerifyReport::VerifyReport(Session& session, std::uint64_t seed, std::string flags)
    : session_(session),
      flags_(std::move(flags)),
      object_(std::make_unique<json>()),
      report_(*object_),
      start_(session.clock().steady_now()) {
  report_ = {{"kind", "ConvergenceReport"},
             {"v", 1},
             {"ok", true},
             {"seed", seed},
             {"replicas", 0},
             {"documents", 0},
             {"changes", 0},
             {"concurrent", 0},
             {"orders", {{"mode", "all"}, {"possible", 0}, {"run", 0}}},
             {"properties", json::array()},
             {"counterexamples", json::array()}};
  suite_.name = "syncctl.convergence";
}

VerifyReport::~VerifyReport() = default;

void VerifyReport::inputs(const VerifyInputs& inputs) {
  report_["replicas"] = inputs.replicas;
  many_ = inputs.documents.size() > 1;
}

void VerifyReport::count_property(const verify::PropertyResult& property) {
  json& all = report_["properties"];
  auto found =
      std::ranges::find_if(all, [&](const json& known) { return known["name"] == property.name; });
  if (found == all.end()) {
    all.push_back({{"name", property.name}, {"ok", true}, {"cases", 0}, {"failed", 0}});
    found = all.end() - 1;
  }
  (*found)["ok"] = (*found)["ok"].get<bool>() && property.ok;
  (*found)["cases"] = count_field(*found, "cases") + property.cases;
  (*found)["failed"] = count_field(*found, "failed") + property.failed;
}

Result<void> VerifyReport::add(const VerifySubject& subject, verify::ConvergenceReport result) {
  report_["ok"] = report_["ok"].get<bool>() && result.ok;
  const auto raise = [](json& object, const char* key, std::uint64_t by) {
    object[key] = count_field(object, key) + by;
  };
  raise(report_, "documents", 1);
  raise(report_, "changes", result.changes);
  raise(report_, "concurrent", result.concurrent);
  raise(report_["orders"], "possible", result.orders_possible);
  raise(report_["orders"], "run", result.orders_run);
  if (!result.all_orders) report_["orders"]["mode"] = "random";
  timed_out_ = timed_out_ || result.timed_out;
  for (const verify::PropertyResult& property : result.properties) {
    count_property(property);
    TestCase test{subject.name,
                  property.name,
                  TestCase::Result::kPassed,
                  {},
                  {},
                  static_cast<std::uint64_t>(property.elapsed.count())};
    const auto example = std::ranges::find(result.counter_examples, property.name,
                                           &verify::CounterExample::property);
    if (!property.ok && example != result.counter_examples.end()) {
      auto shown = counter_example(subject, *example);
      if (!shown) return shown.error();
      test.result = TestCase::Result::kFailed;
      test.message = "expected " + example->expected + ", got " + example->got;
      test.detail = control::to_pretty(*shown) + "\nrepeat: " + field(*shown, "repeat") + "\n";
      report_["counterexamples"].push_back(std::move(*shown));
    }
    suite_.cases.push_back(std::move(test));
  }
  return {};
}

Result<json> VerifyReport::counter_example(const VerifySubject& subject,
                                           const verify::CounterExample& example) {
  json changes = json::array();
  for (std::uint32_t i = 0; i < example.changes.size(); ++i)
    changes.push_back(example.changes.at(i).hash.to_hex());
  json state = json::parse(example.state, nullptr, false);
  if (state.is_discarded()) state = example.state;
  json shown = {{"property", example.property},  {"document", subject.name},
                {"changes", std::move(changes)}, {"order", hashes_json(example.order)},
                {"expected", example.expected},  {"got", example.got},
                {"state", std::move(state)},     {"artifacts", nullptr}};
  std::string inputs;
  for (const std::string& word : session_.args(0)) inputs += " " + shell_word(word);
  if (session_.has("artifacts")) {
    const auto directory = write_artifacts(subject, example, shown);
    if (!directory) return directory.error();
    shown["artifacts"] = *directory;
    inputs = " " + shell_word(*directory) + "/*.automerge";
  }
  shown["repeat"] = "syncctl verify convergence" + inputs + flags_;
  return shown;
}

/// One file a head, so that the directory's files are the replicas that disagree.
Result<std::string> VerifyReport::write_artifacts(const VerifySubject& subject,
                                                  const verify::CounterExample& example,
                                                  const json& shown) {
  fs::path directory = *session_.value("artifacts");
  if (many_) directory /= file_name_of(subject.name);
  std::string property = example.property;
  std::ranges::replace(property, ':', '-');
  directory /= property;
  std::error_code error;
  fs::create_directories(directory, error);
  if (!fs::is_directory(directory, error))
    return make_error(ErrorId::kOutputExists, "\"" + directory.string() + "\" is not a directory");
  if (auto cleared = clear(directory, session_.has("force")); !cleared) return cleared.error();
  std::size_t number = 0;
  for (const std::uint32_t head : heads_of(example.changes)) {
    const std::string name = std::to_string(++number) + "-" +
                             example.changes.at(head).hash.to_hex().substr(0, 12) + ".automerge";
    const Bytes bytes = ancestors_of(example.changes, head);
    if (auto done = write_file(directory / name, as_text(bytes)); !done) return done.error();
  }
  if (auto done = write_file(directory / "case.json", control::to_pretty(shown) + "\n"); !done)
    return done.error();
  return directory.string();
}

Error VerifyReport::unreadable(const Error& error) {
  suite_.cases.push_back({"inputs", "read", TestCase::Result::kUnreadable,
                          error.message.substr(0, error.message.find('\n')), error.message + "\n"});
  // The error that is reported is the input's, even where the report cannot be written either.
  if (auto written = write_files(); !written) session_.out().warning(written.error().message);
  return error;
}

Result<void> VerifyReport::write_files() {
  suite_.properties = {{"seed", field(report_, "seed")},
                       {"orders", field(report_["orders"], "mode")},
                       {"version", kVersion}};
  const bool force = session_.has("force");
  if (const auto file = session_.value("junit"))
    if (auto done = write_file(*file, to_junit(suite_), {.replace = force}); !done) return done;
  if (const auto file = session_.value("tap"))
    if (auto done = *file == "-" ? session_.out().data(to_tap(suite_))
                                 : write_file(*file, to_tap(suite_), {.replace = force});
        !done)
      return done;
  return {};
}

std::string VerifyReport::text() const {
  const bool color = session_.terminal().color_out;
  const json& orders = report_["orders"];
  std::string out = counted(count_field(report_, "documents"), "document") + ", " +
                    counted(count_field(report_, "replicas"), "replica") + ", " +
                    counted(count_field(report_, "changes"), "change") + ", " +
                    field(report_, "concurrent") + " concurrent; " +
                    counted(count_field(orders, "run"),
                            field(orders, "mode") == "all" ? "order" : "random order") +
                    (field(orders, "mode") == "all" ? ", all there are" : "") + "; seed " +
                    field(report_, "seed") + "\n";
  for (const json& property : report_["properties"]) {
    const bool ok = property["ok"].get<bool>();
    out += painted(ok ? Paint::kGreen : Paint::kRed, ok ? "ok     " : "FAILED ", color) +
           printable(field(property, "name")) + "  " +
           counted(count_field(property, "cases"), "case");
    if (!ok) out += ", " + field(property, "failed") + " failed";
    out += "\n";
  }
  for (const json& example : report_["counterexamples"]) {
    out += "\n" + painted(Paint::kBold, printable(field(example, "property")), color) + " of " +
           printable(field(example, "document")) + " fails with " +
           counted(example["changes"].size(), "change") + ":\n";
    for (const json& hash : example["order"]) out += "  " + hash.get<std::string>() + "\n";
    out += "expected: " + printable(field(example, "expected")) + "\n";
    out += "got:      " + printable(field(example, "got")) + "\n";
    out += "state:    " + printable(field(example, "state")) + "\n";
    out += "repeat:   " + printable(field(example, "repeat")) + "\n";
  }
  return out;
}

Result<int> VerifyReport::finish() {
  const auto elapsed = session_.clock().steady_now() - start_;
  report_["elapsed_ms"] = std::chrono::duration_cast<std::chrono::milliseconds>(elapsed).count();
  report_["timed_out"] = timed_out_;
  if (auto written = write_files(); !written) return written.error();
  const bool tap_on_stdout = session_.value("tap") == "-";
  if (!tap_on_stdout)
    if (auto done = session_.out().result(report_, {.text = [this] { return text(); }}); !done)
      return done.error();
  if (stopping())
    session_.out().note("stopped: not every order was tried");
  else if (timed_out_)
    session_.out().note("--max-time ran out: not every order was tried");
  return report_["ok"].get<bool>() ? control::exit_code::kOk : control::exit_code::kNo;
}

}  // namespace converge::cli
