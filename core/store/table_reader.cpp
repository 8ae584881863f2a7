#include "core/store/table_reader.h"

#include "core/store/crc32c.h"
#include "core/store/leveldb_env.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <snappy.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace converge::store {
namespace {

constexpr std::uint64_t kMagic = 0xdb4775248b80fb57ull;
constexpr std::size_t kTrailerBytes = 8;  // of an internal key

std::uint32_t little_endian32(std::string_view bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = (value << 8) | static_cast<unsigned char>(bytes[i]);
  return value;
}

std::uint64_t little_endian64(std::string_view bytes) {
  return little_endian32(bytes) | (std::uint64_t{little_endian32(bytes.substr(4))} << 32);
}

std::optional<std::uint64_t> take_varint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift <= 63 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  return std::nullopt;
}

std::optional<BlockHandle> take_handle(std::string_view& bytes) {
  const auto offset = take_varint(bytes);
  const auto size = offset ? take_varint(bytes) : std::nullopt;
  if (!size) return std::nullopt;
  return BlockHandle{*offset, *size};
}

/// Entries of a block's contents: shared, unshared and value length as varints, key rest, value;
/// then restart offsets (4 each) and their number (4).
const char* decode_entries(DecodedBlock& block, bool check_order) {
  block.entries.clear();
  const std::string_view all = block.bytes;
  if (all.size() < 4) return "no room for its restarts";
  const std::uint64_t restarts = little_endian32(all.substr(all.size() - 4));
  if (restarts * 4 + 4 > all.size()) return "its restarts run past the beginning";
  std::string_view rest = all.substr(0, all.size() - 4 - restarts * 4);
  std::string key;
  while (!rest.empty()) {
    const auto shared = take_varint(rest);
    const auto unshared = shared ? take_varint(rest) : std::nullopt;
    const auto length = unshared ? take_varint(rest) : std::nullopt;
    if (!length || *shared > key.size() || *unshared > rest.size() ||
        *length > rest.size() - *unshared) {
      return "an entry runs past the end";
    }
    std::string next = key.substr(0, *shared);
    next.append(rest.substr(0, *unshared));
    rest.remove_prefix(*unshared);
    if (check_order && next.size() < kTrailerBytes) return "a key without sequence";
    if (check_order && !block.entries.empty() && compare_internal(key, next) >= 0) {
      return "its keys are not in order";
    }
    key = std::move(next);
    block.entries.push_back({key, rest.substr(0, *length)});
    rest.remove_prefix(*length);
  }
  return nullptr;
}

/// Whether a block found without the index is the index itself: each value is the handle of a block
/// before it.
bool is_index(const DecodedBlock& block, const BlockHandle& at) {
  return std::ranges::all_of(block.entries, [&](const DecodedBlock::Entry& entry) {
    std::string_view value = entry.value;
    const auto handle = take_handle(value);
    return handle && value.empty() && handle->offset < at.offset &&
           handle->size < at.offset - handle->offset;
  });
}

}  // namespace

std::optional<InternalKey> parse_internal_key(std::string_view key) {
  if (key.size() < kTrailerBytes) return std::nullopt;
  const std::uint64_t trailer = little_endian64(key.substr(key.size() - kTrailerBytes));
  if ((trailer & 0xff) > 1) return std::nullopt;
  return InternalKey{key.substr(0, key.size() - kTrailerBytes), trailer >> 8,
                     (trailer & 0xff) == 0};
}

int compare_internal(std::string_view a, std::string_view b) {
  const int by_user =
      a.substr(0, a.size() - kTrailerBytes).compare(b.substr(0, b.size() - kTrailerBytes));
  if (by_user != 0) return by_user;
  const std::uint64_t left = little_endian64(a.substr(a.size() - kTrailerBytes));
  const std::uint64_t right = little_endian64(b.substr(b.size() - kTrailerBytes));
  return left > right ? -1 : (left < right ? 1 : 0);
}

Result<TableReader> TableReader::open(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return file_error("open", path.string(), errno);
  struct stat info {};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(fd);
    return Error{ErrorCode::kIo, path.string() + " is not a regular file", "io"};
  }
  return TableReader(fd, static_cast<std::uint64_t>(info.st_size));
}

