#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/model/ids.h"
#include "core/model/scalar.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace converge::engine {

using model::OpId;
/// An object's id is the id of the op that made it; model::kRoot is the root map. Actor indices are
/// those of the document they came from: stable while that Document object lives, meaningless in
/// another (see format_id).
using ObjId = model::OpId;

enum class ObjType : std::uint8_t { kMap, kList, kText, kTable };

/// Unit of indices and lengths in text objects; never changes the ops (automerge-format 6.7).
enum class TextUnit : std::uint8_t { kUtf8Bytes, kCodePoints, kUtf16Units };

/// A map key or a list/text index.
using Prop = std::variant<std::string, std::size_t>;

/// One value of a register. With `object` set, `id` is that object's id; otherwise `scalar` is the
/// value, for counters the value at the clock asked for.
struct Value {
  OpId id;
  std::optional<ObjType> object;
  model::Scalar scalar;
};

struct Mark {
  std::string name;
  model::Scalar value;
  std::size_t start = 0;  ///< in the unit asked for
  std::size_t end = 0;
};

/// A maximal stretch of text with one set of marks, or one block.
struct Span {
  std::optional<ObjId> block;  ///< set: a block marker; text is empty
  std::string text;
  std::vector<std::pair<std::string, model::Scalar>> marks;  ///< by name
};

/// Facts about one applied change.
struct ChangeInfo {
  model::ChangeHash hash;
  model::ActorId actor;
  std::uint64_t seq = 0;
  std::uint64_t start_op = 0;
  std::uint64_t op_count = 0;
  std::int64_t time = 0;
  std::string message;
  std::vector<model::ChangeHash> deps;
};

struct CommitOptions {
  std::string message;       ///< UTF-8; cut at 1 MiB
  std::int64_t time = 0;     ///< seconds since 1970; advisory
  bool allow_empty = false;  ///< commit a change without ops
};

/// What an apply, load or merge did.
struct ApplyReport {
  std::vector<model::ChangeHash>
      applied;  ///< in application order; includes former orphans that became applicable
  std::vector<model::ChangeHash> queued;  ///< new orphans: dependencies missing
  /// load_incremental only: what was wrong behind the good chunks, which were applied.
  std::optional<Error> damage;
};

/// Where a cursor goes whose element is gone: cursor.h.
enum class CursorMove : std::uint8_t { kAfter, kBefore };

struct Cursor;
class Document;
class Patches;
class View;

/// One local change in the making. At most one at a time per document; while it lives the document
/// takes no other mutation. Reading the document shows its edits. Dropping it without commit rolls
/// back. Errors: kNotFound (object, index), kInvalid (wrong type). An edit that fails leaves no
/// trace of itself. Cost of an edit and of commit: O(log n) in the document plus the edit's own
/// size.
class Transaction {
 public:
  Transaction(Transaction&&) noexcept;
  ~Transaction();

  Result<void> put(ObjId object, const Prop& prop, const model::Scalar& value);
  Result<ObjId> put_object(ObjId object, const Prop& prop, ObjType type);
  /// index may equal the length.
  Result<void> insert(ObjId list, std::size_t index, const model::Scalar& value);
  Result<ObjId> insert_object(ObjId list, std::size_t index, ObjType type);
  /// Deleting an absent map key does nothing; a list index must exist. In a text, an index inside a
  /// wide element means the next one (automerge-format 6.7).
  Result<void> erase(ObjId object, const Prop& prop);
  /// Resolves a conflict in favour of one visible value: a del whose preds are all the other
  /// visible values of the register (automerge-format 6.4), so an object that is kept stays itself.
  /// Nothing when `keep` is the only one. Errors: kNotFound when `keep` is not visible there.
  Result<void> keep_only(ObjId object, const Prop& prop, OpId keep);
  /// The register must show at least one counter.
  Result<void> increment(ObjId object, const Prop& prop, std::int64_t amount);
  Result<void> splice_text(ObjId text, std::size_t index, std::size_t erase,
                           std::string_view insert, TextUnit unit = TextUnit::kUtf16Units);
  enum class Expand : std::uint8_t { kNone, kBefore, kAfter, kBoth };
  Result<void> mark(ObjId text, std::size_t start, std::size_t end, std::string_view name,
                    const model::Scalar& value, Expand expand = Expand::kAfter,
                    TextUnit unit = TextUnit::kUtf16Units);

