#include "agent/session/message.h"

#include "core/base/bytes.h"
#include "tests/fuzz/targets.h"
#include "tests/support/shared_data.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace converge::session {
namespace {

using nlohmann::json;

const std::string kDocument = "2rUbDWKaz1HaQcGYttqVzDM9QjLP";

Bytes hex(const std::string& text) {
  const auto bytes = from_hex(text);
  REQUIRE(bytes);
  return *bytes;
}

std::string hex_of_text(const std::string& text) { return to_hex(as_bytes(text)); }

/// `{"type": type, <more>}` with `pairs` pairs in all; short texts only.
std::string text_item(const std::string& text) {
  REQUIRE(text.size() < 256);
  const std::string size = to_hex(as_bytes(std::string(1, static_cast<char>(text.size()))));
  return "78" + size + hex_of_text(text);
}

std::string pair(const std::string& key, const std::string& value_hex) {
  return text_item(key) + value_hex;
}

std::string map(const std::vector<std::string>& pairs) {
  std::string out = "b8" + to_hex(as_bytes(std::string(1, static_cast<char>(pairs.size()))));
  for (const auto& p : pairs) out += p;
  return out;
}

std::string sync_frame(const std::string& extra_pair) {
  return map({pair("type", text_item("sync")), pair("senderId", text_item("a")),
              pair("documentId", text_item(kDocument)), extra_pair});
}

const json& undefined() {
  static const json value = {{"$undefined", true}};
  return value;
}

std::string text_or_empty(const json& object, const char* key) {
  return object.contains(key) && object[key].is_string() ? object[key].get<std::string>() : "";
}

/// Every field of a captured frame that our types keep, against the independent decode in the file.
void check_against_capture(const Message& message, const json& cbor) {
  const std::string type = cbor["type"];
  INFO("type " << type);
  if (const auto* join = std::get_if<Join>(&message)) {
    CHECK(type == "join");
    CHECK(join->sender == cbor["senderId"]);
    CHECK(join->versions == cbor["supportedProtocolVersions"].get<std::vector<std::string>>());
    const json metadata = cbor.value("peerMetadata", json::object());
    CHECK(join->metadata.storage_id.value_or("") == text_or_empty(metadata, "storageId"));
    CHECK(join->metadata.ephemeral == metadata.value("isEphemeral", true));
  } else if (const auto* peer = std::get_if<Peer>(&message)) {
    CHECK(type == "peer");
    CHECK(peer->sender == cbor["senderId"]);
    CHECK(peer->target == cbor["targetId"]);
    CHECK(peer->version == cbor["selectedProtocolVersion"]);
    CHECK(peer->metadata.storage_id.value_or("") ==
          text_or_empty(cbor["peerMetadata"], "storageId"));
    CHECK(peer->metadata.ephemeral == cbor["peerMetadata"]["isEphemeral"]);
  } else if (const auto* sync = std::get_if<Sync>(&message)) {
    CHECK(type == (sync->request ? "request" : "sync"));
    CHECK(sync->sender == cbor["senderId"]);
    CHECK(sync->target == cbor["targetId"]);
    CHECK(sync->document.to_base58() == cbor["documentId"]);
    CHECK(to_hex(sync->data) == cbor["data"]["$bytes"]);
  } else if (const auto* unavailable = std::get_if<DocUnavailable>(&message)) {
    CHECK(type == "doc-unavailable");
    CHECK(unavailable->document.to_base58() == cbor["documentId"]);
  } else if (const auto* ephemeral = std::get_if<Ephemeral>(&message)) {
    CHECK(type == "ephemeral");
    CHECK(ephemeral->sender == cbor["senderId"]);
    CHECK(ephemeral->session_id == cbor["sessionId"]);
    CHECK(ephemeral->count == cbor["count"]);
    CHECK(to_hex(ephemeral->data) == cbor["data"]["$bytes"]);
  } else if (const auto* change = std::get_if<RemoteSubscriptionChange>(&message)) {
    CHECK(type == "remote-subscription-change");
    if (cbor["add"] != undefined()) {
      CHECK(change->add == cbor["add"].get<std::vector<std::string>>());
    }
    if (cbor["remove"] == undefined()) CHECK(change->remove.empty());
  } else if (const auto* heads = std::get_if<RemoteHeadsChanged>(&message)) {
    CHECK(type == "remote-heads-changed");
    REQUIRE(heads->heads.size() == cbor["newHeads"].size());
    for (const auto& [storage_id, value] : heads->heads) {
      const json& expected = cbor["newHeads"][storage_id];
      CHECK(value.heads == expected["heads"].get<std::vector<std::string>>());
      CHECK(value.timestamp == expected["timestamp"]["$float64"].get<double>());
    }
  } else {
    FAIL("decoded as nothing in particular");
  }
}

}  // namespace

