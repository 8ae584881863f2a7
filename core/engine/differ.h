#pragma once

#include "core/engine/patch_builder.h"
#include "core/engine/reader.h"
#include "core/engine/written.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace converge::engine {

class TextDiff;

/// Compares one op set at two clocks (automerge-format 8).
///
/// With `written` it looks only at what the changes between wrote and asks the trees for indices;
/// without, at everything. Texts with marks are always walked whole, because what covers a place
/// can begin anywhere before it. An object that existed and is shown again ("exposed") is told
/// whole, instead of by its own difference.
///
/// Costs: with `written` O(places written x log spans) and O(spans) for each marked text among
/// them; without, O(spans + keys).
class Differ {
 public:
  /// nullptr is the present. `written`: at least what any change wrote that one of the clocks does
  /// not include; then not both clocks may be another moment's than those of the document.
  Differ(const crdt::OpSet& ops, const crdt::Clock* before, const crdt::Clock* after, TextUnit unit,
         const Written* written);

  Patches run();

 private:
  /// What one register shows at both clocks.
  struct Sides {
    const crdt::OpRecord* before = nullptr;  ///< winners
    const crdt::OpRecord* after = nullptr;
    std::size_t count_before = 0;
    std::size_t count_after = 0;
    bool after_was_visible = false;  ///< the winner after was one of the values before
  };
  enum class Fate : std::uint8_t { kNothing, kGone, kNew, kPut, kIncrement, kConflict };

  struct Lamport {
    const crdt::ActorTable* actors;
    bool operator()(OpId a, OpId b) const { return actors->less(a, b); }
  };

  // differ.cpp
  Sides sides_of(const crdt::Register& ops) const;
  Fate fate_of(const crdt::Register& ops, const Sides& sides) const;
  std::int64_t growth(const crdt::Register& ops, const crdt::OpRecord& counter) const;
  Value value_after(const crdt::Register& ops, const crdt::OpRecord& op) const;
  void map(const crdt::Object& object);
  void map_entry(const crdt::Object& object, const crdt::MapObject::Entry& entry);
  void whole(const crdt::Object& object);
  void whole_map(const crdt::Object& object);
  /// A make op won at `at`: its object is on the way, exposed or where everything is looked at.
  void descend(const crdt::Object& object, const crdt::OpRecord& made, Prop at, bool exposed);
  bool exposes(Fate fate, const crdt::OpRecord& after) const;
  bool locate(std::uint32_t number);
  std::optional<Prop> place_after(const crdt::Object& object) const;
  const WrittenSpans* written_spans(std::uint32_t number) const;

  // differ_parts.h
  /// Calls f(place, begin, end, index) for every part of a span to look at; f returns the index
  /// behind it.
  template <class F>
  void for_each_part(const crdt::Object& object, F f);

  // differ_list.cpp
  void list(const crdt::Object& object);
  std::size_t list_run(const crdt::Object& object, const crdt::Place& at, std::uint32_t begin,
                       std::uint32_t end, std::size_t index);
  std::size_t list_element(const crdt::Object& object, const crdt::Place& at, std::size_t index);
  void whole_list(const crdt::Object& object);

  // differ_text.cpp
  void text(const crdt::Object& object);
  void text_run(TextDiff& diff, const crdt::Span& span, std::uint32_t begin, std::uint32_t end);
  void text_element(TextDiff& diff, const crdt::Object& object, const crdt::Register& ops);
  void text_comes(TextDiff& diff, const crdt::Object& object, const crdt::Register& ops,
                  const crdt::OpRecord& op, bool exposed);
  std::string_view shown_text(const crdt::OpRecord& op) const;
  void whole_text(const crdt::Object& object);

  const crdt::OpSet& ops_;
  Reader before_;
  Reader after_;
  TextUnit unit_;
  const Written* written_;
  PatchBuilder builder_;
  std::map<OpId, bool, Lamport> open_;             ///< objects to come, and whether exposed
  std::unordered_map<std::uint32_t, bool> known_;  ///< object number: whether it can be reached
  mutable std::unordered_map<std::uint32_t, WrittenSpans> spans_;
};

}  // namespace converge::engine
