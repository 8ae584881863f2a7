#include "cli/app/kinds.h"
#include "cli/commands/files.h"
#include "cli/commands/handlers.h"
#include "cli/output/text.h"
#include "core/base/limits.h"
#include "core/control/error_json.h"
#include "core/control/error_table.h"
#include "core/control/json_text.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <deque>
#include <fstream>
#include <iostream>
#include <memory>
#include <unistd.h>
#include <utility>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

constexpr long kInFlight = 64;
constexpr const char* kCaptured = "batch.captured";

/// Commands that are one request each, and whether later requests may depend on more of it than the
/// order in which one document's requests are carried out.
struct Allowed {
  std::string_view command;
  bool is_barrier;
};
constexpr std::array kAllowed{
    Allowed{"new", true},     Allowed{"get", false},    Allowed{"heads", false},
    Allowed{"set", false},    Allowed{"unset", false},  Allowed{"insert", false},
    Allowed{"incr", false},   Allowed{"splice", false}, Allowed{"patch", false},
    Allowed{"apply", false},  Allowed{"fork", true},    Allowed{"name set", true},
    Allowed{"name rm", true}, Allowed{"show", false},   Allowed{"diff", false}};

const Allowed* find_allowed(std::string_view command) {
  const auto* found = std::ranges::find(kAllowed, command, &Allowed::command);
  return found == kAllowed.end() ? nullptr : found;
}

/// Takes the request that a command makes instead of carrying it out.
class CaptureTarget final : public Target {
 public:
  Result<json> call(std::string_view method, const json& params) override {
    method_ = method;
    params_ = params;
    return Error{ErrorCode::kUnsupported, "taken for the batch", kCaptured};
  }
  std::string take_method() { return std::move(method_); }
  json take_params() { return std::move(params_); }

 private:
  std::string method_;
  json params_;
};

struct Request {
  json id;
  std::string method;
  json params;
  bool is_barrier = false;
};

bool is_flag(const std::string& word) {
  return word.size() > 1 && word[0] == '-' && !(word[1] >= '0' && word[1] <= '9');
}

/// The line's words as a command. Without flags this is cheap; with them the whole parser runs.
Result<Invocation> command_of(const std::vector<std::string>& words) {
  if (std::ranges::any_of(words, is_flag)) return parse_command_line(words);
  for (const std::size_t length : {std::size_t{2}, std::size_t{1}}) {
    if (words.size() < length) continue;
    const std::string name = length == 2 ? words[0] + " " + words[1] : words[0];
    const Command* command = find_command(name);
    if (command == nullptr || command->is_group) continue;
    return parse_plain(*command,
                       {words.begin() + static_cast<std::ptrdiff_t>(length), words.end()});
  }
  return parse_command_line(words);
}

Result<std::vector<std::string>> words_of(const json& line) {
  const auto wrong = [] {
    return make_error(ErrorId::kInputJson, "a line of a batch is {\"id\":ID,\"cmd\":[WORD,...]}",
                      "for example {\"id\":1,\"cmd\":[\"set\",\"todo/home\",\"/a\",\"1\"]}");
  };
  const auto cmd = line.is_object() ? line.find("cmd") : line.end();
  if (!line.is_object() || cmd == line.end() || !cmd->is_array() || cmd->empty()) return wrong();
  std::vector<std::string> words;
  for (const json& word : *cmd) {
    if (!word.is_string()) return wrong();
    words.push_back(word.get<std::string>());
  }
  return words;
}

/// One run of the command: lines in, answers out in the same order, several requests on their way.
class Batch {
 public:
  Batch(Session& session, client::DurableClient::Options options)
      : session_(session),
        in_flight_max_(
            static_cast<std::size_t>(session.invocation().number("parallel").value_or(kInFlight))),
        client_(std::move(options)) {}

  Result<int> run(std::istream& in) {
    std::string line;
    while (!stopped() && std::getline(in, line)) {
      if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
      if (auto done = take(line); !done) return done.error();
    }
    if (auto done = settle(0); !done) return done.error();
    if (failed_ == 0) return control::exit_code::kOk;
    return make_error(ErrorId::kPartial,
                      counted(failed_, "request") + " of " + std::to_string(answered_) + " failed");
  }

 private:
  struct Sent {
    Request request;
    std::shared_ptr<client::Client> connection;    ///< that it was sent on
    std::optional<client::Client::Ticket> ticket;  ///< nothing: not on the wire
    std::optional<Error> error;                    ///< never sent: what is wrong with it
  };

  bool stopped() const { return failed_ > 0 && !session_.has("keep-going"); }

