#include "cli/commands/recording.h"

#include "cli/commands/render.h"
#include "core/control/error_table.h"
#include "core/control/json_text.h"
#include "core/verbs/text_forms.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;
using nlohmann::json;

Result<void> take_line(Recording& recording, const json& line, const std::string& where,
                       std::size_t number) {
  const std::string kind = field(line, "kind");
  if (kind == "Recording") {
    if (count_field(line, "v") > 1)
      return make_error(ErrorId::kLogVersion, where + " has a version that is not known here",
                        "use a newer syncctl");
    recording.has_payloads = field(line, "payloads") != "none";
  }
  if (kind == "RecordedMark") recording.digest = field(line, "digest");
  const bool is_name = kind == "RecordedName";
  if (kind != "RecordedChange" && kind != "RecordedDelete" && !is_name) return {};
  RecordedChange change{count_field(line, "seq"), field(line, "id"), field(line, "name"),
                        field(line, "hash"),      field(line, "at"), {},
                        kind == "RecordedDelete", is_name,           number};
  if (is_name) {
    if (change.name.empty()) return make_error(ErrorId::kInputFile, where + " is no recorded name");
    recording.changes.push_back(std::move(change));
    return {};
  }
  const auto chunk = verbs::from_base64(field(line, "data"));
  if (change.id.empty() || (!change.is_delete && change.hash.empty()))
    return make_error(ErrorId::kInputFile, where + " is no recorded change");
  if (!chunk)
    return make_error(ErrorId::kInputFile, where + " is damaged: its \"data\" is not base64");
  if (chunk->empty() && recording.has_payloads && !change.is_delete)
    return make_error(ErrorId::kInputFile, where + " is damaged: the change has no \"data\"");
  change.chunk = *chunk;
  recording.changes.push_back(std::move(change));
  return {};
}

}  // namespace

bool is_recording(std::string_view content) {
  return content.substr(0, content.find('\n')).find("\"kind\":\"Recording\"") !=
         std::string_view::npos;
}

Result<Recording> parse_recording(std::string_view content, const std::string& file) {
  Recording recording;
  std::size_t number = 0;
  while (!content.empty()) {
    const std::string_view line = content.substr(0, content.find('\n'));
    // A recording that was cut off in the middle of a line keeps what came before.
    const bool whole = line.size() < content.size();
    content.remove_prefix(std::min(content.size(), line.size() + 1));
    ++number;
    if (line.empty()) continue;
    const std::string where = "the file \"" + file + "\", line " + std::to_string(number) + ",";
    const auto object = control::parse_json(line, where);
    if (!object && !whole && number > 1) {
      recording.is_whole = false;
      break;
    }
    if (!object) return object.error();
    if (!object->is_object())
      return make_error(ErrorId::kInputFile, where + " is no object of a recording");
    if (auto taken = take_line(recording, *object, where, number); !taken) return taken.error();
  }
  return recording;
}

Result<Recording> parse_full_recording(std::string_view content, const std::string& file) {
  auto recording = parse_recording(content, file);
  if (!recording || recording->has_payloads) return recording;
  return make_error(ErrorId::kInputFile,
                    "the recording \"" + file + "\" has no changes, only their names",
                    "record with --payloads full");
}

}  // namespace converge::cli
