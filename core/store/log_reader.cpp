#include "core/store/log_reader.h"

#include "core/store/crc32c.h"

#include <algorithm>

namespace converge::store {
namespace {

enum FragmentType { kZero = 0, kWhole = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

std::uint32_t little_endian(std::string_view bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) {
    value = (value << 8) | static_cast<unsigned char>(bytes[i]);
  }
  return value;
}

std::uint64_t little_endian64(std::string_view bytes) {
  return little_endian(bytes.substr(0, 4)) |
         (std::uint64_t{little_endian(bytes.substr(4, 4))} << 32);
}

/// Takes a varint32 from the front.
std::optional<std::uint32_t> take_varint32(std::string_view& bytes) {
  std::uint32_t value = 0;
  for (unsigned shift = 0; shift <= 28 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    value |= static_cast<std::uint32_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  return std::nullopt;
}

std::optional<std::string_view> take_prefixed(std::string_view& bytes) {
  const auto length = take_varint32(bytes);
  if (!length || *length > bytes.size()) return std::nullopt;
  const std::string_view out = bytes.substr(0, *length);
  bytes.remove_prefix(*length);
  return out;
}

std::size_t next_block(std::size_t at) { return (at / kLogBlockBytes + 1) * kLogBlockBytes; }

}  // namespace

void LogReader::open_hole(std::uint64_t from, std::uint64_t to, const char* why) {
  at_ = std::min<std::size_t>(to, file_.size());
  hole_ = LogHole{from, at_, why, at_ == file_.size()};
}

std::optional<LogReader::Fragment> LogReader::next_fragment() {
  const std::size_t left_in_block = kLogBlockBytes - at_ % kLogBlockBytes;
  if (left_in_block < kLogHeaderBytes) at_ += left_in_block;
  if (at_ >= file_.size()) return std::nullopt;
  const std::size_t offset = at_;
  const std::size_t block_end = std::min(next_block(offset), file_.size());
  if (block_end - offset < kLogHeaderBytes) {
    open_hole(offset, block_end, "a header is cut short");
    return std::nullopt;
  }
  const std::string_view header = file_.substr(offset, kLogHeaderBytes);
  const std::size_t length = little_endian(header.substr(4, 2));
  const int type = static_cast<unsigned char>(header[6]);
  if (type == kZero && length == 0) {
    open_hole(offset, next_block(offset), "zeros");
    return std::nullopt;
  }
  if (offset + kLogHeaderBytes + length > block_end) {
    open_hole(offset, next_block(offset), "a record is cut short or its length is wrong");
    return std::nullopt;
  }
  const std::string_view summed = file_.substr(offset + 6, length + 1);
  if (unmask_crc(little_endian(header.substr(0, 4))) != crc32c(as_bytes(summed))) {
    open_hole(offset, next_block(offset), "a sum is wrong");
    return std::nullopt;
  }
  at_ = offset + kLogHeaderBytes + length;
  if (type > kLast) {
    open_hole(offset, at_, "an unknown kind of record");
    return std::nullopt;
  }
  return Fragment{offset, type, summed.substr(1)};
}

std::optional<LogRecord> LogReader::next() {
  hole_.reset();
  joined_.clear();
  std::optional<std::uint64_t> begun;
  while (true) {
    const std::size_t before = at_;
    const auto fragment = next_fragment();
    if (!fragment) {
      if (begun && !hole_) open_hole(*begun, file_.size(), "a record is cut short");
      if (begun && hole_) hole_->offset = *begun;
      return std::nullopt;
    }
    const bool starts = fragment->type == kWhole || fragment->type == kFirst;
    if (starts && begun) {
      at_ = before;
      open_hole(*begun, fragment->offset, "a record has no end");
      return std::nullopt;
    }
    if (!starts && !begun) {
      open_hole(fragment->offset, at_, "a record has no beginning");
      return std::nullopt;
    }
    if (fragment->type == kWhole) return LogRecord{fragment->offset, at_, fragment->bytes};
    if (fragment->type == kFirst) begun = fragment->offset;
    joined_.append(fragment->bytes);
    if (fragment->type == kLast) return LogRecord{*begun, at_, joined_};
  }
}

Result<DecodedBatch> decode_batch(std::string_view bytes) {
  const auto corrupt = [](const char* why) {
    return Error{ErrorCode::kCorrupt, std::string("log.batch: ") + why, "store.corrupt"};
  };
  constexpr std::size_t kHeaderBytes = 12;
  if (bytes.size() < kHeaderBytes) return corrupt("shorter than its header");
  DecodedBatch batch;
  batch.sequence = little_endian64(bytes);
  const std::uint32_t count = little_endian(bytes.substr(8, 4));
  bytes.remove_prefix(kHeaderBytes);
  while (!bytes.empty()) {
    const char kind = bytes.front();
    bytes.remove_prefix(1);
    const auto key = take_prefixed(bytes);
    if (!key) return corrupt("a key runs past the end");
    BatchOperation operation{*key, std::nullopt};
    if (kind == 1) {
      operation.value = take_prefixed(bytes);
      if (!operation.value) return corrupt("a value runs past the end");
    } else if (kind != 0) {
      return corrupt("an unknown kind of operation");
    }
    batch.operations.push_back(operation);
  }
  if (batch.operations.size() != count) return corrupt("the number of operations is wrong");
  return batch;
}

void LogFramer::add(std::string_view record) {
  bool first = true;
  do {
    std::size_t room = kLogBlockBytes - out_.size() % kLogBlockBytes;
    if (room < kLogHeaderBytes) {
      out_.append(room, '\0');
      room = kLogBlockBytes;
    }
    const std::size_t length = std::min(record.size(), room - kLogHeaderBytes);
    const bool last = length == record.size();
    const int type = first ? (last ? kWhole : kFirst) : (last ? kLast : kMiddle);
    std::string summed(1, static_cast<char>(type));
    summed.append(record.substr(0, length));
    const std::uint32_t sum = mask_crc(crc32c(as_bytes(summed)));
    for (int i = 0; i < 4; ++i) out_.push_back(static_cast<char>((sum >> (8 * i)) & 0xff));
    out_.push_back(static_cast<char>(length & 0xff));
    out_.push_back(static_cast<char>(length >> 8));
    out_.append(summed);
    record.remove_prefix(length);
    first = false;
  } while (!record.empty());
}

}  // namespace converge::store
