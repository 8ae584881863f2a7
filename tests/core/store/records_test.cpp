#include "core/base/limits.h"
#include "core/store/crc32c.h"
#include "core/store/fields.h"
#include "core/store/id_prefix.h"
#include "core/store/keys.h"
#include "core/store/log_reader.h"
#include "core/store/manifest.h"
#include "core/store/values.h"
#include "tests/core/store/store_test_support.h"

#include <catch2/catch.hpp>

#include <numeric>

using namespace converge;
using namespace converge::store;
using namespace converge::store::testing;

TEST_CASE("CRC-32C gives the published values, by table and by instruction", "[store]") {
  CHECK(crc32c(as_bytes("123456789")) == 0xe3069283u);
  CHECK(crc32c_portable(as_bytes("123456789")) == 0xe3069283u);
  CHECK(crc32c({}) == 0);
  CHECK(crc32c(Bytes(32)) == 0x8a9136aau);
  CHECK(crc32c(Bytes(32, std::byte{0xff})) == 0x62a8ab43u);
  Bytes bytes(1000);
  SeededRandom(1).fill(bytes);
  for (std::size_t length = 0; length < bytes.size(); length += 7) {
    const ByteView part = ByteView(bytes).first(length);
    REQUIRE(crc32c(part) == crc32c_portable(part));
    const std::size_t half = length / 3;
    REQUIRE(crc32c(part.subspan(half), crc32c(part.first(half))) == crc32c(part));
    REQUIRE(unmask_crc(mask_crc(crc32c(part))) == crc32c(part));
  }
}

TEST_CASE("every key is taken apart into what it was made of", "[store]") {
  const DocumentId id = document(1);
  const ChangeHash hash = change("a").hash;
  CHECK(parse_key(header_key(id))->document == id);
  CHECK(parse_key(change_key(id, hash))->hash == hash);
  CHECK(parse_key(orphan_key(id, hash))->kind == Kind::kOrphan);
  const auto part = parse_key(snapshot_key(id, 0x01020304, 0xfffffffe));
  CHECK(part->number == 0x01020304);
  CHECK(part->part == 0xfffffffe);
  CHECK(parse_key(receipt_list_key(id, 0x0102030405))->number == 0x0102030405);
  CHECK(parse_key(receipt_list_key(id, 1))->kind == Kind::kReceiptList);
  CHECK(parse_key(peer_sync_key(id, store::testing::peer_key(9)))->peer ==
        store::testing::peer_key(9));
  CHECK(parse_key(receipt_key(UINT64_MAX))->number == UINT64_MAX);
  CHECK(parse_key(name_key("a/b"))->name == "a/b");
  CHECK(parse_key(name_link_key(id, "a/b"))->name == "a/b");
  CHECK(parse_key(idempotency_key({}, "k"))->name == "k");
  CHECK(parse_key(job_key(7))->number == 7);
  CHECK(receipt_key(255) < receipt_key(256));
}

TEST_CASE("bytes that are no key are refused, whatever they are", "[store]") {
  for (const std::string& key :
       {std::string(), std::string("z"), std::string("i"), header_key(document(1)) + "x",
        change_key(document(1), {}).substr(0, 40), document_prefix(document(1)),
        document_prefix(document(1), 'z') + std::string(32, 'a'), std::string("r1234567"),
        std::string("m"), std::string("x") + std::string(16, 'c')}) {
    CHECK_FALSE(parse_key(key).has_value());
    CHECK_FALSE(describe_key(key).empty());
  }
  SeededRandom random(3);
  for (int i = 0; i < 20'000; ++i) {
    Bytes bytes(random.next_u64() % 60);
    random.fill(bytes);
    static_cast<void>(parse_key(as_text(bytes)).has_value());
    static_cast<void>(describe_key(as_text(bytes)));
  }
}

