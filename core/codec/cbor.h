#pragma once

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/codec/reader.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

/// The CBOR of the automerge-repo envelope (RFC 8949; repo-protocol 3), read by pulling and written
/// by appending.
///
/// Why not nlohmann::json, which reads and writes CBOR: its reader refuses `undefined`, which stock
/// peers put into every join, copies byte strings one byte at a time, and builds a tree of whatever
/// a peer sends. Here nothing is allocated while reading, so memory cannot exceed the frame.
namespace converge::codec {

/// One item's head. For arrays and maps the children follow; for strings `bytes` is the content.
struct CborItem {
  enum class Kind : std::uint8_t {
    kUnsigned,
    kNegative,
    kBytes,
    kText,
    kArray,
    kMap,
    kBool,
    kAbsent,  ///< null or undefined
    kFloat,
    kSimple,  ///< a value nobody uses
    kBreak,   ///< end of an indefinite array or map
  };
  Kind kind = Kind::kAbsent;
  bool indefinite = false;   ///< array or map that ends with kBreak
  std::uint64_t number = 0;  ///< kUnsigned: the value; kArray, kMap: elements or pairs; kBool: 0, 1
  double real = 0;           ///< kFloat
  ByteView bytes;            ///< kBytes, kText; points into the input
};

/// Reads one item's head at the cursor, tags in front of it skipped. Every declared length is
/// checked against the input that is left. Errors: kTruncated, kCorrupt (reserved forms),
/// kUnsupported (indefinite strings).
Result<CborItem> read_cbor_item(Reader& in);

/// Skips the rest of an item whose head has been read. Errors: as above, and kLimitExceeded when it
/// nests deeper than `depth` levels.
Result<void> skip_cbor_item(Reader& in, const CborItem& head, int depth);

/// Iterates over the children of an array or map, definite or not.
class CborChildren {
 public:
  explicit CborChildren(const CborItem& head) : head_(head) {}
  /// The next child's head; for maps keys and values alternate. Nothing at the end. The child's own
  /// content has to be read or skipped before the next call.
  Result<std::optional<CborItem>> next(Reader& in);

 private:
  CborItem head_;
  std::uint64_t taken_ = 0;
};

/// A non-negative integer however it was written: integer, or float with an integral value.
std::optional<std::uint64_t> cbor_unsigned(const CborItem& item);
/// Any number as a double.
std::optional<double> cbor_number(const CborItem& item);

/// Append the shortest definite form.
void write_cbor_map(Bytes& out, std::uint64_t pairs);
void write_cbor_array(Bytes& out, std::uint64_t elements);
void write_cbor_text(Bytes& out, std::string_view text);
void write_cbor_bytes(Bytes& out, ByteView bytes);
void write_cbor_bool(Bytes& out, bool value);
void write_cbor_float64(Bytes& out, double value);
/// As an integer below 2^32, as float64 from there on: a 64-bit integer becomes a BigInt in
/// JavaScript and breaks applications. REQUIRES: value <= 2^53.
void write_cbor_number(Bytes& out, std::uint64_t value);

}  // namespace converge::codec
