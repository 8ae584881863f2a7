#pragma once

#include "core/crdt/map_object.h"
#include "core/crdt/sequence.h"
#include "core/model/ids.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace converge::crdt {

enum class ObjectType : std::uint8_t { kMap, kList, kText, kTable };

inline bool is_sequence(ObjectType type) {
  return type == ObjectType::kList || type == ObjectType::kText;
}

/// One object: its kind, where it hangs, and which map or sequence holds its contents.
struct Object {
  OpId id;  ///< kRoot for the root map
  ObjectType type = ObjectType::kMap;
  std::uint32_t parent = 0;  ///< object number; the root is its own parent
  KeyId key = 0;             ///< where in the parent, when that is a map
  OpId element;              ///< where in the parent, when that is a sequence
  std::uint32_t data = 0;    ///< number of its map or sequence
};

/// Every object of a document by id; numbers are given in order of creation and object 0 is the
/// root. Open addressing. Cost: O(1).
class ObjectTable {
 public:
  static constexpr std::uint32_t kNone = 0xffffffffu;

  ObjectTable();

  std::uint32_t find(OpId id) const;
  /// Its number. REQUIRES: no object has that id.
  std::uint32_t add(const Object& object);
  /// REQUIRES: the object added last.
  void drop_last();

  const Object& at(std::uint32_t number) const { return objects_[number]; }
  std::size_t size() const { return objects_.size(); }
  MapObject& map(const Object& object) { return maps_[object.data]; }
  const MapObject& map(const Object& object) const { return maps_[object.data]; }
  Sequence& sequence(const Object& object) { return sequences_[object.data]; }
  const Sequence& sequence(const Object& object) const { return sequences_[object.data]; }

  /// Gives slack back, that of all maps as well.
  void shrink();

  /// Numbers ascending by object id, the root first.
  std::vector<std::uint32_t> sorted(const ActorTable& actors) const;
  std::size_t memory_bytes() const;

 private:
  std::size_t slot_of(OpId id) const;
  void grow();

  std::vector<Object> objects_;
  std::vector<MapObject> maps_;
  std::vector<Sequence> sequences_;
  std::vector<std::uint32_t> slots_;  ///< number + 1; 0 is free
};

}  // namespace converge::crdt