  std::size_t pending_ops() const;
  /// What this transaction sees: the document at the heads it started from plus its own edits. For
  /// transact() the same as Document::now(). Valid until the next edit.
  View view() const;
  /// Nothing when there are no ops and allow_empty is false. The transaction is over either way.
  std::optional<model::ChangeHash> commit(const CommitOptions& options = {});
  /// The same, but leaves the change's bytes and hash to whoever first asks the document for any:
  /// heads(), save(), applying and so on. For typing that is read and not yet sent. Costs about 170
  /// bytes a run of ops until then. Tells whether there is a change.
  bool commit_unsealed(const CommitOptions& options = {});
  void rollback();

 private:
  friend class Document;
  struct Impl;
  explicit Transaction(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// A document at one moment: the present, or a set of heads. Cheap to make; valid until the
/// document changes. An absent or unreachable object reads as empty. Cost: map reads O(log keys),
/// index reads O(log n) now and O(spans) in the past, whole-object reads O(spans + output).
class View {
 public:
  std::optional<ObjType> object_type(ObjId object) const;
  /// The winner; nothing when the register shows no value.
  std::optional<Value> get(ObjId object, const Prop& prop) const;
  /// Every visible value, ascending by op id: the last one is the winner, more than one is a
  /// conflict.
  std::vector<Value> get_all(ObjId object, const Prop& prop) const;
  /// Keys of a map, or elements of a list, or units of a text.
  std::size_t length(ObjId object, TextUnit unit = TextUnit::kUtf16Units) const;
  std::vector<std::string> keys(ObjId map) const;
  /// Keys ascending by UTF-8 bytes. `visible` is the number of values; > 1 is a conflict.
  void for_each_key(
      ObjId map,
      const std::function<void(std::string_view key, const Value&, std::size_t visible)>& f) const;
  /// Elements in order (lists and texts), marks left out. `element` is the insert op's id.
  void for_each_element(
      ObjId list,
      const std::function<void(OpId element, const Value&, std::size_t visible)>& f) const;
  /// Winners' strings, U+FFFC for anything else.
  std::string text(ObjId text) const;
  std::vector<Mark> marks(ObjId text, TextUnit unit = TextUnit::kUtf16Units) const;
  std::vector<Span> spans(ObjId text) const;
  /// The element that an insert at `index` would reference (automerge-format 6.9); kHead possible.
  Result<OpId> insert_reference(ObjId list, std::size_t index,
                                TextUnit unit = TextUnit::kUtf16Units) const;
  /// A cursor at the element that covers `index`; at the end, when there is none. Errors: kNotFound
  /// for what is neither a list nor a text.
  Result<Cursor> cursor(ObjId sequence, std::size_t index, CursorMove move = CursorMove::kAfter,
                        TextUnit unit = TextUnit::kUtf16Units) const;
  /// Where it is in this view. O(log n) now and O(spans) in the past, or for an element that was
  /// overwritten. Errors: kNotFound, also when the element is unknown here or not yet there.
  Result<std::size_t> position(ObjId sequence, const Cursor& cursor,
                               TextUnit unit = TextUnit::kUtf16Units) const;
  /// From the root to `object`, as keys and indices; nothing when it cannot be reached.
  std::optional<std::vector<Prop>> path(ObjId object, TextUnit unit = TextUnit::kUtf16Units) const;

 private:
  friend class Document;
  friend class Transaction;
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

/// One Automerge document: the merge engine (core/crdt) and its bytes (core/format) joined. Knows
/// nothing of disks, peers or clocks. One thread at a time. Applying is atomic: on error nothing of
/// the batch is kept.
class Document {
 public:
  /// Empty. Local changes are made by `actor`, which no other live replica may ever use.
  explicit Document(model::ActorId actor);
  Document(Document&&) noexcept;
  Document& operator=(Document&&) noexcept;
  ~Document();

  struct LoadOptions {
    bool verify_hashes =
        true;  ///< false only for bytes under a checksum of ours: see trusted_hashes
    bool accept_prefix = false;  ///< keep the valid chunks before a damaged tail
    std::vector<model::ChangeHash>
        trusted_hashes;  ///< with verify_hashes false: of the document chunk, in row order
  };
  /// A stream of chunks (automerge-format 1.6). Empty bytes are an empty document.
  /// Errors: kCorrupt, kTruncated, kUnsupported, kLimitExceeded; the message names chunk and byte.
  static Result<Document> load(ByteView chunks, model::ActorId actor, const LoadOptions& options);
  static Result<Document> load(ByteView chunks, model::ActorId actor);

  /// Chunks of any type; changes already known are skipped, those with missing dependencies are
  /// queued. A damaged tail does not undo the good chunks before it: see ApplyReport::damage.
  /// Errors as load, when nothing was good, and kConflict for a second change with one (actor,
  /// seq).
  Result<ApplyReport> load_incremental(ByteView chunks);
  /// Type-1 or type-2 chunks, one each, in any order, as one batch.
  Result<ApplyReport> apply_changes(const std::vector<Bytes>& changes);
  Result<ApplyReport> merge(const Document& other);

  struct SaveOptions {
    bool deflate = true;
    bool include_orphans = true;
  };
  Bytes save(const SaveOptions& options) const;
  Bytes save() const;

  /// A copy of the whole, or of the ancestors of `heads`. Errors: kNotFound for an unknown head.
  Document fork(model::ActorId actor) const;
  Result<Document> fork_at(const Heads& heads, model::ActorId actor) const;

  const model::ActorId& actor() const;
  void set_actor(model::ActorId actor);
  Transaction transact();
  /// Edits made as if at old heads (automerge-format 7.6). Errors: kNotFound for an unknown head.
  Result<Transaction> transact_at(const Heads& heads);

  View now() const;
  /// Errors: kNotFound for an unknown head.
  Result<View> at(const Heads& heads) const;

  /// What turns the view at `before` into that at `after`: patch.h. Either may be the later one, or
  /// concurrent. Cost: O(changes that not both include), for versions near the present whose
  /// changes came or were made singly; O(spans + keys) otherwise. Errors: kNotFound for an unknown
  /// head.
  Result<Patches> diff(const Heads& before, const Heads& after,
                       TextUnit unit = TextUnit::kUtf16Units) const;
  /// What the last changes did to the present view: those that an ApplyReport names as applied, or
  /// a commit made. Errors: kNotFound; kInvalid when others build on them.
  Result<Patches> patches_of(const std::vector<model::ChangeHash>& last,
                             TextUnit unit = TextUnit::kUtf16Units) const;

  Heads heads() const;
  std::size_t change_count() const;  ///< applied, orphans not counted
  std::uint64_t max_op() const;
  std::size_t actor_count() const;                       ///< authors of applied changes. O(1)
  bool has_change(const model::ChangeHash& hash) const;  ///< applied
  bool has_orphan(const model::ChangeHash& hash) const;
  /// The type-1 chunk of an applied or queued change. O(1) for changes received or made singly; the
  /// first request for a change that came inside a document chunk rebuilds that chunk's changes
  /// once.
  std::optional<Bytes> change_bytes(const model::ChangeHash& hash) const;
  /// Applied changes in one stream of chunks, parents first, for a peer that reads type-3 chunks:
  /// together they take a fraction of their bytes. Unknown hashes are left out. Cost: by the
  /// changes.
  Bytes bundle(const std::vector<model::ChangeHash>& changes) const;
  std::optional<ChangeInfo> change_info(const model::ChangeHash& hash) const;
  /// Applied changes that are not ancestors of (or in) `have`, in application order; unknown hashes
  /// in `have` ignored.
  std::vector<model::ChangeHash> changes_since(const Heads& have) const;
  /// automerge-format 7.4, sorted.
  std::vector<model::ChangeHash> missing_deps(const Heads& heads) const;
  std::vector<model::ChangeHash> orphans() const;  ///< queue order
  /// `hashes` and all their ancestors that are applied here.
  bool is_ancestor(const model::ChangeHash& ancestor, const Heads& of) const;
  /// Deps of an applied or queued change; nothing when unknown.
  std::optional<std::vector<model::ChangeHash>> change_deps(const model::ChangeHash& hash) const;
  /// Hashes of every applied change, in application order.
  std::vector<model::ChangeHash> all_changes() const;

  /// "counter@actorhex", "_root", "_head".
  std::string format_id(OpId id) const;
  std::optional<OpId> parse_id(std::string_view text) const;
  /// The change that holds the op.
  std::optional<model::ChangeHash> change_of(OpId id) const;
  const model::ActorId& actor_of(OpId id) const;

  /// Gives back memory that can be made again: bytes of single changes (the next request for one
  /// rebuilds all, once), search tables, what growing left over. For documents that lie open and
  /// idle. O(changes + objects).
  void shrink();

  /// Rough resident bytes, for the LRU. O(1).
  std::size_t memory_bytes() const;
  /// Aborts the program when an invariant of engine.md section 9 does not hold. Expensive.
  void check_invariants() const;

 private:
  friend class Transaction;
  friend class View;
  struct Impl;
  explicit Document(std::unique_ptr<Impl> impl);
  /// With every change encoded and hashed.
  Impl& sealed() const;
  std::unique_ptr<Impl> impl_;
};

}  // namespace converge::engine
