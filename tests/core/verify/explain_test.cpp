#include "core/verify/explain.h"

#include "core/codec/cbor.h"
#include "core/format/change.h"
#include "core/sync/message.h"
#include "tests/core/verify/histories.h"

#include <nlohmann/json.hpp>

#include <random>

using namespace converge;
using namespace converge::verify;
using nlohmann::json;

namespace {

Bytes joined(const std::vector<Bytes>& chunks) {
  Bytes out;
  for (const Bytes& chunk : chunks) out.insert(out.end(), chunk.begin(), chunk.end());
  return out;
}

engine::Document a_document() {
  engine::Document document(actor('a'));
  auto tx = document.transact();
  REQUIRE(tx.put(model::kRoot, std::string("title"), Scalar::string("milk")));
  const auto text = tx.put_object(model::kRoot, std::string("body"), engine::ObjType::kText);
  REQUIRE(text);
  REQUIRE(tx.splice_text(*text, 0, 0, "hello"));
  tx.commit();
  return document;
}

sync::Message a_message(const Bytes& change) {
  sync::Message message;
  message.heads = {model::ChangeHash{}};
  message.have = {{{}, sync::BloomFilter(std::vector{model::ChangeHash{}})}};
  message.changes = {change};
  message.flags = sync::kFlagSupportsReset;
  return message;
}

/// As automerge-repo sends it, with a key that we do not know.
Bytes a_frame(const Bytes& data) {
  Bytes out;
  codec::write_cbor_map(out, 4);
  codec::write_cbor_text(out, "type");
  codec::write_cbor_text(out, "sync");
  codec::write_cbor_text(out, "senderId");
  codec::write_cbor_text(out, "peer-1");
  codec::write_cbor_text(out, "error");
  codec::write_cbor_bool(out, true);
  codec::write_cbor_text(out, "data");
  codec::write_cbor_bytes(out, data);
  return out;
}

const json& field_of(const json& item, const std::string& name) {
  for (const json& field : item.at("fields"))
    if (field.at("field") == name) return field;
  FAIL("no field " << name);
  return item;
}

}  // namespace

TEST_CASE("a change is explained field by field and by its operations") {
  const engine::Document document = a_document();
  const ChangeHash hash = document.heads().at(0);
  const Bytes chunk = *document.change_bytes(hash);

  const json item = explain_chunks(chunk, true).at(0);

  CHECK(item.at("type") == "change");
  CHECK(item.at("bytes") == chunk.size());
  CHECK(item.at("checksum_ok") == true);
  CHECK(item.at("hash") == hash.to_hex());
  CHECK(item.at("ops") == 7);
  REQUIRE(item.at("operations").size() == 3);
  CHECK(item.at("operations")[0].at("key") == "title");
  CHECK(item.at("operations")[0].at("value") == "milk");
  CHECK(item.at("operations")[2].at("value") == "hello");
  CHECK(item.at("operations")[2].at("count") == 5);
  CHECK(item.at("operations")[2].at("object") == "2@61");
  const json& seq = field_of(item, "seq");
  CHECK(seq.at("value") == 1);
  CHECK(chunk.at(seq.at("offset").get<std::size_t>()) == std::byte{1});
  std::size_t end = 0;
  for (const json& field : item.at("fields"))
    end = field.at("offset").get<std::size_t>() + field.at("bytes").get<std::size_t>();
  CHECK(end == chunk.size());
}

TEST_CASE("compressed changes and whole documents are explained like plain changes") {
  engine::Document document(actor('a'));
  auto tx = document.transact();
  REQUIRE(tx.put(model::kRoot, std::string("x"), Scalar::string(std::string(2000, 'x'))));
  tx.commit();
  const auto change = format::decode_change(*document.change_bytes(document.heads().at(0)));
  REQUIRE(change);
  const Bytes packed = format::change_chunk(*change, true);

  const json from_packed = explain_chunks(packed, true).at(0);
  CHECK(from_packed.at("type") == "compressed change");
  CHECK(from_packed.at("hash") == change->hash.to_hex());

  const json from_document = explain_chunks(document.save(), true).at(0);
  CHECK(from_document.at("type") == "document");
  CHECK(from_document.at("changes") == 1);
  CHECK(from_document.at("records").at(0).at("hash") == change->hash.to_hex());
  CHECK(field_of(from_document, "heads").at("value").at(0) == change->hash.to_hex());
}

TEST_CASE("what is damaged is told, and everything around it shown") {
  const std::vector<Bytes> changes = concurrent_puts(3);
  Bytes bytes = changes[0];
  bytes.back() ^= std::byte{1};  // in the body of the first
  bytes.insert(bytes.end(), 5, std::byte{0});
  bytes.insert(bytes.end(), changes[1].begin(), changes[1].end());
  bytes.insert(bytes.end(), changes[2].begin(), changes[2].end() - 3);

  const json items = explain_chunks(bytes, true);

  REQUIRE(items.size() == 4);
  CHECK(items[0].at("checksum_ok") == false);
  CHECK(items[0].contains("error"));
  CHECK(items[1].at("error") == "no chunk begins here");
  CHECK(items[1].at("bytes") == 5);
  CHECK_FALSE(items[2].contains("error"));
  CHECK(items[3].contains("error"));
  CHECK(count_errors(items) >= 3);
}

TEST_CASE("a sync message is explained down to the operations of its changes") {
  const std::vector<Bytes> changes = chain(1);
  const Bytes bytes = sync::encode_message(a_message(changes[0]));

  const json item = explain_messages(bytes, true).at(0);

  CHECK(item.at("type") == "sync message");
  CHECK(item.at("heads").size() == 1);
  CHECK(item.at("have").at(0).at("entries") == 1);
  CHECK(item.at("flags") == json::array({"supports_reset"}));
  CHECK(item.at("records").at(0).at("operations").size() == 1);
  CHECK(field_of(item, "heads").at("offset") == 1);
  CHECK(count_errors(item) == 0);
}

TEST_CASE("frames of the repo protocol are explained with the message inside") {
  const Bytes inner = sync::encode_message(a_message(chain(1)[0]));
  const Bytes one = a_frame(inner);

  const json items = explain_messages(joined({one, one}), true);

  REQUIRE(items.size() == 2);
  CHECK(items[0].at("type") == "sync");
  CHECK(items[0].at("senderId") == "peer-1");
  CHECK(items[1].at("offset") == one.size());
  CHECK(items[0].at("data").at("changes") == 1);
  CHECK(items[0].at("data").at("offset") == one.size() - inner.size());
  CHECK(count_errors(items) == 0);  // a peer's key named "error" is none of ours
}

TEST_CASE("bytes that are no message say so") {
  CHECK(count_errors(explain_messages(as_bytes("hello"), true)) == 1);
  CHECK(count_errors(explain_messages(as_bytes("\x42\xff"), true)) >= 1);
  CHECK(explain_messages({}, true).empty());
  CHECK(explain_chunks({}, true).empty());
}

TEST_CASE("explaining is total: mutated bytes give an answer that JSON can hold") {
  const Bytes document = a_document().save();
  const Bytes frame = a_frame(sync::encode_message(a_message(chain(1)[0])));
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    Bytes bytes = round % 2 == 0 ? document : frame;
    for (int i = 0; i < 3; ++i) bytes[random() % bytes.size()] = static_cast<std::byte>(random());
    bytes.resize(bytes.size() - random() % 4);
    const json items = round % 2 == 0 ? explain_chunks(bytes, true) : explain_messages(bytes, true);
    CHECK_NOTHROW(items.dump());
  }
}
