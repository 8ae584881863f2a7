#pragma once

#include "agent/control/call.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace converge::handlers {

/// One method of the control protocol: its function and every parameter that it has. A handler
/// asks only for those (checked in debug builds), and a request with another one is refused, since
/// a misspelt condition must not turn a guarded write into an unguarded one.
struct Method {
  std::string_view name;
  Handler handler;
  std::string_view parameters;  ///< names, with one space between; those of all methods left out
  std::string_view more = {};   ///< those that a group of methods shares

  bool takes(std::string_view parameter) const;
  std::vector<std::string> parameter_names() const;  ///< with those of all methods
};

/// Null when there is none.
const Method* find_method(std::string_view name);
/// Every method, ascending by name.
std::span<const Method> methods();

/// Errors: usage.argument with the parameter that the method does not have, and the nearest that
/// it has. `params` is an object.
Result<void> check_parameters(const Method& method, const Json& params);

}  // namespace converge::handlers