TEST_CASE("every captured frame decodes to its fields and survives re-encoding", "[session]") {
  const auto path = testing::shared_data("spec/repo-protocol-vectors.json");
  if (!path) {
    WARN("SKIPPED: spec/repo-protocol-vectors.json is not here");
    return;
  }
  const json vectors = json::parse(testing::read_file(*path));

  int frames = 0;
  for (const auto& scenario : vectors["scenarios"]) {
    for (const auto& frame : scenario["frames"]) {
      if (frame.value("op", "") != "binary") continue;
      const auto message = decode_message(hex(frame["hex"]));
      REQUIRE(message);
      check_against_capture(*message, frame["cbor"]);

      const Bytes ours = encode_message(*message);
      const auto again = decode_message(ours);
      REQUIRE(again);
      CHECK(*again == *message);
      // The oldest clients' join has no metadata; ours always has.
      const bool grows = std::holds_alternative<Join>(*message);
      CHECK((grows || ours.size() <= frame["len"].get<std::size_t>()));
      ++frames;
    }
  }
  CHECK(frames == 169);
}

TEST_CASE("every message type decodes to what was encoded", "[session]") {
  const DocumentId document{};
  const Bytes data = hex("42000001000000020284");
  const std::vector<Message> messages = {
      Join{.sender = "client-ü", .metadata = {}, .versions = {"1", "2"}},
      Join{.sender = "a",
           .metadata = {.storage_id = "s",
                        .ephemeral = false,
                        .extension = Extension{.version = 1,
                                               .capabilities = {"ranges", "acks"},
                                               .invite = "secret",
                                               .catalog = "cat"}}},
      Peer{.sender = "s", .target = "c", .metadata = {.storage_id = "x", .ephemeral = false}},
      Leave{"a"},
      ErrorMessage{"a", "b", "no"},
      Sync{.request = true, .sender = "a", .target = "b", .document = document, .data = data},
      Sync{.request = false, .sender = "a", .target = "b", .document = document, .data = data},
      DocUnavailable{"a", "b", document},
      Ephemeral{"a", "b", document, "session", (std::uint64_t{1} << 53) - 1, {}},
      Fetch{false, "a", "b", document, Bytes(64)},
      Fetch{true, "a", "b", document, {}},
      RemoteSubscriptionChange{"a", "b", {"x", "y"}, {"z"}},
      RemoteHeadsChanged{"a", "b", document, {{"x", {{"h1", "h2"}, 1795344555948.0}}}},
  };
  for (const auto& message : messages) {
    const auto again = decode_message(encode_message(message));
    REQUIRE(again);
    CHECK(*again == message);
  }
}

TEST_CASE("a timestamp and a count over 32 bits are written as float64", "[session]") {
  const Bytes ephemeral =
      encode_message(Ephemeral{"a", "b", DocumentId{}, "s", std::uint64_t{1} << 40, {}});
  CHECK(to_hex(ephemeral).find("fb4270000000000000") != std::string::npos);
}

