#include "cli/app/kinds.h"
#include "cli/commands/files.h"
#include "cli/commands/handlers.h"
#include "cli/commands/render.h"
#include "cli/commands/store_target.h"
#include "cli/output/text.h"
#include "core/control/error_table.h"
#include "core/control/json_text.h"
#include "core/model/document_id.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string_view>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

struct Entry {
  std::string name;
  std::string digest;
};

/// One of the two things compared: where its documents are, and their digests
/// by id. A file is one document, whose key is empty, so that two files meet.
class Side {
 public:
  static Result<Side> read(Session &session, const std::string &word) {
    Side side;
    side.word_ = word;
    Result<void> done;
    if (word == ".") {
      auto replica = session.replica();
      if (!replica) return replica.error();
      side.target_ = *replica;
      done = side.ask_digests();
    } else if (word.starts_with("store:")) {
      auto store = open_store_target(word.substr(6), session.clock(), session.deadline());
      if (!store) return store.error();
      side.store_ = std::move(*store);
      side.target_ = side.store_.get();
      done = side.ask_digests();
    } else if (word.starts_with("peer:")) {
      auto replica = session.replica();
      if (!replica) return replica.error();
      const auto digest = (*replica)->call("peer.digest", {{"peer", word.substr(5)}});
      if (!digest) return digest.error();
      done = side.take(*digest, word);
    } else if (word.starts_with("digest:")) {
      done = side.read_digests(word.substr(7));
    } else if (is_file_word(word)) {
      side.target_ = &session.files();
      done = side.read_document();
    } else {
      return make_error(ErrorId::kUsageArgument, "\"" + word + "\" is no side of a comparison",
                        "write \".\", peer:NAME, store:DIR, digest:FILE, or a file such "
                        "as ./a.automerge");
    }
    if (!done) return done.error();
    return side;
  }

  const std::map<std::string, Entry> &documents() const { return documents_; }
  const std::string &word() const { return word_; }

  /// Hashes of the document's changes; nothing where only digests are known.
  /// Errors: those of reading.
  Result<std::optional<std::set<std::string>>> changes(const std::string &id) const {
    if (target_ == nullptr) return std::optional<std::set<std::string>>();
    const auto log = target_->call("doc.log", {{"doc", id.empty() ? word_ : id}});
    if (!log) return log.error();
    std::set<std::string> out;
    for (const json &change : log->at("items")) out.insert(field(change, "hash"));
    return std::optional<std::set<std::string>>(std::move(out));
  }

 private:
  Result<void> ask_digests() {
    const auto digest = target_->call("doc.digest", {{"patterns", json::array()}});
    if (!digest) return digest.error();
    return take(*digest, word_);
  }

  Result<void> read_document() {
    const auto digest = target_->call("doc.digest", {{"patterns", json::array({word_})}});
    if (!digest) return digest.error();
    documents_[""] = {word_, field(digest->at("items").at(0), "digest")};
    return {};
  }

  Result<void> read_digests(const std::string &file) {
    auto content = read_input(file);
    if (!content) return content.error();
    const auto object = control::parse_json(*content, "the file \"" + file + "\"");
    if (object) return take(*object, file);
    for (std::string_view rest = *content; !rest.empty();) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(rest.size(), line.size() + 1));
      if (line.empty()) continue;
      // As "digest" prints them: digest, id, name.
      const std::size_t first = line.find('\t');
      const std::size_t second = line.find('\t', first == line.npos ? first : first + 1);
      const std::string id(first == line.npos ? "" : line.substr(first + 1, second - first - 1));
      if (first != 64 || !DocumentId::parse(id))
        return make_error(ErrorId::kInputFile, "the file \"" + file + "\" is not a digest",
                          "make it with \"syncctl digest\", without --root and --state");
      const std::string name(second == line.npos ? "" : line.substr(second + 1));
      documents_[id] = {name.empty() ? id : name, std::string(line.substr(0, first))};
    }
    return {};
  }

  Result<void> take(const json &digest, const std::string &from) {
    if (field(digest, "kind") != "Digest" || !digest.contains("items") ||
        !digest["items"].is_array())
      return make_error(ErrorId::kInputFile, "\"" + from + "\" holds no digests of documents",
                        "make it with \"syncctl digest -o json\", without --root");
    if (field(digest, "over") != "history")
      return make_error(ErrorId::kInputFile, "\"" + from + "\" holds digests of values",
                        "compare wants those of history: leave out --state");
    for (const json &item : digest["items"]) {
      const std::string id = field(item, "id");
      documents_[id] = {name_or_id(item), field(item, "digest")};
    }
    return {};
  }

  std::string word_;
  std::unique_ptr<Target> store_;
  Target *target_ = nullptr;
  std::map<std::string, Entry> documents_;
};

