#pragma once

#include "core/base/result.h"
#include "core/model/document_id.h"

#include <cstdint>
#include <filesystem>

namespace converge::store {

/// Entries of a document, of any version and deleted ones too, in the tables and logs of a store:
/// what a purge has to bring to none. Receipts, which hold no content, are not counted. May run
/// beside the store's owner: a file that goes away while it is read holds nothing any more.
/// Errors: kCorrupt for a table or log that cannot be read to its end, which proves nothing; kIo.
Result<std::uint64_t> count_entries(const std::filesystem::path& database,
                                    const DocumentId& document);

}  // namespace converge::store
