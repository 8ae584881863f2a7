#pragma once

#include "core/base/result.h"

#include <filesystem>
#include <string>
#include <vector>

/// Folders that hold documents: what export wrote (files and names.ndjson), plain .automerge files,
/// and the Node storage adapter of automerge-repo.
namespace converge::cli {

/// Beside exported files: one line a file, {"file", "id", "name"}.
inline constexpr const char* kNamesFile = "names.ndjson";

struct FolderDocument {
  std::string id;     ///< base58check; empty: the folder does not say
  std::string stem;   ///< of its file; empty: it has none
  std::string name;   ///< as it was exported; empty: the folder does not say
  std::string bytes;  ///< one document chunk, with what could not be applied yet behind it
};

struct FolderContent {
  std::vector<FolderDocument> documents;
  std::vector<Error> damaged;  ///< one for each file of which something could not be read
};

/// Everything that is readable. automerge-repo writes its files in place and without sync, so empty
/// and cut ones are ordinary: what is whole in them is taken, the rest is told. Symlinks are not
/// followed. Errors: input.file when it is neither kind of folder.
Result<FolderContent> read_folder(const std::filesystem::path& folder);

}  // namespace converge::cli
