#pragma once

#include "cli/commands/session.h"
#include "cli/commands/verify_inputs.h"
#include "cli/output/test_report.h"
#include "core/verify/convergence.h"

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace converge::cli {

/// `word` as a POSIX shell reads it back, quoted where it must be.
std::string shell_word(const std::string& word);

/// Collects the reports of single documents into one ConvergenceReport, and writes it in each form
/// that was asked for: stdout, --junit, --tap, --artifacts.
class VerifyReport {
 public:
  /// `flags`: what makes the run the same again, behind the inputs.
  VerifyReport(Session& session, std::uint64_t seed, std::string flags);
  ~VerifyReport();

  void inputs(const VerifyInputs& inputs);
  /// Writes the counter-examples under --artifacts. Errors: those of writing.
  Result<void> add(const VerifySubject& subject, verify::ConvergenceReport result);
  /// An input that cannot be judged: an error for --junit and --tap too. Gives the error back.
  Error unreadable(const Error& error);
  /// Prints, writes the files; 0 or 1.
  Result<int> finish();

 private:
  Result<nlohmann::json> counter_example(const VerifySubject& subject,
                                         const verify::CounterExample& example);
  Result<std::string> write_artifacts(const VerifySubject& subject,
                                      const verify::CounterExample& example,
                                      const nlohmann::json& shown);
  void count_property(const verify::PropertyResult& property);
  Result<void> write_files();
  std::string text() const;

  Session& session_;
  std::string flags_;
  std::unique_ptr<nlohmann::json> object_;  ///< the ConvergenceReport
  nlohmann::json& report_;                  ///< *object_
  TestSuite suite_;
  bool many_ = false;  ///< documents: each gets a directory of its own
  bool timed_out_ = false;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace converge::cli