TableReader::TableReader(TableReader&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      size_(other.size_),
      has_index_(other.has_index_),
      blocks_(std::move(other.blocks_)) {}

TableReader::~TableReader() {
  if (fd_ >= 0) ::close(fd_);
}

std::optional<std::string> TableReader::read_at(std::uint64_t offset, std::size_t bytes) const {
  std::string out(bytes, '\0');
  std::size_t done = 0;
  while (done < bytes) {
    const ssize_t got =
        ::pread(fd_, out.data() + done, bytes - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return std::nullopt;
    done += static_cast<std::size_t>(got);
  }
  return out;
}

std::optional<std::string> TableReader::read_verified(const BlockHandle& handle,
                                                      std::string& why) const {
  if (handle.size > kBlockBytesMax || handle.offset > size_ ||
      handle.size + kBlockTrailerBytes > size_ - handle.offset) {
    why = "it lies outside the file";
    return std::nullopt;
  }
  auto raw = read_at(handle.offset, handle.size + kBlockTrailerBytes);
  if (!raw) {
    why = "it cannot be read";
    return std::nullopt;
  }
  const std::string_view summed = std::string_view(*raw).substr(0, handle.size + 1);
  if (unmask_crc(little_endian32(std::string_view(*raw).substr(handle.size + 1))) !=
      crc32c(as_bytes(summed))) {
    why = "its sum is wrong";
    return std::nullopt;
  }
  const char compression = (*raw)[handle.size];
  raw->resize(handle.size);
  if (compression == 0) return raw;
  if (compression != 1) {
    why = "an unknown compression";
    return std::nullopt;
  }
  std::size_t length = 0;
  std::string out;
  if (!snappy::GetUncompressedLength(raw->data(), raw->size(), &length) ||
      length > kBlockBytesMax || !snappy::Uncompress(raw->data(), raw->size(), &out)) {
    why = "it does not decompress";
    return std::nullopt;
  }
  return out;
}

std::optional<TableDamage> TableReader::read_index() {
  blocks_.clear();
  const auto damaged = [this](std::string why, std::uint64_t offset) {
    find_blocks();
    return TableDamage{"table.open", std::move(why), offset};
  };
  if (size_ < kFooterBytes) return damaged("shorter than a footer", 0);
  const std::uint64_t footer_at = size_ - kFooterBytes;
  const auto footer = read_at(footer_at, kFooterBytes);
  if (!footer) return damaged("the footer cannot be read", footer_at);
  if (little_endian64(std::string_view(*footer).substr(kFooterBytes - 8)) != kMagic) {
    return damaged("the footer has another magic number", footer_at);
  }
  std::string_view handles = *footer;
  const auto metaindex = take_handle(handles);
  const auto index = metaindex ? take_handle(handles) : std::nullopt;
  if (!index) return damaged("the footer's handles are damaged", footer_at);
  // No checksum covers the footer; what lies between handles and magic is always zero.
  if (handles.substr(0, handles.size() - 8).find_first_not_of('\0') != std::string_view::npos) {
    return damaged("the footer's padding is not empty", footer_at);
  }
  std::string why;
  std::vector<BlockHandle> filters;
  for (const BlockHandle& handle : {*metaindex, *index}) {
    auto bytes = read_verified(handle, why);
    if (!bytes) return damaged("index block: " + why, handle.offset);
    DecodedBlock block;
    block.bytes = std::move(*bytes);
    if (const char* wrong = decode_entries(block, false)) return damaged(wrong, handle.offset);
    const bool is_meta = handle.offset == metaindex->offset;
    for (const DecodedBlock::Entry& entry : block.entries) {
      std::string_view value = entry.value;
      const auto data = take_handle(value);
      if (!data) return damaged("index block: a handle is damaged", handle.offset);
      (is_meta ? filters : blocks_).push_back(*data);
    }
  }
  has_index_ = true;
  for (const BlockHandle& filter : filters) {  // without them the data can still be read
    if (!read_verified(filter, why)) {
      return TableDamage{"table.open", "filter block: " + why, filter.offset};
    }
  }
  return std::nullopt;
}

/// From each offset the length is tried at which the stored sum fits; the running sum makes that
/// linear in the block. Where none fits the walk goes on one byte further.
void TableReader::find_blocks() {
  blocks_.clear();
  const auto whole = read_at(0, size_);
  if (!whole) return;
  const std::string_view file = *whole;
  // Right behind a good block a block begins, of whatever size; elsewhere each place is a guess.
  constexpr std::size_t kTriedMax = 1u << 20;
  constexpr std::size_t kGuessedMax = 16u << 10;
  std::size_t at = 0;
  bool is_start = true;
  while (at + kBlockTrailerBytes < file.size()) {
    std::uint32_t running = 0;
    std::optional<std::size_t> found;
    const std::size_t end =
        std::min(file.size() - kBlockTrailerBytes, at + (is_start ? kTriedMax : kGuessedMax));
    for (std::size_t last = at; last <= end; ++last) {
      // `last` is the place of the compression byte; the block is [at, last).
      const char byte = file[last];
      if (last > at && (byte == 0 || byte == 1)) {
        const std::uint32_t sum = crc32c(as_bytes(file.substr(last, 1)), running);
        if (unmask_crc(little_endian32(file.substr(last + 1))) == sum) {
          found = last - at;
          break;
        }
      }
      running = crc32c(as_bytes(file.substr(last, 1)), running);
    }
    is_start = found.has_value();
    if (!found) {
      at += 1;
      continue;
    }
    const BlockHandle handle{at, *found};
    DecodedBlock block;
    // Filter, metaindex and index blocks have sums too, but no internal keys in order.
    if (!read_block(handle, block) && !block.entries.empty() &&
        parse_internal_key(block.entries.front().key) && !is_index(block, handle)) {
      blocks_.push_back(handle);
    }
    at += *found + kBlockTrailerBytes;
  }
}

std::optional<TableDamage> TableReader::read_block(const BlockHandle& handle,
                                                   DecodedBlock& block) const {
  std::string why;
  auto bytes = read_verified(handle, why);
  if (!bytes) return TableDamage{"table.block", why, handle.offset};
  block.bytes = std::move(*bytes);
  if (const char* wrong = decode_entries(block, true)) {
    return TableDamage{"table.block", wrong, handle.offset};
  }
  return std::nullopt;
}

}  // namespace converge::store
