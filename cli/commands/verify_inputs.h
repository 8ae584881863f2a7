#pragma once

#include "cli/commands/session.h"
#include "core/base/bytes.h"

#include <string>
#include <vector>

namespace converge::cli {

/// One document as several replicas have it.
struct VerifySubject {
  std::string name;                   ///< the document's name, or the first file
  std::vector<std::string> replicas;  ///< the inputs it came from
  std::vector<Bytes> chunks;          ///< every change of every replica, in no order, with repeats
};

struct VerifyInputs {
  std::vector<VerifySubject> documents;  ///< by name
  std::size_t replicas = 0;
};

/// Reads INPUT words, each of which is one replica: a file with a document, a directory of such
/// files (FILE.automerge is the document FILE), a store's directory, or a recording. Where all
/// inputs are files they are replicas of one document; otherwise documents are matched by name.
/// Errors: doc.not_found (nothing there), input.file (unreadable, or it holds no document),
/// store.locked and the like for a store.
Result<VerifyInputs> read_verify_inputs(Session& session, const std::vector<std::string>& words);

}  // namespace converge::cli
