#include "cli/commands/import_folder.h"

#include "cli/commands/files.h"
#include "core/control/error_table.h"
#include "core/engine/document.h"
#include "core/model/document_id.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <sstream>
#include <system_error>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;
namespace fs = std::filesystem;

/// What is in a folder, by name; nothing that is a link.
std::vector<fs::path> entries_of(const fs::path& folder, fs::file_type type) {
  std::vector<fs::path> out;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    std::error_code gone;
    if (at->symlink_status(gone).type() == type) out.push_back(at->path());
  }
  std::ranges::sort(out);
  return out;
}

class Gatherer {
 public:
  /// Adds what of the file is whole.
  void add(const fs::path& file, FolderContent& out) {
    const auto content = read_input(file.string());
    if (!content) {
      out.damaged.push_back(content.error());
      return;
    }
    if (content->empty()) return note(file, "it is empty", out);
    const auto loaded = document_.load_incremental(as_bytes(*content));
    if (!loaded) return note(file, loaded.error().message, out);
    if (loaded->damage) note(file, loaded->damage->message, out);
  }

  bool is_empty() const { return document_.heads().empty() && document_.orphans().empty(); }
  std::string bytes() const { return std::string(as_text(document_.save())); }

 private:
  static void note(const fs::path& file, const std::string& why, FolderContent& out) {
    out.damaged.push_back(
        make_error(ErrorId::kInputFile, "the file \"" + file.string() + "\" is damaged: " + why));
  }

  static ActorId reading_actor() {
    static constexpr std::array<std::byte, 16> kZeros{};
    return ActorId(ByteView(kZeros));
  }

  engine::Document document_{reading_actor()};
};

/// <first two of the id>/<rest of it>/{snapshot,incremental}/<hash>
void add_adapter_document(const fs::path& folder, const std::string& id, FolderContent& out) {
  Gatherer gatherer;
  for (const char* kind : {"snapshot", "incremental"})
    for (const fs::path& file : entries_of(folder / kind, fs::file_type::regular))
      gatherer.add(file, out);
  if (!gatherer.is_empty()) out.documents.push_back({id, "", "", gatherer.bytes()});
}

/// By file; what is no line of ours is passed over, the documents tell enough.
json exported_names(const fs::path& folder) {
  json out = json::object();
  std::error_code ignored;
  if (!fs::is_regular_file(folder / kNamesFile, ignored)) return out;
  const auto content = read_input((folder / kNamesFile).string());
  if (!content) return out;
  std::istringstream lines(*content);
  for (std::string line; std::getline(lines, line);) {
    const json entry = json::parse(line, nullptr, false);
    const auto is_text = [&entry](const char* key) {
      return entry.contains(key) && entry[key].is_string();
    };
    if (!entry.is_object() || !is_text("file") || !is_text("id")) continue;
    out[entry["file"].get<std::string>()] = {{"id", entry["id"]},
                                             {"name", is_text("name") ? entry["name"] : json("")}};
  }
  return out;
}

}  // namespace

Result<FolderContent> read_folder(const fs::path& folder) {
  FolderContent out;
  bool is_known = false;
  const json names = exported_names(folder);
  for (const fs::path& file : entries_of(folder, fs::file_type::regular)) {
    if (file.extension() != ".automerge") continue;
    is_known = true;
    Gatherer gatherer;
    gatherer.add(file, out);
    if (gatherer.is_empty()) continue;
    FolderDocument document{"", file.stem().string(), "", gatherer.bytes()};
    if (const auto known = names.find(file.filename().string()); known != names.end()) {
      const std::string url = known->value("id", "");
      document.id = url.substr(url.find(':') + 1);
      document.name = known->value("name", "");
    }
    out.documents.push_back(std::move(document));
  }
  for (const fs::path& first : entries_of(folder, fs::file_type::directory)) {
    const std::string begin = first.filename().string();
    if (begin.size() != 2) continue;
    for (const fs::path& second : entries_of(first, fs::file_type::directory)) {
      const std::string id = begin + second.filename().string();
      if (!DocumentId::parse(id)) continue;
      is_known = true;
      add_adapter_document(second, id, out);
    }
  }
  if (!is_known)
    return make_error(ErrorId::kInputFile,
                      "the folder \"" + folder.string() +
                          "\" holds neither .automerge files nor documents of automerge-repo");
  return out;
}

}  // namespace converge::cli
