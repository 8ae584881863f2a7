#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/model/ids.h"

#include <cstddef>
#include <string>
#include <vector>

namespace converge::verify {

/// The chunks of every change in a document's file, applied ones and orphans, each as a chunk of
/// its own. Errors: those of
/// engine::Document::load_incremental, also for a damaged tail.
Result<std::vector<Bytes>> changes_of_file(ByteView file);

/// The single changes of a stream of nothing else (type 1 and 2), in its order and with repeats.
/// Errors: those of format::ChunkStream, kUnsupported for another type of chunk; chunk and byte are
/// named.
Result<std::vector<Bytes>> split_changes(ByteView stream);

/// What a change says of itself, without the document.
struct ChangeFacts {
  model::ChangeHash hash;
  model::Heads deps;
};

/// From one chunk of type 1 or 2, checked as far as it can be without the document. Errors: those
/// of format::decode_change.
Result<ChangeFacts> facts_of_change(ByteView chunk);

/// What is wrong with a file that can be read as far as it goes.
struct FileFinding {
  std::string code;     ///< "unreadable", "missing_dependencies", "save_differs"
  std::string message;  ///< names the change or the byte
};

struct FileReport {
  bool ok = true;
  std::size_t changes = 0;
  std::size_t actors = 0;
  std::vector<std::string> heads;  ///< hex
  std::vector<FileFinding> findings;
};

/// Reads every chunk, recomputes every change's hash, follows every dependency, and checks that a
/// saved copy has the same history and the same values. Cost: O(file), with every change decoded.
FileReport check_file(ByteView file);

}  // namespace converge::verify
