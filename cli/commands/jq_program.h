#pragma once

#include "core/base/result.h"

#include <functional>
#include <memory>
#include <string>

namespace converge::cli {

/// A program in jq's language, run by libjq. One thread at a time.
class JqProgram {
 public:
  /// Errors: query.syntax with what jq says.
  static Result<JqProgram> compile(const std::string& program);
  ~JqProgram();
  JqProgram(JqProgram&&) noexcept;
  JqProgram& operator=(JqProgram&&) noexcept;

  /// Runs the program on one JSON text; each output goes to `sink` as compact JSON. False from the
  /// sink ends the run. Errors: query.syntax when the program fails on this input, with what it
  /// said; limit.exceeded for output that is nested too deep to be JSON here.
  Result<void> run(const std::string& input,
                   const std::function<bool(std::string output)>& sink) const;

 private:
  struct Impl;
  explicit JqProgram(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace converge::cli