TEST_CASE("records come back as they were written", "[store]") {
  const DocumentId id = document(1);
  const Heads heads = [] {
    Heads out{change("a").hash, change("b").hash};
    std::ranges::sort(out);
    return out;
  }();
  std::string key = header_key(id);
  HeaderRecord header;
  header.header = {id,    DocumentState::kDegraded,
                   heads, 5,
                   6,     7,
                   8,     -9,
                   10,    {3, 11, 12, Sha256{std::byte{1}}, heads}};
  CHECK(*decode_header(key, encode_header(key, header)) == header);
  header.header.snapshot = {};
  CHECK(*decode_header(key, encode_header(key, header)) == header);

  key = change_key(id, heads[0]);
  const std::string value = encode_change(key, Kind::kChange, {9, -1, {"nas"}, "chunk"});
  const auto stored = decode_change(key, value, Kind::kChange);
  CHECK(stored->receipt == 9);
  CHECK(stored->source.peer == "nas");
  CHECK(stored->chunk == "chunk");

  key = meta_key("commit");
  const Ledger ledger{UINT64_MAX, 2, 3, 4, 5, 6, {}};
  CHECK(*decode_ledger(key, encode_ledger(key, ledger)) == ledger);
  key = meta_key("format");
  const FormatRecord format{1, 2, {"a"}, {"b", ""}, "converge 1"};
  CHECK(*decode_format(key, encode_format(key, format)) == format);
  key = tombstone_key(id);
  const Tombstone tombstone{id, 4, {"x"}, heads};
  CHECK(*decode_tombstone(key, encode_tombstone(key, tombstone)) == tombstone);
  key = receipt_key(77);
  const Receipt receipt{77, id, heads[1], 5, {}};
  CHECK(*decode_receipt(key, encode_receipt(key, receipt)) == receipt);
}

TEST_CASE("any flipped bit of a value, and a value under another key, is noticed", "[store]") {
  const std::string key = name_key("a");
  const std::string value = encode_name(key, document(1));
  for (std::size_t bit = 0; bit < value.size() * 8; ++bit) {
    std::string damaged = value;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    const auto decoded = decode_name(key, damaged);
    REQUIRE_FALSE(decoded.has_value());
    CHECK(decoded.error().message.starts_with("record.sum"));
  }
  CHECK_FALSE(decode_name(name_key("b"), value).has_value());
  for (std::size_t length = 0; length < value.size(); ++length) {
    REQUIRE_FALSE(decode_name(key, value.substr(0, length)).has_value());
  }
}

TEST_CASE("optional fields of a later release are kept, others are refused", "[store]") {
  const std::string key = header_key(document(1));
  HeaderRecord header;
  header.header.id = document(1);
  header.extra = std::string(
      "\x90\x03"
      "abc\xff\x00",
      7);
  CHECK(decode_header(key, encode_header(key, header))->extra == header.extra);

  FieldWriter fields;
  fields.fixed(1, document(1).bytes);
  fields.number(100, 1);
  CHECK_FALSE(decode_name(name_key("a"), seal_value(name_key("a"), Kind::kName, fields.body()))
                  .has_value());
}

TEST_CASE("record bodies of any bytes never break the decoders", "[store]") {
  SeededRandom random(4);
  const std::string header = header_key(document(1));
  const std::string peer = store::peer_key(store::testing::peer_key(1));
  for (int i = 0; i < 20'000; ++i) {
    Bytes bytes(random.next_u64() % 80);
    random.fill(bytes);
    // Small tags and lengths get further.
    for (std::size_t b = 0; b < bytes.size(); ++b) {
      if (random.next_u64() % 2 == 0) bytes[b] &= std::byte{0x0f};
    }
    const std::string_view body = as_text(bytes);
    static_cast<void>(decode_header(header, seal_value(header, Kind::kHeader, body)).has_value());
    static_cast<void>(decode_peer(peer, seal_value(peer, Kind::kPeer, body)).has_value());
    const std::string part = snapshot_key(document(1), 1, 0);
    static_cast<void>(
        decode_snapshot_part(part, seal_value(part, Kind::kSnapshotPart, body)).has_value());
    static_cast<void>(decode_batch(body).has_value());
    static_cast<void>(read_manifest(body).has_value());
  }
}