  Result<void> take(const std::string& text) {
    Sent next;
    auto line = control::parse_json(text, "the line");
    if (line && line->is_object()) next.request.id = line->value("id", json());
    auto request = line ? request_of(*line) : Result<Request>(line.error());
    if (!request) {
      next.error = request.error();
    } else {
      next.request = std::move(*request);
      if (next.request.is_barrier)
        if (auto done = settle(0); !done || stopped()) return done;
      send(next);
    }
    const bool is_barrier = next.request.is_barrier;
    waiting_.push_back(std::move(next));
    return settle(is_barrier ? 0 : in_flight_max_ - 1);
  }

  Result<Request> request_of(const json& line) {
    auto words = words_of(line);
    if (!words) return words.error();
    auto invocation = command_of(*words);
    if (!invocation) return invocation.error();
    const std::string name = invocation->command == nullptr ? "" : invocation->command->name;
    const Allowed* allowed = find_allowed(name);
    if (allowed == nullptr || invocation->has("help"))
      return make_error(ErrorId::kUsageCommand,
                        "\"" + words->front() + "\" cannot stand in a batch",
                        "a batch takes new, get, heads, set, unset, insert, incr, splice, patch, "
                        "apply, fork, name, show and diff");
    if (!invocation->args(0).empty() && is_file_word(invocation->arg(0)))
      return make_error(ErrorId::kUsageArgument, "a batch works on the agent, not on files");
    auto target = std::make_unique<CaptureTarget>();
    CaptureTarget& taken = *target;
    Session one = session_.like(std::move(*invocation), std::move(target));
    const auto handler = find_handler(name);
    const auto exit = handler(one);
    if (exit) return make_error(ErrorId::kInternal, "\"" + name + "\" asked nobody");
    if (exit.error().id != kCaptured) return exit.error();
    Request request;
    request.id = line.value("id", json());
    request.method = taken.take_method();
    request.params = taken.take_params();
    request.is_barrier = allowed->is_barrier;
    return request;
  }

  /// Without a connection the request is carried out when its turn comes.
  void send(Sent& next) {
    const auto connected = client_.connect(session_.deadline());
    if (!connected) return;
    const Request& request = next.request;
    const auto ticket = (*connected)->send(request.method, request.params, session_.deadline());
    if (!ticket) return;
    next.connection = *connected;
    next.ticket = *ticket;
  }

  Result<json> answer_to(const Sent& sent) {
    if (sent.error) return *sent.error;
    const Request& request = sent.request;
    if (sent.ticket) {
      auto answer = sent.connection->wait(*sent.ticket, session_.deadline());
      const bool lost = !answer && control::is(answer.error(), ErrorId::kAgentUnreachable);
      if (!lost) return answer;
    }
    // Asked again, or queued: under its request id it is the same request.
    return client_.call(request.method, request.params, session_.deadline());
  }

  /// Answers the oldest requests until at most `left` are under way.
  Result<void> settle(std::size_t left) {
    while (waiting_.size() > left) {
      const Sent sent = std::move(waiting_.front());
      waiting_.pop_front();
      const auto answer = answer_to(sent);
      ++answered_;
      if (!answer) ++failed_;
      json line{
          {"kind", "BatchAnswer"}, {"v", 1}, {"id", sent.request.id}, {"ok", answer.has_value()}};
      if (answer)
        line["result"] = *answer;
      else
        line["error"] = control::to_json(answer.error());
      if (auto done = session_.out().data(control::to_compact(line) + "\n"); !done) return done;
    }
    return {};
  }

  Session& session_;
  const std::size_t in_flight_max_;
  client::DurableClient client_;
  std::deque<Sent> waiting_;
  std::uint64_t answered_ = 0;
  std::uint64_t failed_ = 0;
};

}  // namespace

Result<int> run_batch(Session& session) {
  if (!session.asks_agent())
    return make_error(ErrorId::kUsageFlag, "a batch needs an agent", "leave out --store");
  const std::string file = session.value("file").value_or("-");
  auto options = session.client_options();
  if (!options) return options.error();
  Batch batch(session, std::move(*options));
  if (file != "-") {
    std::ifstream in(file);
    if (!in) return make_error(ErrorId::kInputFile, "the file \"" + file + "\" cannot be read");
    return batch.run(in);
  }
  if (!session.has("file") && session.terminal().in_tty)
    return make_error(ErrorId::kUsageArgument, "\"batch\" reads requests, and stdin is a terminal",
                      "give a file with -f FILE, or say \"-f -\"");
  std::ios::sync_with_stdio(false);
  return batch.run(std::cin);
}

}  // namespace converge::cli
