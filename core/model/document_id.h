#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace converge::model {

/// Names one document: 16 bytes. Text forms: base58check (Bitcoin alphabet, payload + first 4 bytes
/// of double SHA-256) and the URL "automerge:" + that text. Source: repo-protocol 4.3.
struct DocumentId {
  std::array<std::byte, 16> bytes{};

  std::string to_base58() const;
  std::string to_url() const;
  /// Accepts base58check of exactly 16 bytes, with or without "automerge:", and UUID text. Nothing
  /// otherwise.
  static std::optional<DocumentId> parse(std::string_view text);
  auto operator<=>(const DocumentId&) const = default;
};

struct DocumentIdHasher {
  std::size_t operator()(const DocumentId& id) const;
};

}  // namespace converge::model

namespace converge {
using model::DocumentId;
using model::DocumentIdHasher;
}  // namespace converge