TEST_CASE("a list of receipts comes back, and one that does not ascend is refused", "[store]") {
  const std::string key = receipt_list_key(document(1), 1);
  std::vector<ReceiptNumber> numbers{1, 2, 200, UINT64_MAX};
  CHECK(decode_receipt_list(key, encode_receipt_list(key, numbers)) == numbers);
  numbers.resize(kReceiptListMax);
  std::iota(numbers.begin(), numbers.end(), 7u);
  CHECK(decode_receipt_list(key, encode_receipt_list(key, numbers)) == numbers);
  numbers.push_back(numbers.back() + 1);
  const std::string_view zero("\1\1\0", 3);
  for (const std::string& bad :
       {encode_receipt_list(key, numbers), encode_receipt_list(key, {}),
        seal_value(key, Kind::kReceiptList, zero), seal_value(key, Kind::kReceiptList, "\1\1\x80")})
    CHECK_FALSE(decode_receipt_list(key, bad).has_value());
}

TEST_CASE("a record of any length survives the log's frames", "[store]") {
  LogFramer framer;
  std::vector<std::string> records;
  SeededRandom random(6);
  for (std::size_t size :
       {std::size_t{0}, std::size_t{1}, kLogBlockBytes - 2 * kLogHeaderBytes,
        kLogBlockBytes - kLogHeaderBytes, kLogBlockBytes, std::size_t{100'000}, std::size_t{5}}) {
    Bytes bytes(size);
    random.fill(bytes);
    records.emplace_back(as_text(bytes));
    framer.add(records.back());
  }
  LogReader reader(framer.bytes());
  for (const std::string& wanted : records) {
    const auto record = reader.next();
    // An empty record is indistinguishable from nothing only by its sum.
    REQUIRE(record.has_value());
    CHECK(record->bytes == wanted);
  }
  CHECK_FALSE(reader.next().has_value());
  CHECK_FALSE(reader.hole().has_value());
}

TEST_CASE("a log reader finds every record that a flipped byte leaves whole", "[store]") {
  LogFramer framer;
  for (int i = 0; i < 300; ++i) framer.add(std::string(500, static_cast<char>('a' + i % 26)));
  const std::string& log = framer.bytes();
  for (std::size_t at = 0; at < log.size(); at += 997) {
    std::string damaged = log;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
    LogReader reader(damaged);
    std::size_t records = 0;
    std::size_t holes = 0;
    while (true) {
      if (reader.next()) {
        ++records;
      } else if (reader.hole()) {
        ++holes;
      } else {
        break;
      }
    }
    // At worst the rest of one block of 32 KiB, and the record that runs into the next.
    REQUIRE(records >= 300 - 66);
    REQUIRE(holes >= 1);
  }
}

TEST_CASE("a MANIFEST written by us is read back", "[store]") {
  Manifest manifest;
  manifest.comparator = kComparatorName;
  manifest.log_number = 12;
  manifest.next_file = 15;
  manifest.last_sequence = 1'000'000;
  manifest.files = {{0, 13, 4096, std::string("a12345678"), std::string("z12345678")},
                    {6, 7, 1u << 30, std::string(500, 'b'), std::string(700, 'c')}};
  const auto read = read_manifest(encode_manifest(manifest));
  REQUIRE(read.has_value());
  CHECK(read->files == manifest.files);
  CHECK(read->log_number == 12);
  CHECK(read->last_sequence == 1'000'000);
  CHECK_FALSE(read->torn_tail.has_value());
}

TEST_CASE("names have bounds", "[store]") {
  CHECK(check_name(std::string(limits::kNameBytesMax, 'x')).has_value());
  CHECK_FALSE(check_name(std::string(limits::kNameBytesMax + 1, 'x')).has_value());
  CHECK(prefix_end("a") == "b");
  CHECK(prefix_end(std::string("a\xff\xff")) == "b");
  CHECK(prefix_end("\xff").empty());
}

TEST_CASE("ids of zeros are found by their ones", "[store]") {
  DocumentId zero;
  const std::string text = zero.to_base58();
  for (std::size_t length = 0; length <= text.size(); ++length) {
    bool inside = false;
    for (const auto& [from, to] : id_ranges(text.substr(0, length))) {
      inside = inside || (from <= zero && zero <= to);
    }
    CHECK(inside);
  }
}
