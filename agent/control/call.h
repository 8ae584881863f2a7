#pragma once

#include "agent/control/services.h"
#include "core/control/error_table.h"

#include <nlohmann/json.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace converge::handlers {

using Json = nlohmann::json;

struct Method;

/// One request under way. Moves between threads by posting; only one thread has it at a time.
struct Call {
  std::string method;
  const Method* row = nullptr;         ///< of the table of methods; never null
  std::shared_ptr<const Json> params;  ///< an object
  std::string request_id;              ///< empty: none given
  Reply reply;
  EventSink sink;                  ///< for watch.start: where its events go
  std::uint64_t subscription = 0;  ///< and the number they carry

  void fail(Error error) const { reply(std::move(error)); }
};
using CallPtr = std::shared_ptr<Call>;
using Handler = void (*)(Services&, CallPtr);

// Parameters. Absent or null is the default; the wrong JSON type is usage.argument.
Result<std::string> string_param(const Call& call, const char* name, std::string fallback = {});
Result<std::string> required_string(const Call& call, const char* name);
Result<bool> bool_param(const Call& call, const char* name);
Result<std::uint64_t> number_param(const Call& call, const char* name, std::uint64_t fallback);
Result<std::vector<std::string>> strings_param(const Call& call, const char* name);
bool has_param(const Call& call, const char* name);

/// RFC 3339 UTC with milliseconds.
std::string format_time(std::int64_t wall_ms);

/// Answers with the value or the error.
template <class T>
void finish(const Call& call, Result<T> result) {
  if (result) {
    call.reply(Json(std::move(*result)));
  } else {
    call.reply(result.error());
  }
}

}  // namespace converge::handlers
