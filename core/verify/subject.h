#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace converge::verify {

/// A replica under test. The engine is one; tests of the checker bring others, with a bug in them.
class Subject {
 public:
  virtual ~Subject() = default;
  /// Change chunks as one batch, in any order, some perhaps known already.
  virtual Result<void> apply(const std::vector<Bytes>& chunks) = 0;
  virtual Result<void> save_and_load() = 0;
  /// The visible values as JSON with one spelling.
  virtual std::string state() const = 0;
  /// What names the version; equal history must give equal text.
  virtual std::string version() const = 0;
};

using SubjectFactory = std::function<std::unique_ptr<Subject>()>;

/// Fresh, empty engine::Documents.
SubjectFactory engine_subjects();

}  // namespace converge::verify
