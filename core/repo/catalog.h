#pragma once

#include "core/base/result.h"
#include "core/engine/document.h"
#include "core/model/document_id.h"
#include "core/store/store.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The catalog: the document that maps names to documents, shared by all replicas of a workspace.
///
///     { "names":   { NAME: "automerge:..." },     what each name stands for
///       "removed": { NAME: counter },             how often it was taken away: its generation
///       "deleted": { "automerge:...": true } }    documents that are gone for good
///
/// All strings are scalars, so a program with @automerge/automerge reads it as it is. Concurrent
/// bindings of one name are a conflict like any other: the winner counts, the loser is kept. Pure
/// functions on the document; nothing here stores or sends.
namespace converge::repo {

/// A name: 1 .. limits::kNameBytesMax bytes of UTF-8 without control characters and without "@"
/// (which begins a revision), no empty part between slashes, not like a file ("." or "/" first,
/// ".automerge" last), not an automerge: URL. Errors: kInvalid ("usage.argument").
Result<void> check_name(std::string_view name);

/// The id that a name of this generation stands for: the first 16 bytes of SHA-256(catalog id, 0,
/// name, 0, generation in decimal). Replicas that create one name while apart make one document.
DocumentId id_of_name(const DocumentId& catalog, std::string_view name, std::uint64_t generation);

/// Who makes the first change of a named document: the first 16 bytes of SHA-256("converge-create",
/// 0, document id, 0, content). The same content gives the same change on every replica; other
/// content gives another actor, and both merge.
ActorId first_actor(const DocumentId& document, std::string_view canonical_content);

/// Makes the two or three root maps in an empty document, as one change that is the same on every
/// replica. REQUIRES: the document was made with catalog_actor(id) and is empty.
ActorId catalog_actor(const DocumentId& catalog);
Result<void> initialise_catalog(engine::Document& catalog);

std::optional<DocumentId> find_name(const engine::View& catalog, std::string_view name);
std::uint64_t generation_of(const engine::View& catalog, std::string_view name);
bool is_deleted(const engine::View& catalog, const DocumentId& document);
/// Names in bytewise order; entries that are not document URLs are left out.
void for_each_name(const engine::View& catalog,
                   const std::function<void(std::string_view name, const DocumentId&)>& f);
void for_each_deleted(const engine::View& catalog, const std::function<void(const DocumentId&)>& f);
bool has_names(const engine::View& catalog);

/// One change each. Errors: those of engine::Transaction. False: it was so already, nothing
/// written.
Result<bool> bind_name(engine::Document& catalog, std::string_view name, const DocumentId& document,
                       const engine::CommitOptions& options);
/// Also counts the removal.
Result<bool> unbind_name(engine::Document& catalog, std::string_view name,
                         const engine::CommitOptions& options);
/// Unbinds every name of the documents and marks them deleted, as one change.
Result<bool> delete_documents(engine::Document& catalog, const std::vector<DocumentId>& documents,
                              const engine::CommitOptions& options);

/// What the store's name index lacks or has too much of, compared with the catalog. Reads the whole
/// index: cost O(names).
Result<std::vector<store::NameEdit>> index_edits(const engine::View& catalog, store::Store& store);

}  // namespace converge::repo
