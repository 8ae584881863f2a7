#include "agent/session/message.h"
#include "core/base/assert.h"
#include "tests/fuzz/targets.h"

#include <cmath>
#include <variant>

namespace converge::fuzz {
namespace {

/// Not a number is not equal to itself.
bool has_nan(const session::Message& message) {
  const auto* change = std::get_if<session::RemoteHeadsChanged>(&message);
  if (change == nullptr) return false;
  for (const auto& [storage_id, heads] : change->heads) {
    if (std::isnan(heads.timestamp)) return true;
  }
  return false;
}

}  // namespace

// What is accepted and may be sent means the same after writing and reading it again.
void frame(ByteView input) {
  const auto message = session::decode_message(input);
  if (!message || std::holds_alternative<session::Ignored>(*message)) return;
  const auto again = session::decode_message(session::encode_message(*message));
  ASSERT(again.has_value());
  ASSERT(has_nan(*message) || *again == *message);
}

}  // namespace converge::fuzz

CONVERGE_FUZZ_ENTRY(converge::fuzz::frame)
