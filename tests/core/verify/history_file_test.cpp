#include "core/verify/history_file.h"

#include "tests/core/verify/histories.h"

using namespace converge;
using namespace converge::verify;

namespace {

Bytes joined(const std::vector<Bytes>& chunks) {
  Bytes out;
  for (const Bytes& chunk : chunks) out.insert(out.end(), chunk.begin(), chunk.end());
  return out;
}

}  // namespace

TEST_CASE("a whole file passes its check and tells what it holds") {
  const FileReport report = check_file(joined(chain(5)));

  CHECK(report.ok);
  CHECK(report.changes == 5);
  CHECK(report.actors == 1);
  CHECK(report.heads.size() == 1);
}

TEST_CASE("a flipped byte, a cut and a missing change are findings") {
  Bytes flipped = joined(chain(5));
  flipped[flipped.size() / 2] ^= std::byte{1};
  CHECK(check_file(flipped).findings.at(0).code == "unreadable");

  Bytes cut = joined(chain(5));
  cut.resize(cut.size() - 3);
  CHECK_FALSE(check_file(cut).ok);

  std::vector<Bytes> gap = chain(5);
  gap.erase(gap.begin() + 2);
  const FileReport report = check_file(joined(gap));
  CHECK(report.changes == 2);
  REQUIRE(report.findings.size() == 2);
  CHECK(report.findings[0].code == "missing_dependencies");
}

TEST_CASE("the changes of a file include those that wait for others") {
  std::vector<Bytes> gap = chain(5);
  gap.erase(gap.begin() + 2);

  const auto changes = changes_of_file(joined(gap));

  REQUIRE(changes);
  CHECK(changes->size() == 4);
}