TEST_CASE("other spellings of CBOR are understood", "[session]") {
  const auto expect_sync = [](const std::string& frame) {
    const auto message = decode_message(hex(frame));
    REQUIRE(message);
    const auto* sync = std::get_if<Sync>(&*message);
    REQUIRE(sync);
    CHECK(to_hex(sync->data) == "4200");
  };
  const std::string data = pair("data", "424200");
  SECTION("8-bit counts and long text heads") { expect_sync(sync_frame(data)); }
  SECTION("indefinite map") {
    expect_sync("bf" + pair("type", text_item("sync")) + pair("senderId", text_item("a")) +
                pair("documentId", text_item(kDocument)) + data + "ff");
  }
  SECTION("tag 64 on data") { expect_sync(sync_frame(pair("data", "d840424200"))); }
  SECTION("tag 55799 in front") { expect_sync("d9d9f7" + sync_frame(data)); }
  SECTION("64-bit length") { expect_sync(sync_frame(pair("data", "5b00000000000000024200"))); }
  SECTION("unknown keys of every kind, non-text keys among them") {
    for (const char* value :
         {"00", "20", "40", "60", "80", "a0", "9fff", "bfff", "f6", "f7", "f93c00", "fa3f800000",
          "e0", "f8ff", "c100", "8201a10203", "3bffffffffffffffff"}) {
      std::string frame = map({pair("type", text_item("sync")), pair("senderId", text_item("a")),
                               pair("documentId", text_item(kDocument)), data,
                               pair("unknown", value), std::string("0b") + value});
      expect_sync(frame);
    }
  }
  SECTION("null and undefined are absent") {
    const auto message = decode_message(
        hex(map({pair("type", text_item("join")), pair("senderId", text_item("a")),
                 pair("peerMetadata", map({pair("storageId", "f6"), pair("isEphemeral", "f7")})),
                 pair("supportedProtocolVersions", "f7")})));
    REQUIRE(message);
    CHECK(*message == Message(Join{.sender = "a"}));
  }
  SECTION("metadata is an alias of peerMetadata") {
    const auto message =
        decode_message(hex(map({pair("type", text_item("join")), pair("senderId", text_item("a")),
                                pair("metadata", map({pair("isEphemeral", "f4")}))})));
    REQUIRE(message);
    CHECK_FALSE(std::get<Join>(*message).metadata.ephemeral);
  }
  SECTION("a count in any numeric form") {
    for (const char* count : {"05", "1805", "190005", "1a00000005", "1b0000000000000005", "f94500",
                              "fa40a00000", "fb4014000000000000"}) {
      const auto message = decode_message(
          hex(map({pair("type", text_item("ephemeral")), pair("senderId", text_item("a")),
                   pair("documentId", text_item(kDocument)), pair("sessionId", text_item("s")),
                   pair("count", count), pair("data", "40")})));
      REQUIRE(message);
      CHECK(std::get<Ephemeral>(*message).count == 5);
    }
  }
}

TEST_CASE("what is not one well-formed message is refused", "[session]") {
  const auto code_of = [](const std::string& frame) {
    const auto message = decode_message(hex(frame));
    REQUIRE_FALSE(message);
    return message.error().code;
  };
  const std::string data = pair("data", "424200");
  CHECK(code_of("") == ErrorCode::kTruncated);
  CHECK(code_of("f6") == ErrorCode::kCorrupt);
  CHECK(code_of("05") == ErrorCode::kCorrupt);
  CHECK(code_of("80") == ErrorCode::kCorrupt);
  CHECK(code_of("ff") == ErrorCode::kCorrupt);
  CHECK(code_of("1c") == ErrorCode::kCorrupt);
  CHECK(code_of("1f") == ErrorCode::kCorrupt);
  CHECK(code_of("a1616100ff") == ErrorCode::kCorrupt);  // trailing
  CHECK(code_of("bf6161ff") == ErrorCode::kCorrupt);    // key without value
  CHECK(code_of("a1ff00") == ErrorCode::kCorrupt);      // break in a definite map
  CHECK(code_of("a16161f810") == ErrorCode::kCorrupt);  // overlong simple value
  CHECK(code_of("bb0000ffffffffffff") == ErrorCode::kTruncated);
  CHECK(code_of("a161615bffffffffffffffff") == ErrorCode::kTruncated);
  CHECK(code_of("a161619bffffffffffffffff") == ErrorCode::kTruncated);
  CHECK(code_of("a161615f4100ff") == ErrorCode::kUnsupported);  // indefinite bytes
  CHECK(code_of("a161617f6100ff") == ErrorCode::kUnsupported);  // indefinite text
  CHECK(code_of(sync_frame(pair("data", "40"))) == ErrorCode::kCorrupt);
  CHECK(code_of(sync_frame(pair("data", "f6"))) == ErrorCode::kCorrupt);
  CHECK(code_of(sync_frame(pair("other", "00"))) == ErrorCode::kCorrupt);
  CHECK(code_of(map({pair("type", text_item("join"))})) == ErrorCode::kCorrupt);
  CHECK(code_of(map({pair("type", text_item("join")), pair("senderId", "60")})) ==
        ErrorCode::kCorrupt);
  CHECK(code_of(map({pair("type", text_item("peer")), pair("senderId", "05")})) ==
        ErrorCode::kCorrupt);

  // Every prefix of a good frame is short.
  const std::string good = sync_frame(data);
  for (std::size_t bytes = 0; bytes * 2 < good.size(); ++bytes) {
    CHECK(code_of(good.substr(0, bytes * 2)) == ErrorCode::kTruncated);
  }
}

