// Documents that other people's programs wrote: heads and contents as the reference reads them.

#include "core/codec/sha256.h"
#include "core/engine/document.h"
#include "tests/core/engine/json_view.h"
#include "tests/support/shared_data.h"

#include <catch2/catch.hpp>

#include <string>

using namespace converge;
using engine::Document;

namespace {

struct Expected {
  const char* file;
  std::size_t changes;
  const char* head;
  const char* json_sha256;
};

constexpr Expected kDocuments[] = {
    {"A1.am", 956, "116c1726f3fd301aa2a1c27ee3143f69f4861d1b871b0c111ac24180d782536a",
     "299cb48fae0297bf41c9b5530128db79331ba1f56d857440354be1965ed7c321"},
    {"C1.am", 93152, "d2e7fc614b4bfa02d9ae5d1a9154633aaee64660764f0f21e61b017e35540f7c",
     "081c3061d6ddaf28ecf94c8e828dde4e1cbddaa9204d7929107159e28f095a12"},
    {"S1.am", 2, "b5142a06ef85cbcba755031066e6df281bf30ae09f63386916d38cd37a73a779",
     "c8a0c46d2bd49932c332e1b7035cfd5748606283cd4eb9670ab57dd16c89bd9a"},
    {"S3.am", 2, "aa16954447d79367f9a96a4307aff4ca9bc50c3ba03f7dc02240c28b5635c9a7",
     "10de4ba6c5394ea4d488b88735924c09c2d8f02d58c5a2d0a7371e996840e6f8"},
    {"monday-meeting-notes.automerge", 15529,
     "4d53581f5e329d51297ae2d2ddc99f28514ceb711a9436664da32426e3178d50",
     "9b7c56bcdefe0ae9b8742a504e6c8d294b6eccf055efdffa6168b279db6fe6fe"},
    {"webstraits.amrg", 305, "0d61e3b311f3ff2786adc3bfd3832426f1db4180eb34c001c2d1c2bc11b6e150",
     "5eee3d8127845c7292a5161076b546194a52bc16062ae1bbf98c8f93a3562284"},
};

std::string digest_of(const engine::View& view) {
  const std::string text = testing::to_json(view, testing::JsonStyle::kDigest).dump();
  const auto sum = codec::sha256(as_bytes(text));
  return to_hex(sum);
}

void check(const Document& document, const Expected& expected) {
  CHECK(document.change_count() == expected.changes);
  REQUIRE(document.heads().size() == 1);
  CHECK(document.heads()[0].to_hex() == expected.head);
  CHECK(digest_of(document.now()) == expected.json_sha256);
}

}  // namespace

TEST_CASE("documents of other programs load, read and save with the same heads", "[engine][real]") {
  for (const Expected& expected : kDocuments) {
    const auto path = testing::shared_data("data/documents/" + std::string(expected.file));
    if (!path) {
      WARN(std::string(expected.file) + " is missing: skipped");
      continue;
    }
    INFO(expected.file);
    const std::string file = testing::read_file(*path);
    const auto document = Document::load(as_bytes(file), testing::actor("ee"));
    if (!document) FAIL(document.error().message);
    check(*document, expected);

    const Bytes saved = document->save();
    const auto again = Document::load(saved, testing::actor("ee"));
    REQUIRE(again.has_value());
    check(*again, expected);
  }
}