class Comparison {
 public:
  Comparison(Session &session, const Side &left, const Side &right)
      : session_(session), left_(left), right_(right) {}

  void run() {
    for (const auto &[id, entry] : left_.documents()) {
      const auto other = right_.documents().find(id);
      if (other == right_.documents().end())
        add("only_left", id, entry.name);
      else if (entry.digest.empty() || other->second.digest.empty())
        add("error", id, entry.name);
      else
        add(entry.digest == other->second.digest ? "same" : "differ", id, entry.name);
    }
    for (const auto &[id, entry] : right_.documents())
      if (!left_.documents().contains(id)) add("only_right", id, entry.name);
    std::ranges::stable_sort(
        items_, [](const json &a, const json &b) { return field(a, "name") < field(b, "name"); });
  }

  json report() const {
    json differing = json::array();
    for (const json &item : items_)
      if (field(item, "state") != "same") differing.push_back(item);
    return {{"kind", "CompareReport"},      {"v", 1},           {"left", left_.word()},
            {"right", right_.word()},       {"equal", equal()}, {"counts", counts_},
            {"items", std::move(differing)}};
  }

  bool equal() const {
    const bool missing = count_field(counts_, "only_right") > 0 && !session_.has("one-way");
    return !missing && count_field(counts_, "only_left") == 0 &&
           count_field(counts_, "differ") == 0 && count_field(counts_, "error") == 0;
  }

  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const json &item : items_)
      if (field(item, "state") != "same") out.push_back(field(item, "name"));
    return out;
  }

  std::string lines(bool all) const {
    static const std::map<std::string, std::string> kSigns = {
        {"same", "="}, {"only_left", "<"}, {"only_right", ">"}, {"differ", "*"}, {"error", "!"}};
    std::string out;
    for (const json &item : items_) {
      const std::string state = field(item, "state");
      if (state == "same" && !all) continue;
      out += kSigns.at(state) + " " + printable(field(item, "name")) + "\n";
      for (const auto &[key, sign] : {std::pair{"only_left", "<"}, std::pair{"only_right", ">"}})
        if (!all)
          for (const json &hash : item.value(key, json::array()))
            out += "    " + std::string(sign) + " " + hash.get<std::string>() + "\n";
    }
    return out;
  }

 private:
  void add(std::string state, const std::string &id, const std::string &name) {
    json item = {{"id", id.empty() ? json() : json(id)}, {"name", name}};
    if (state == "error")
      item["error"] = "the peer has not said what it has of it";
    else if (state != "same" && session_.has("deep") && !compare_changes(item, state, id))
      state = "error";
    item["state"] = state;
    counts_[state] = count_field(counts_, state) + 1;
    items_.push_back(std::move(item));
  }

  /// False: a side could not be read; the item says why.
  bool compare_changes(json &item, const std::string &state, const std::string &id) const {
    std::set<std::string> sets[2];
    bool known = true;
    for (const bool right : {false, true}) {
      if (state == (right ? "only_left" : "only_right")) continue;
      auto changes = (right ? right_ : left_).changes(id);
      if (!changes) {
        item["error"] = changes.error().message;
        return false;
      }
      known = known && changes->has_value();
      if (*changes) sets[right ? 1 : 0] = std::move(**changes);
    }
    if (!known) return true;
    json only_left = json::array();
    json only_right = json::array();
    std::ranges::set_difference(sets[0], sets[1], std::back_inserter(only_left));
    std::ranges::set_difference(sets[1], sets[0], std::back_inserter(only_right));
    item["only_left"] = std::move(only_left);
    item["only_right"] = std::move(only_right);
    return true;
  }

  Session &session_;
  const Side &left_;
  const Side &right_;
  std::vector<json> items_;
  json counts_ = {{"same", 0}, {"only_left", 0}, {"only_right", 0}, {"differ", 0}, {"error", 0}};
};

}  // namespace

Result<int> run_compare(Session &session) {
  const auto left = Side::read(session, session.arg(0));
  if (!left) return left.error();
  const auto right = Side::read(session, session.arg(1));
  if (!right) return right.error();
  Comparison comparison(session, *left, *right);
  comparison.run();
  const auto combined = session.value("combined");
  if (combined == "-") {
    if (auto done = session.out().data(comparison.lines(true)); !done) return done.error();
  } else {
    if (combined)
      if (auto done =
              write_file(*combined, comparison.lines(true), {.replace = session.has("force")});
          !done)
        return done.error();
    const auto done =
        session.out().result(comparison.report(), {.text = [&] { return comparison.lines(false); },
                                                   .names = [&] { return comparison.names(); }});
    if (!done) return done.error();
  }
  if (comparison.equal()) session.out().note("equal");
  return comparison.equal() ? control::exit_code::kOk : control::exit_code::kNo;
}

}  // namespace converge::cli
