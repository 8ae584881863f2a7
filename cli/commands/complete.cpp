#include "cli/app/kinds.h"
#include "cli/app/settings.h"
#include "cli/commands/handlers.h"
#include "cli/commands/render.h"
#include "cli/output/text.h"
#include "cli/reference/help.h"
#include "core/control/error_table.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace converge::cli {
namespace {

using nlohmann::json;

/// How long the agent may take before a shell gets no candidates.
constexpr std::chrono::milliseconds kAgentLimit{150};

struct Candidate {
  std::string word;
  std::string text = {};
};

/// The line so far, taken apart as far as it can be without being whole.
struct Line {
  const Command* command = nullptr;
  std::size_t position = 0;        ///< arguments before the current word
  std::vector<std::string> words;  ///< those arguments
  const Flag* waiting = nullptr;   ///< the flag whose value the current word is
  std::string current;
};

const Flag* find_flag(const std::vector<Flag>& flags, const std::string& word) {
  for (const Flag& flag : flags)
    if (word == std::string("--") + flag.name ||
        (flag.letter != 0 && word == std::string("-") + flag.letter))
      return &flag;
  return nullptr;
}

class Completer {
 public:
  explicit Completer(Session& session) : session_(session) {
    const auto& words = session.args(0);
    flags_.assign(global_flags().begin(), global_flags().end());
    for (std::size_t i = 0; i + 1 < words.size(); ++i) take(words[i]);
    if (!words.empty()) line_.current = words.back();
  }

  std::vector<Candidate> candidates() {
    if (line_.waiting != nullptr) return of_kind(line_.waiting->kind, line_.waiting->choices);
    if (line_.current.starts_with("-") && line_.current != "-") return flags();
    if (line_.command == nullptr || line_.command->is_group) return children();
    const auto& args = line_.command->args;
    if (args.empty()) return {};
    const std::size_t last = args.size() - 1;
    if (line_.position > last && !args[last].repeats) return {};
    const Arg& arg = args[std::min(line_.position, last)];
    return of_kind(arg.kind, arg.choices);
  }

 private:
  void take(const std::string& word) {
    if (line_.waiting != nullptr) {
      line_.waiting = nullptr;
      return;
    }
    if (word.starts_with("-") && word != "-") {
      const Flag* flag = find_flag(flags_, word);
      line_.waiting = flag != nullptr && flag->value != nullptr ? flag : nullptr;
      return;
    }
    const std::string longer =
        line_.command != nullptr ? std::string(line_.command->name) + " " + word : word;
    const Command* next =
        line_.command == nullptr || line_.command->is_group ? find_command(longer) : nullptr;
    if (next != nullptr) {
      line_.command = next;
      flags_.assign(global_flags().begin(), global_flags().end());
      const auto own = flags_of(*next);
      flags_.insert(flags_.end(), own.begin(), own.end());
      return;
    }
    ++line_.position;
    line_.words.push_back(word);
  }

  std::vector<Candidate> flags() const {
    std::vector<Candidate> out;
    for (const Flag& flag : flags_) out.push_back({std::string("--") + flag.name, flag.help});
    return out;
  }

  std::vector<Candidate> children() const {
    std::vector<Candidate> out;
    if (line_.command == nullptr) {
      for (const Command* command : top_commands())
        out.push_back({command->name, command->summary});
      return out;
    }
    for (const Command* command : subcommands_of(*line_.command)) {
      const std::string_view name = command->name;
      out.push_back({std::string(name.substr(name.find(' ') + 1)), command->summary});
    }
    return out;
  }

  std::vector<Candidate> from_list(const char* method, const json& params, const char* key,
                                   const char* other) {
    std::vector<Candidate> out;
    const auto list = session_.ask(method, params);
    if (!list) return out;
    for (const json& item : list->value("items", json::array())) {
      const std::string word = field(item, key).empty() ? field(item, other) : field(item, key);
      if (!word.empty()) out.push_back({word});
    }
    return out;
  }

  /// Pointers below what is typed, one level.
  std::vector<Candidate> pointers() {
    std::vector<Candidate> out;
    if (line_.words.empty()) return out;
    const std::size_t slash = line_.current.rfind('/');
    const std::string parent = slash == std::string::npos ? "" : line_.current.substr(0, slash);
    const std::string doc = session_.document(line_.words.front());
    const auto answer = session_.ask_for(doc, "doc.get", {{"doc", doc}, {"pointer", parent}});
    if (!answer || !answer->contains("value")) return out;
    const json& value = (*answer)["value"];
    if (value.is_object()) {
      for (const auto& [key, inside] : value.items()) {
        std::string part;
        for (const char c : key)
          part += c == '~' ? std::string("~0") : c == '/' ? std::string("~1") : std::string(1, c);
        out.push_back({parent + "/" + part});
      }
    } else if (value.is_array()) {
      for (std::size_t i = 0; i < std::min<std::size_t>(value.size(), 200); ++i)
        out.push_back({parent + "/" + std::to_string(i)});
    }
    return out;
  }

  std::vector<Candidate> of_kind(Kind kind, const std::vector<const char*>& choices) {
    std::vector<Candidate> out;
    switch (kind) {
      case Kind::kEnum:
        for (const char* choice : choices) out.push_back({choice});
        return out;
      case Kind::kFormat:
        for (const char* word : {"text", "wide", "json", "ndjson", "csv", "name", "jsonpath="})
          out.push_back({word});
        return out;
      case Kind::kCondition:
        for (const char* word :
             {"ready", "durable", "synced", "converged", "idle", "heads=", "value="})
          out.push_back({word});
        return out;
      case Kind::kDoc:
      case Kind::kDocRev:
      case Kind::kPattern:
      case Kind::kChange:
        return from_list("doc.list", {{"patterns", json::array()}, {"limit", 1000}}, "name", "id");
      case Kind::kName:
        return from_list("name.list", json::object(), "name", "id");
      case Kind::kPeer:
        return from_list("peer.list", json::object(), "name", "key");
      case Kind::kConflict:
        return from_list("conflict.list", {{"state", "all"}}, "id", "id");
      case Kind::kPointer:
        return pointers();
      case Kind::kKey:
        for (const SettingSpec& spec : setting_table()) out.push_back({spec.key, spec.help});
        return out;
      case Kind::kContext:
        for (const auto& [name, context] : session_.settings().contexts()) out.push_back({name});
        return out;
      case Kind::kTopic:
        for (const Command* command : top_commands())
          out.push_back({command->name, command->summary});
        for (const Topic& topic : topics()) out.push_back({topic.name, topic.summary});
        return out;
      default:
        return out;
    }
  }

  Session& session_;
  std::vector<Flag> flags_;
  Line line_;
};

}  // namespace

/// Prints nothing on failure; a shell in the middle of a line is no place for messages.
Result<int> run_complete(Session& session) {
  session.limit(kAgentLimit);
  const std::string current = session.args(0).empty() ? "" : session.args(0).back();
  std::string out;
  for (const Candidate& candidate : Completer(session).candidates()) {
    if (!candidate.word.starts_with(current)) continue;
    out += printable(candidate.word);
    if (!candidate.text.empty()) out += "\t" + candidate.text;
    out += "\n";
  }
  if (auto done = session.out().data(out); !done) return done.error();
  return control::exit_code::kOk;
}

}  // namespace converge::cli
