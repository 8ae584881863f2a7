#include "cli/commands/verify_inputs.h"

#include "cli/commands/files.h"
#include "cli/commands/recording.h"
#include "cli/commands/render.h"
#include "cli/commands/store_target.h"
#include "core/control/error_table.h"
#include "core/store/directory.h"
#include "core/verbs/text_forms.h"
#include "core/verify/history_file.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;
namespace fs = std::filesystem;

class Reader {
 public:
  explicit Reader(Session& session) : session_(session) {}

  Result<void> read(const std::string& word, bool only_files) {
    std::error_code error;
    replica_ = word;
    if (word != "-" && !fs::exists(word, error))
      return make_error(ErrorId::kDocNotFound, "there is no file \"" + word + "\"");
    if (!fs::is_directory(word, error)) return read_file(word, only_files ? "" : name_of(word));
    if (fs::exists(fs::path(word) / store::kFormatFile, error)) return read_store(word);
    return read_directory(word);
  }

  VerifyInputs take(std::size_t replicas) {
    // Files beside a recording of one document are replicas of that document.
    const auto unnamed = documents_.find("");
    if (unnamed != documents_.end() && documents_.size() == 2) {
      VerifySubject files = std::move(unnamed->second);
      documents_.erase(unnamed);
      VerifySubject& named = documents_.begin()->second;
      std::ranges::move(files.replicas, std::back_inserter(named.replicas));
      std::ranges::move(files.chunks, std::back_inserter(named.chunks));
    }
    VerifyInputs out;
    out.replicas = replicas;
    for (auto& [name, subject] : documents_) out.documents.push_back(std::move(subject));
    return out;
  }

 private:
  static std::string name_of(const fs::path& file) { return name_of_file(file.stem().string()); }

  /// `key` matches documents across replicas; files that share one document share the empty key.
  void add(const std::string& key, const std::string& shown, std::vector<Bytes> chunks) {
    VerifySubject& subject = documents_[key];
    if (subject.name.empty()) subject.name = shown;
    if (subject.replicas.empty() || subject.replicas.back() != replica_)
      subject.replicas.push_back(replica_);
    std::ranges::move(chunks, std::back_inserter(subject.chunks));
  }

  Result<void> read_file(const std::string& file, const std::string& key) {
    auto bytes = read_input(file);
    if (!bytes) return bytes.error();
    if (is_recording(*bytes)) return read_recording(file, *bytes);
    auto chunks = verify::changes_of_file(as_bytes(*bytes));
    if (!chunks)
      return make_error(
          ErrorId::kInputFile,
          "the file \"" + file + "\" is not an Automerge document\n" + chunks.error().message);
    add(key, key.empty() ? file : key, std::move(*chunks));
    return {};
  }

  Result<void> read_recording(const std::string& file, const std::string& content) {
    auto recording = parse_full_recording(content, file);
    if (!recording) return recording.error();
    std::map<std::string, std::string> keys;  // a document keeps the name that it had at first
    for (RecordedChange& change : recording->changes) {
      if (!change.is_change()) continue;
      const std::string& key =
          keys.try_emplace(change.id, change.name.empty() ? change.id : change.name).first->second;
      add(key, key, {std::move(change.chunk)});
    }
    return {};
  }

  Result<void> read_directory(const std::string& directory) {
    std::error_code error;
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(directory, error))
      if (entry.is_regular_file() && !entry.path().filename().string().starts_with("."))
        files.push_back(entry.path());
    if (error)
      return make_error(ErrorId::kInputFile,
                        "the directory \"" + directory + "\" cannot be read: " + error.message());
    std::ranges::sort(files);
    std::size_t documents = 0;
    for (const fs::path& file : files) {
      if (file.extension() != ".automerge" && file.extension() != ".changes") continue;
      ++documents;
      if (auto read = read_file(file.string(), name_of(file)); !read) return read;
    }
    if (documents == 0)
      return make_error(ErrorId::kInputFile, "the directory \"" + directory +
                                                 "\" holds neither a store nor *.automerge files");
    return {};
  }

  Result<void> read_store(const std::string& directory) {
    auto store = open_store_target(directory, session_.clock(), session_.deadline());
    if (!store) return store.error();
    auto list = (*store)->call("doc.list", {{"patterns", json::array()}});
    if (!list) return list.error();
    for (const json& item : list->at("items")) {
      const auto exported =
          (*store)->call("doc.export", {{"doc", field(item, "id")}, {"format", "automerge"}});
      if (!exported) return exported.error();
      const auto bytes = verbs::from_base64(field(*exported, "data"));
      auto chunks = verify::changes_of_file(bytes.value_or(Bytes{}));
      if (!chunks) return chunks.error();
      add(name_or_id(item), name_or_id(item), std::move(*chunks));
    }
    return {};
  }

  Session& session_;
  std::string replica_;
  std::map<std::string, VerifySubject> documents_;
};

}  // namespace

Result<VerifyInputs> read_verify_inputs(Session& session, const std::vector<std::string>& words) {
  std::error_code error;
  const bool only_files =
      std::ranges::none_of(words, [&](const auto& word) { return fs::is_directory(word, error); });
  Reader reader(session);
  for (const std::string& word : words)
    if (auto read = reader.read(word, only_files); !read) return read.error();
  return reader.take(words.size());
}

}  // namespace converge::cli
