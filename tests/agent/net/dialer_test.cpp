#include "agent/net/dialer.h"

#include <catch2/catch.hpp>

namespace converge::net {
namespace {

/// Always the greatest or always the smallest number.
class FixedRandom final : public Random {
 public:
  explicit FixedRandom(std::byte value) : value_(value) {}
  void fill(std::span<std::byte> out) override {
    for (auto& byte : out) byte = value_;
  }

 private:
  std::byte value_;
};

}  // namespace

TEST_CASE("back-off doubles its cap up to the maximum and starts over when healthy", "[net]") {
  using std::chrono::milliseconds;
  BackOff back_off(milliseconds(250), milliseconds(30'000));
  FixedRandom zero(std::byte{0});
  CHECK(back_off.next(zero) == milliseconds(0));  // full jitter reaches down to nothing

  back_off.reset();
  FixedRandom random(std::byte{0xa7});
  milliseconds cap(250);
  for (int i = 0; i < 20; ++i) {
    const auto delay = back_off.next(random);
    CHECK(delay <= cap);
    cap = std::min(cap * 2, milliseconds(30'000));
  }
  CHECK(cap == milliseconds(30'000));
  back_off.reset();
  CHECK(back_off.next(random) <= milliseconds(250));
}

}  // namespace converge::net
