#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/model/ids.h"

#include <string>
#include <string_view>
#include <unordered_map>

namespace converge::verify {

/// Rewrites the changes of one document so that they tell nothing but keep their shape: the same
/// operations on the same objects in the same order, concurrent where they were.
///
/// - Texts, strings and messages keep their length in code points and bytes, and their spaces and
///   line breaks; letters become "x", digits "0", anything else a character of the same size.
/// - Map keys and names of marks become 16 hex digits of a keyed hash: equal ones stay equal and
///   different ones different, here and in other documents under the same secret.
/// - Bytes become zeros. Numbers, times, booleans and actor ids stay.
///
/// Hashes change, so a change must come after those it depends on.
class Anonymizer {
 public:
  /// Whoever knows the secret can try words against the hashed keys: throw it away.
  explicit Anonymizer(Bytes secret) : secret_(std::move(secret)) {}

  struct Change {
    model::ChangeHash hash;
    model::Heads deps;
    Bytes chunk;  ///< type 1
  };

  /// From a chunk of type 1 or 2. Errors: those of format::decode_change; change.missing_deps for
  /// one whose dependencies have not been given.
  Result<Change> change(ByteView chunk);

  /// The 16 digits that stand for a key, a mark or a part of a name.
  std::string key(std::string_view name) const;

  /// A text of the same shape.
  static std::string text(std::string_view utf8);

 private:
  Bytes secret_;
  std::unordered_map<model::ChangeHash, model::ChangeHash, model::ChangeHashHasher> renamed_;
};

}  // namespace converge::verify
