#include "core/base/assert.h"
#include "core/store/backup.h"
#include "core/store/keys.h"
#include "core/store/log_reader.h"
#include "core/store/manifest.h"
#include "core/store/table_reader.h"
#include "core/store/values.h"
#include "tests/fuzz/targets.h"

#include <string>
#include <sys/mman.h>
#include <unistd.h>

namespace converge::fuzz {
namespace {

using namespace converge::store;

/// Keys and values: what is accepted is written back to the same bytes.
void records(std::string_view text) {
  static_cast<void>(describe_key(text));
  static_cast<void>(parse_key(text).has_value());
  const std::string header = header_key({});
  if (const auto record = decode_header(header, seal_value(header, Kind::kHeader, text))) {
    const std::string again = encode_header(header, *record);
    const auto second = decode_header(header, again);
    ASSERT(second.has_value() && *second == *record);
  }
  const std::string ledger = meta_key("commit");
  if (const auto record = decode_ledger(ledger, seal_value(ledger, Kind::kMeta, text))) {
    const auto second = decode_ledger(ledger, encode_ledger(ledger, *record));
    ASSERT(second.has_value() && *second == *record);
  }
  const std::string peer = peer_key({});
  if (const auto entry = decode_peer(peer, seal_value(peer, Kind::kPeer, text))) {
    const auto second = decode_peer(peer, encode_peer(peer, *entry));
    ASSERT(second.has_value() && second->record == entry->record);
  }
  const std::string list = receipt_list_key({}, 1);
  if (const auto numbers = decode_receipt_list(list, seal_value(list, Kind::kReceiptList, text))) {
    const auto second = decode_receipt_list(list, encode_receipt_list(list, *numbers));
    ASSERT(second.has_value() && *second == *numbers);
  }
  const std::string part = snapshot_key({}, 1, 0);
  static_cast<void>(
      decode_snapshot_part(part, seal_value(part, Kind::kSnapshotPart, text)).has_value());
  const std::string change = change_key({}, {});
  static_cast<void>(
      decode_change(change, seal_value(change, Kind::kChange, text), Kind::kChange).has_value());
  const std::string format = meta_key("format");
  static_cast<void>(decode_format(format, seal_value(format, Kind::kMeta, text)).has_value());
}

/// Raw bytes as a log, then framed with right sums so that the contents get deep.
void logs(std::string_view text) {
  LogReader reader(text);
  std::uint64_t end = 0;
  while (true) {
    if (const auto record = reader.next()) {
      ASSERT(record->offset < record->end && record->end <= text.size());
      ASSERT(record->offset >= end || record->end > end);
      end = record->end;
    } else if (!reader.hole()) {
      break;
    }
  }
  static_cast<void>(decode_batch(text).has_value());
  LogFramer framer;
  framer.add(text);
  if (const auto manifest = read_manifest(framer.bytes())) {
    const auto again = read_manifest(encode_manifest(*manifest));
    ASSERT(again.has_value() && again->files == manifest->files);
  }
}

void table(std::string_view text) {
  const int fd = ::memfd_create("table", MFD_CLOEXEC);
  if (fd < 0) return;
  auto reader = TableReader::adopt(fd, text.size());
  if (::write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) return;
  static_cast<void>(reader.read_index().has_value());
  DecodedBlock block;
  for (const BlockHandle& handle : reader.blocks()) {
    static_cast<void>(reader.read_block(handle, block).has_value());
  }
}

}  // namespace

// Everything that the store reads from its files; the first byte says as what.
void store_files(ByteView input) {
  if (input.empty()) return;
  const std::string_view text = as_text(input.subspan(1));
  switch (std::to_integer<int>(input[0]) % 4) {
    case 0:
      return records(text);
    case 1:
      return logs(text);
    case 2:
      return table(text);
    default:
      static_cast<void>(parse_backup_manifest(text).has_value());
  }
}

}  // namespace converge::fuzz

CONVERGE_FUZZ_ENTRY(converge::fuzz::store_files)
