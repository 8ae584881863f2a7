#include "core/control/rpc.h"

#include "core/control/error_json.h"
#include "core/control/error_table.h"
#include "core/control/json_text.h"

#include <nlohmann/json.hpp>

#include <utility>

namespace converge::control {
namespace {

using nlohmann::json;

json id_json(const std::optional<RequestId>& id) {
  if (!id) return nullptr;
  return std::visit([](const auto& value) { return json(value); }, *id);
}

std::optional<RequestId> read_id(const json& message) {
  const auto found = message.find("id");
  if (found == message.end()) return std::nullopt;
  if (found->is_number_integer()) return RequestId(found->get<std::int64_t>());
  if (found->is_string()) return RequestId(found->get<std::string>());
  return std::nullopt;
}

BadRequest bad(std::optional<RequestId> id, const std::string& message) {
  return {std::move(id), make_error(ErrorId::kUsageArgument, message)};
}

json envelope() { return {{"jsonrpc", "2.0"}}; }

std::shared_ptr<const json> share(json value) {
  return std::make_shared<const json>(std::move(value));
}

Error bad_reply(std::string_view line) {
  return make_error(ErrorId::kInternal, "the agent's answer is not a JSON-RPC message: " +
                                            std::string(line.substr(0, 200)));
}

}  // namespace

std::string encode_request(const RequestId& id, std::string_view method, const json& params) {
  json message = envelope();
  message["id"] = id_json(id);
  message["method"] = method;
  message["params"] = params;
  return to_compact(message) + "\n";
}

// Written around the result, which may be large, instead of copying it into the message.
std::string encode_result(const std::optional<RequestId>& id, const json& result) {
  return R"({"id":)" + to_compact(id_json(id)) + R"(,"jsonrpc":"2.0","result":)" +
         to_compact(result) + "}\n";
}

std::string encode_error(const std::optional<RequestId>& id, const Error& error) {
  json message = envelope();
  message["id"] = id_json(id);
  json data = to_json(error);
  message["error"] = {{"code", data["exit"]}, {"message", data["message"]}, {"data", data}};
  return to_compact(message) + "\n";
}

std::string encode_notification(std::string_view method, const json& params) {
  json message = envelope();
  message["method"] = method;
  message["params"] = params;
  return to_compact(message) + "\n";
}

std::variant<Request, BadRequest> parse_request(std::string_view line) {
  auto parsed = parse_json(line, "the request");
  if (!parsed) {
    const json legible = json::parse(line, nullptr, false);
    return BadRequest{
        legible.is_object() ? read_id(legible) : std::nullopt,
        make_error(ErrorId::kUsageArgument, parsed.error().message, parsed.error().hint)};
  }
  json& message = *parsed;
  if (!message.is_object()) return bad(std::nullopt, "the request is not a JSON object");
  auto id = read_id(message);
  if (!id && message.contains("id") && !message["id"].is_null())
    return bad(std::nullopt, "the request's id is neither an integer nor a string");
  const auto version = message.find("jsonrpc");
  if (version == message.end() || *version != "2.0")
    return bad(std::move(id), "the request does not say \"jsonrpc\":\"2.0\"");
  const auto method = message.find("method");
  if (method == message.end() || !method->is_string())
    return bad(std::move(id), "the request names no method");
  json params = json::object();
  if (const auto given = message.find("params"); given != message.end()) params = std::move(*given);
  if (!params.is_object()) return bad(std::move(id), "the request's params are not an object");
  return Request{std::move(id), std::move(method->get_ref<std::string&>()),
                 share(std::move(params))};
}

Result<std::variant<Response, Notification>> parse_reply(std::string_view line) {
  auto parsed = parse_json(line, "the answer");
  if (!parsed || !parsed->is_object()) return bad_reply(line);
  json& message = *parsed;
  if (const auto method = message.find("method"); method != message.end()) {
    if (!method->is_string() || !message.contains("params")) return bad_reply(line);
    return Notification{method->get<std::string>(), share(std::move(message["params"]))};
  }
  Response response;
  response.id = read_id(message);
  if (const auto error = message.find("error"); error != message.end() && error->is_object()) {
    response.error = from_json(error->value("data", json()));
    return response;
  }
  const auto result = message.find("result");
  if (result == message.end()) return bad_reply(line);
  response.result = share(std::move(*result));
  return response;
}

void LineSplitter::feed(std::string_view bytes) {
  if (start_ > 0 && start_ >= buffer_.size() / 2) {
    buffer_.erase(0, start_);
    scanned_ -= start_;
    start_ = 0;
  }
  buffer_.append(bytes);
}

Result<std::optional<std::string>> LineSplitter::next() {
  const std::size_t end = buffer_.find('\n', scanned_);
  const std::size_t length = (end == std::string::npos ? buffer_.size() : end) - start_;
  if (length > bytes_max_)
    return make_error(ErrorId::kInputTooLarge,
                      "a control message is longer than " + std::to_string(bytes_max_) + " bytes");
  if (end == std::string::npos) {
    scanned_ = buffer_.size();
    return std::optional<std::string>();
  }
  std::string line = buffer_.substr(start_, length);
  if (!line.empty() && line.back() == '\r') line.pop_back();
  start_ = scanned_ = end + 1;
  return std::optional<std::string>(std::move(line));
}

}  // namespace converge::control
