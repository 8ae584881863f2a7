#pragma once

#include "core/base/bytes.h"
#include "core/engine/document.h"

#include <cstddef>
#include <string>
#include <vector>

namespace converge::benchmarks {

/// One keystroke or paste: at `position` (code points) delete, then insert.
struct Patch {
  std::size_t position;
  std::size_t erased;
  std::string inserted;
};

/// A recorded writing session; each transaction is the patches of one change.
struct Trace {
  std::vector<std::vector<Patch>> transactions;
  std::string end;
};

/// From the hand-outs beside the project; aborts with a message when one is missing.
const Trace& trace(const std::string& name);
const std::string& document_file(const std::string& name);

/// A change for each transaction of a trace, encoded and hashed at once or when somebody asks, or
/// all in one.
enum class Commit : std::uint8_t { kEach, kEachUnsealed, kOnce };
/// The trace replayed by one actor.
engine::Document replay(const Trace& trace, Commit commit);
/// The file that replaying gives, made once a process.
const Bytes& replayed_file(const std::string& name, bool one_change);

engine::ObjId text_of(const engine::Document& document);
model::ActorId actor(unsigned char last_byte);

}  // namespace converge::benchmarks
