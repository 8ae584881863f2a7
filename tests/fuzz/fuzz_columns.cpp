#include "core/base/assert.h"
#include "core/codec/column_reader.h"
#include "core/codec/column_writer.h"
#include "tests/fuzz/targets.h"

#include <limits>

namespace converge::fuzz {
namespace {

// A strict reader accepts exactly what the writer writes, so writing what was read gives the input.
template <class Reader, class Writer, class Copy>
void round_trip(Reader reader, Writer writer, ByteView input, const Copy& copy) {
  while (const std::uint64_t count = reader.available()) {
    copy(reader, writer, count);
    reader.take(count);
  }
  if (!reader.exhausted()) return;
  writer.finish();
  ASSERT(to_bytes(writer.bytes()) == to_bytes(input));
}

template <class Reader, class Writer>
void rle(ByteView input) {
  round_trip(Reader(input), Writer(), input,
             [](const Reader& reader, Writer& writer, std::uint64_t count) {
               if (reader.is_null()) {
                 writer.append_null(count);
               } else {
                 writer.append(reader.value(), count);
               }
             });
}

void deltas(ByteView input) {
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max() / 2;
  round_trip(codec::DeltaReader(input, -kMax, kMax), codec::DeltaWriter(), input,
             [](codec::DeltaReader& reader, codec::DeltaWriter& writer, std::uint64_t count) {
               if (reader.is_null()) {
                 writer.append_null(count);
               } else {
                 writer.append_run(reader.first(), reader.step(), count);
               }
             });
}

void booleans(ByteView input) {
  round_trip(codec::BooleanReader(input), codec::BooleanWriter(), input,
             [](codec::BooleanReader& reader, codec::BooleanWriter& writer, std::uint64_t count) {
               writer.append(reader.value(), count);
             });
}

}  // namespace

// The first byte chooses the kind of column, the rest is the column.
void columns(ByteView input) {
  if (input.size() < 2) return;  // an empty column is "absent", which readers ask before opening
  const ByteView column = input.subspan(1);
  switch (std::to_integer<unsigned>(input[0]) % 4) {
    case 0:
      rle<codec::UintReader, codec::UintWriter>(column);
      return;
    case 1:
      rle<codec::StringReader, codec::StringWriter>(column);
      return;
    case 2:
      deltas(column);
      return;
    default:
      booleans(column);
  }
}

}  // namespace converge::fuzz

CONVERGE_FUZZ_ENTRY(converge::fuzz::columns)
