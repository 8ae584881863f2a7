#include "agent/runtime/inflow.h"

#include "agent/runtime/peer_limits.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <thread>

namespace converge::runtime {

TEST_CASE("reading stops one byte past the limit and goes on at half of it", "[runtime]") {
  Inflow inflow(kInflightBytesMax, kInflightBytesMax / 2);
  CHECK_FALSE(inflow.add(kInflightBytesMax));  // at the limit
  CHECK(inflow.add(1));                        // past it
  CHECK_FALSE(inflow.add(1000));               // said once

  CHECK_FALSE(inflow.remove(1001));
  CHECK_FALSE(inflow.remove(kInflightBytesMax / 2 - 1));
  CHECK(inflow.remove(1));
  CHECK_FALSE(inflow.remove(1));  // said once
  CHECK(inflow.bytes() == kInflightBytesMax / 2 - 1);
}

TEST_CASE("one message larger than the limit is taken alone", "[runtime]") {
  Inflow inflow(100, 50);
  CHECK(inflow.add(1000));
  CHECK(inflow.remove(1000));
  CHECK_FALSE(inflow.add(100));
}

TEST_CASE("every stop is followed by a go whatever the threads do", "[runtime]") {
  Inflow inflow(64, 32);
  std::atomic<int> stops{0};
  std::atomic<int> goes{0};
  constexpr int kMessages = 50'000;
  std::atomic<int> handed{0};
  std::thread shard([&] {
    for (int done = 0; done < kMessages;) {
      if (handed.load() <= done) {
        std::this_thread::yield();
        continue;
      }
      if (inflow.remove(10)) ++goes;
      ++done;
    }
  });
  for (int i = 0; i < kMessages; ++i) {
    if (inflow.add(10)) ++stops;
    ++handed;
  }
  shard.join();

  // Whoever takes a stop back in add() reports neither, so both numbers agree in the end.
  CHECK(stops.load() == goes.load());
  CHECK(inflow.bytes() == 0);
}

}  // namespace converge::runtime
