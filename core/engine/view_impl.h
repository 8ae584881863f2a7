#pragma once

#include "core/engine/document_impl.h"
#include "core/engine/reader.h"

#include <optional>

namespace converge::engine {

/// What a view points to: the document, and a clock unless it shows the present.
struct View::Impl {
  explicit Impl(const Document::Impl& owner) : document(&owner) {}
  Impl(const Document::Impl& owner, crdt::Clock at) : document(&owner), clock(std::move(at)) {}

  Reader reader() const { return {document->ops, clock ? &*clock : nullptr}; }

  const Document::Impl* document;
  std::optional<crdt::Clock> clock;
};

}  // namespace converge::engine