TEST_CASE("nesting and keys are bounded", "[session]") {
  const auto nested = [](int levels) {
    std::string value;
    for (int i = 0; i < levels; ++i) value += "81";
    return map({pair("type", text_item("x")), pair("deep", value + "00")});
  };
  CHECK(decode_message(hex(nested(15))));
  const auto too_deep = decode_message(hex(nested(16)));
  REQUIRE_FALSE(too_deep);
  CHECK(too_deep.error().code == ErrorCode::kLimitExceeded);
  const auto far_too_deep = decode_message(hex(nested(100000)));
  REQUIRE_FALSE(far_too_deep);
  CHECK(far_too_deep.error().code == ErrorCode::kLimitExceeded);

  const auto with_keys = [](int keys) {
    std::vector<std::string> pairs{pair("type", text_item("x"))};
    while (static_cast<int>(pairs.size()) < keys) {
      pairs.push_back(pair("k" + std::to_string(pairs.size()), "00"));
    }
    return map(pairs);
  };
  CHECK(decode_message(hex(with_keys(64))));
  const auto too_many = decode_message(hex(with_keys(65)));
  REQUIRE_FALSE(too_many);
  CHECK(too_many.error().code == ErrorCode::kLimitExceeded);
}

TEST_CASE("what must be skipped is skipped and not an error", "[session]") {
  using Reason = Ignored::Reason;
  const auto reason_of = [](const std::string& frame) {
    const auto message = decode_message(hex(frame));
    REQUIRE(message);
    const auto* ignored = std::get_if<Ignored>(&*message);
    REQUIRE(ignored);
    return ignored->reason;
  };
  const std::string sender = pair("senderId", text_item("a"));
  const auto sync_for = [&](const std::string& document_hex) {
    return map({pair("type", text_item("sync")), sender, pair("documentId", document_hex),
                pair("data", "4142")});
  };
  CHECK(reason_of("a0") == Reason::kMissingField);
  CHECK(reason_of(map({pair("type", "05")})) == Reason::kMissingField);
  CHECK(reason_of(map({pair("type", text_item("subduction-connection")), pair("data", "4100")})) ==
        Reason::kUnknownType);
  CHECK(reason_of(map({pair("type", text_item("sync")), sender, pair("data", "4142")})) ==
        Reason::kMissingField);
  CHECK(reason_of(sync_for(text_item("2rUbDWKaz1HaQcGYttqVzDM9QjLQ"))) == Reason::kBadDocumentId);
  CHECK(reason_of(sync_for(text_item("automerge:" + kDocument))) == Reason::kBadDocumentId);
  CHECK(reason_of(sync_for(text_item("3e1b8a6e-7bd7-4d0c-a5e8-3c5c1b3e6a01"))) ==
        Reason::kBadDocumentId);
  CHECK(reason_of(sync_for("5000000000000000000000000000000000")) == Reason::kMissingField);
  CHECK(reason_of(map({pair("type", text_item("sync")), pair("senderId", "60"),
                       pair("documentId", text_item(kDocument)), pair("data", "4142")})) ==
        Reason::kBadPeerId);
  CHECK(reason_of(map({pair("type", text_item("ephemeral")), sender,
                       pair("documentId", text_item(kDocument)), pair("data", "40"),
                       pair("sessionId", text_item("s")), pair("count", "20")})) ==
        Reason::kMissingField);
}

TEST_CASE("the text of an error can be shown and logged", "[session]") {
  const auto shown = [](const std::string& text) {
    const auto message = decode_message(encode_message(ErrorMessage{"a", "b", text}));
    REQUIRE(message);
    return std::get<ErrorMessage>(*message).message;
  };
  CHECK(shown("na\u00efve") == "na\u00efve");
  CHECK(shown("two\nlines\x1b[1m") == "two lines [1m");
  CHECK(shown("bad \xff") == "bad ?");
  CHECK(shown(std::string(5000, 'x')).size() == 1024);
}

TEST_CASE("captured and broken frames keep the fuzz target's promises", "[session]") {
  CHECK(fuzz::replay("frame", fuzz::frame) > 0);
}

TEST_CASE("peer ids are short printable text", "[session]") {
  CHECK(is_valid_peer_id("p"));
  CHECK(is_valid_peer_id("storage-server-ü"));
  CHECK(is_valid_peer_id(std::string(256, 'x')));
  CHECK_FALSE(is_valid_peer_id(""));
  CHECK_FALSE(is_valid_peer_id(std::string(257, 'x')));
  CHECK_FALSE(is_valid_peer_id("a\nb"));
  CHECK_FALSE(is_valid_peer_id("\xff"));
}

}  // namespace converge::session
