#pragma once

#include "agent/control/services.h"
#include "core/base/result.h"
#include "core/model/document_id.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace converge::handlers {

/// What the one line of `syncctl invite` says. A secret: whoever has it may join once.
struct Invitation {
  std::vector<std::string> addresses;  ///< ws:// or wss:// URLs, the best first
  DocumentId catalog;
  std::string name;         ///< of the inviting agent
  std::string fingerprint;  ///< of its key, hex; empty without one
  std::string token;        ///< hex, 256 bits
  std::int64_t expires_ms = 0;
};

/// "converge-invite:" and base64url of compact JSON.
std::string encode_invitation(const Invitation& invitation);
/// Errors: usage.argument, in words that do not repeat the secret.
Result<Invitation> decode_invitation(std::string_view text);

/// Where the store keeps an invitation: under the SHA-256 of its token, so that reading the store
/// gives no token away. The value is its terms.
std::string invitation_key(std::string_view token);
std::string encode_terms(const InvitationTerms& terms);
/// Nothing for text that is none.
std::optional<InvitationTerms> decode_terms(std::string_view text);

}  // namespace converge::handlers
