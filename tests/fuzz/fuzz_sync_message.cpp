#include "core/base/assert.h"
#include "core/sync/message.h"
#include "core/sync/state.h"
#include "tests/fuzz/targets.h"

namespace converge::fuzz {

// What is accepted means the same after writing and reading it again; every filter answers.
void sync_message(ByteView input) {
  const auto message = sync::decode_message(input);
  if (message) {
    const auto again = sync::decode_message(sync::encode_message(*message));
    ASSERT(again.has_value());
    ASSERT(*again == *message);
    ChangeHash hash;
    hash.bytes.fill(std::byte{0xa5});
    for (const sync::Have& have : message->have) (void)have.bloom.contains(hash);
  }
  const auto state = sync::State::decode(input);
  if (state) {
    const auto again = sync::State::decode(state->encode());
    ASSERT(again.has_value());
    ASSERT(again->shared_heads == state->shared_heads);
  }
}

}  // namespace converge::fuzz

CONVERGE_FUZZ_ENTRY(converge::fuzz::sync_message)
