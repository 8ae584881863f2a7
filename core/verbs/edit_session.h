#pragma once

#include "core/base/result.h"
#include "core/engine/document.h"
#include "core/verbs/edits.h"
#include "core/verbs/json_forms.h"

#include <optional>
#include <string>

/// What all edits share. Private to the module.
namespace converge::verbs {

/// One edit from its conditions to its change. Dropped without finish(): nothing happened.
class EditSession {
 public:
  /// Checks if_heads and opens the transaction, at `base` where one is given.
  static Result<EditSession> begin(engine::Document& document, const WriteOptions& options);

  engine::Transaction& edit() { return *transaction_; }
  engine::View view() const { return transaction_->view(); }

  /// Checks if_value and if_absent for one pointer, in the state the edit sees. Call before
  /// editing.
  Result<void> check(const Pointer& pointer) const;

  /// One line about what was done; only the first kNotesMax are kept, all are counted.
  void note(std::string line);

  Result<Outcome> finish();

 private:
  EditSession(engine::Document& document, const WriteOptions& options)
      : document_(&document), options_(&options) {}

  engine::Document* document_;
  const WriteOptions* options_;
  std::optional<engine::Transaction> transaction_;
  std::vector<std::string> notes_;
  std::size_t note_count_ = 0;
};

inline constexpr std::size_t kNotesMax = 100;

/// Puts a value into a register unless it is there already, alone and exactly so; notes it.
Result<void> assign(EditSession& session, const Place& place, const std::string& path,
                    const nlohmann::json& value, BareString bare);

/// Makes the root map hold exactly `value`'s members. Errors: path.type for a value that is no
/// object.
Result<void> assign_root(EditSession& session, const nlohmann::json& value, BareString bare);

/// Removes the register's value.
Result<void> remove_at(EditSession& session, const Place& place, const std::string& path);

/// The error for "" where a part of the document is needed.
Error root_has_no_register(const char* verb);

}  // namespace converge::verbs
