#pragma once

#include "core/base/bytes.h"
#include "core/model/ids.h"
#include "core/model/scalar.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace converge::model {

/// Actions of the storage format (automerge-format 3.3). Frozen: these numbers reach disk and wire.
enum class Action : std::uint8_t {
  kMakeMap = 0,
  kSet = 1,
  kMakeList = 2,
  kDel = 3,
  kMakeText = 4,
  kInc = 5,
  kMakeTable = 6,
  kMark = 7,
};

/// Where an op acts inside its object: a map key, or a list element (HEAD when counter is 0).
struct Key {
  bool is_map = false;
  std::string_view name;  ///< map key, UTF-8; may be empty
  OpId element;           ///< list: reference element of an insert, target element otherwise
};

/// A maximal group of ops of one change with consecutive ids that one description covers.
/// Everything between the columns and the op set speaks in runs, so typing costs by run, not by
/// keystroke (engine.md 1 and 6).
struct OpRun {
  enum class Shape : std::uint8_t {
    /// One op, described by all fields below.
    kSingle,
    /// `count` inserts of one code point each (action kSet, insert, no preds). Op 0 references
    /// key.element, each
    /// further one the op before it. `text` is their strings, concatenated UTF-8.
    kText,
    /// `count` deletes (action kDel) of list elements. Op i targets element {key.element.counter +
    /// i * step,
    /// key.element.actor}, and its only pred is that element's own insert op. step is +1 or -1 (+1
    /// when count is 1).
    kDelete,
  };

  Shape shape = Shape::kSingle;
  Action action = Action::kSet;
  bool insert = false;
  bool expand = false;   ///< marks only
  std::int8_t step = 1;  ///< kDelete only
  std::uint32_t count = 1;
  OpId object;  ///< kRoot for the root map
  Key key;
  ScalarRef value;                            ///< kSingle; null when the action carries none
  std::string_view text;                      ///< kText
  std::optional<std::string_view> mark_name;  ///< begin marks only
  std::uint32_t pred_begin =
      0;  ///< kSingle: preds are Change::preds[pred_begin, +pred_count), ascending op id
  std::uint32_t pred_count = 0;
};

/// One decoded change (automerge-format 3). Actor indices: 0 is `actor`, 1.. are `other_actors` in
/// order. The views point into `body`, which the change owns; moving keeps them valid, copying does
/// not, hence move-only.
struct Change {
  ActorId actor;
  std::uint32_t seq = 0;       ///< >= 1
  std::uint32_t start_op = 1;  ///< >= 1
  std::uint32_t op_count = 0;
  std::int64_t time = 0;              ///< as written; advisory
  std::string_view message;           ///< empty: none
  std::vector<ChangeHash> deps;       ///< in the order received
  std::vector<ActorId> other_actors;  ///< ascending
  std::vector<OpRun> ops;
  std::vector<OpId> preds;  ///< shared array, see OpRun
  ByteView extra;           ///< bytes behind the op columns, kept
  ChangeHash hash;
  Bytes body;  ///< what the views point into; the type-1 body

  Change() = default;
  Change(Change&&) noexcept = default;
  Change& operator=(Change&&) noexcept = default;
  Change(const Change&) = delete;
  Change& operator=(const Change&) = delete;

  /// Counter of the last op; start_op - 1 when there is none.
  std::uint32_t max_op() const { return start_op + op_count - 1; }
};

/// What a batch must know of a change before it can be put in order (automerge-format 7.1): its
/// header, and its bytes with the ops still packed. `body` lies in `storage`, or in bytes of the
/// caller's that stay until the batch is through; keep() copies the latter. Move-only like Change.
struct ChangeEnvelope {
  ActorId actor;
  std::uint32_t seq = 0;
  ChangeHash hash;
  ByteView body;                 ///< type-1 body
  std::uint32_t deps_begin = 0;  ///< in body: the hashes, one behind the other
  std::uint32_t deps_count = 0;
  Bytes storage;

  ChangeEnvelope() = default;
  ChangeEnvelope(ChangeEnvelope&&) noexcept = default;
  ChangeEnvelope& operator=(ChangeEnvelope&&) noexcept = default;
  ChangeEnvelope(const ChangeEnvelope&) = delete;
  ChangeEnvelope& operator=(const ChangeEnvelope&) = delete;

  ChangeHash dep(std::uint32_t index) const {
    ChangeHash out;
    const ByteView bytes = body.subspan(deps_begin + index * out.bytes.size(), out.bytes.size());
    std::copy(bytes.begin(), bytes.end(), out.bytes.begin());
    return out;
  }
  std::vector<ChangeHash> deps() const {
    std::vector<ChangeHash> out;
    for (std::uint32_t i = 0; i < deps_count; ++i) out.push_back(dep(i));
    return out;
  }
  void keep() {
    if (!storage.empty()) return;
    storage.assign(body.begin(), body.end());
    body = storage;
  }
};

}  // namespace converge::model
