#include "core/control/rpc.h"

#include "core/control/error_table.h"
#include "core/control/json_text.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <string>

namespace converge::control {
namespace {

using nlohmann::json;

TEST_CASE("a request is read as it was written", "[control]") {
  const std::string line = encode_request(RequestId(std::int64_t{7}), "doc.get", {{"doc", "a\nb"}});

  REQUIRE(line.back() == '\n');
  CHECK(line.find('\n') == line.size() - 1);
  const auto parsed = parse_request(std::string_view(line).substr(0, line.size() - 1));
  const auto* request = std::get_if<Request>(&parsed);
  REQUIRE(request != nullptr);
  CHECK(request->id == RequestId(std::int64_t{7}));
  CHECK(request->method == "doc.get");
  CHECK((*request->params)["doc"] == "a\nb");
}

TEST_CASE("a request that cannot be read says why and keeps its id", "[control]") {
  struct Row {
    const char* line;
    bool has_id;
  };
  const Row rows[] = {
      {"", false},
      {"{", false},
      {"[]", false},
      {"3", false},
      {R"({"id":1,"method":"m"})", true},
      {R"({"jsonrpc":"1.0","id":1,"method":"m"})", true},
      {R"({"jsonrpc":"2.0","id":1})", true},
      {R"({"jsonrpc":"2.0","id":1,"method":3})", true},
      {R"({"jsonrpc":"2.0","id":1,"method":"m","params":[1]})", true},
      {R"({"jsonrpc":"2.0","id":1,"method":"m","params":{"n":99999999999999999999}})", true},
      {R"({"jsonrpc":"2.0","id":1.5,"method":"m"})", false},
      {R"({"jsonrpc":"2.0","id":{},"method":"m"})", false},
  };
  for (const Row& row : rows) {
    INFO(row.line);
    const auto parsed = parse_request(row.line);
    const auto* bad = std::get_if<BadRequest>(&parsed);
    REQUIRE(bad != nullptr);
    CHECK(exit_code_of(bad->error) == exit_code::kUsage);
    CHECK(bad->id.has_value() == row.has_id);
  }
}

TEST_CASE("a request may leave out params and id", "[control]") {
  const auto parsed = parse_request(R"({"jsonrpc":"2.0","method":"agent.status"})");

  const auto* request = std::get_if<Request>(&parsed);
  REQUIRE(request != nullptr);
  CHECK_FALSE(request->id.has_value());
  CHECK(request->params->is_object());
}

TEST_CASE("answers and notifications are told apart", "[control]") {
  const auto strip = [](std::string line) { return line.substr(0, line.size() - 1); };
  const auto result = parse_reply(strip(encode_result(RequestId(std::string("a")), {{"x", 1}})));
  const auto error = parse_reply(
      strip(encode_error(RequestId(std::int64_t{2}), make_error(ErrorId::kDocNotFound, "gone"))));
  const auto event = parse_reply(strip(encode_notification("event", {{"subscription", 1}})));

  REQUIRE(result);
  const auto* answer = std::get_if<Response>(&*result);
  REQUIRE(answer != nullptr);
  CHECK(answer->id == RequestId(std::string("a")));
  CHECK((*answer->result)["x"] == 1);
  REQUIRE(error);
  const auto* failure = std::get_if<Response>(&*error);
  REQUIRE(failure != nullptr);
  REQUIRE(failure->error);
  CHECK(is(*failure->error, ErrorId::kDocNotFound));
  REQUIRE(event);
  CHECK(std::holds_alternative<Notification>(*event));
}

TEST_CASE("a reply that is no JSON-RPC message is an internal error", "[control]") {
  for (const char* line : {"", "null", "{}", R"({"jsonrpc":"2.0","id":1})", "HTTP/1.1 400"}) {
    INFO(line);
    const auto reply = parse_reply(line);
    REQUIRE_FALSE(reply);
    CHECK(is(reply.error(), ErrorId::kInternal));
  }
}

TEST_CASE("lines come out whole however the bytes arrive", "[control]") {
  const std::string stream = "one\ntwo\r\n\nthree";
  for (std::size_t step = 1; step <= stream.size(); ++step) {
    LineSplitter splitter;
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < stream.size(); at += step) {
      splitter.feed(std::string_view(stream).substr(at, step));
      while (true) {
        auto line = splitter.next();
        REQUIRE(line);
        if (!*line) break;
        lines.push_back(**line);
      }
    }
    CHECK(lines == std::vector<std::string>{"one", "two", ""});
  }
}

TEST_CASE("a line at the limit passes, one byte more does not", "[control]") {
  LineSplitter splitter(4);
  splitter.feed("1234\n12345");

  const auto first = splitter.next();
  REQUIRE(first);
  CHECK(*first == "1234");
  const auto second = splitter.next();
  REQUIRE_FALSE(second);
  CHECK(is(second.error(), ErrorId::kInputTooLarge));
}

TEST_CASE("text that is not JSON is told with line and column", "[control]") {
  const auto parsed = parse_json("{\n  \"a\": milk\n}", "the file \"x\"");

  REQUIRE_FALSE(parsed);
  CHECK(is(parsed.error(), ErrorId::kInputJson));
  CHECK(parsed.error().message == "the file \"x\" is not JSON at line 2, column 8");
}

TEST_CASE("nesting is bounded", "[control]") {
  const auto nested = [](int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']');
  };
  CHECK(parse_json(nested(limits::kJsonDepthMax), "x"));
  const auto deeper = parse_json(nested(limits::kJsonDepthMax + 1), "x");
  REQUIRE_FALSE(deeper);
  CHECK(is(deeper.error(), ErrorId::kLimitExceeded));
  CHECK(parse_json("\"" + std::string(500, '[') + "\"", "x"));  // inside a string it is text
}

}  // namespace
}  // namespace converge::control
