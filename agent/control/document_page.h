#pragma once

#include "agent/control/document_walk.h"

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

/// What listings read: ranges of headers and of the two indexes of names, never a document, and
/// for a page no more of them than the page shows.
namespace converge::handlers {

/// The name of one document after the other, as name_of tells it, by one walk over the names in the
/// order of documents instead of a read for each. Control thread.
class NamesInOrder {
 public:
  /// `after`: a place of Store::list_names_by_document, or nothing.
  NamesInOrder(store::Store& store, std::string after, std::size_t page);

  /// Empty without one. REQUIRES: documents are asked for by ascending id.
  std::string name_of(const DocumentId& document);

 private:
  bool read_page();

  store::Store& store_;
  store::PageRequest request_;
  std::vector<store::NameEntry> entries_;
  std::size_t at_ = 0;
  bool is_last_page_ = false;
  bool is_damaged_ = false;  ///< what can still be read of the names is asked for singly
};

/// A part of the listing by name: documents with a name by their first one, then the others by id.
/// With a pattern: documents by each name that fits.
struct PageQuery {
  std::string pattern;     ///< one with wildcards, or empty: all but the catalog
  std::string after;       ///< URL of the document in front of the page; empty: from the start
  std::size_t wanted = 0;  ///< rows, at least 1
};

/// The rows of the page, fewer at the end. Errors: cursor.expired; others where an index is damaged
/// that a walk over all documents would do without. Lets other requests in between. Cost: O(rows)
/// reads; on the way from the last named document to the first without a name it passes over the
/// headers of those between. `done` runs on the control thread.
void walk_page(Services& services, const PageQuery& query,
               std::function<void(Result<std::vector<Row>>)> done);

/// cursor.expired: the document is none of the listing.
Error no_such_place(const std::string& after);

/// How many documents a listing without patterns shows. Cost: O(1).
std::uint64_t count_documents(Services& services);

}  // namespace converge::handlers
