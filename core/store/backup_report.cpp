#include "core/codec/sha256.h"
#include "core/store/backup.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace converge::store {
namespace {

Error bad_report(const std::string& why) {
  return {ErrorCode::kCorrupt, std::string(kBackupFile) + ": " + why, "input.file"};
}

template <class Json, std::size_t N>
bool read_hex(const Json& value, std::array<std::byte, N>& out) {
  if (!value.is_string()) return false;
  const auto bytes = from_hex(value.template get<std::string>());
  if (!bytes || bytes->size() != N) return false;
  std::ranges::copy(*bytes, out.begin());
  return true;
}

/// A name that stays inside db/.
bool is_plain_name(const std::string& name) {
  return !name.empty() && name.size() < 200 && name.find('/') == std::string::npos &&
         name[0] != '.' && name.find('\0') == std::string::npos;
}

constexpr int kBackupFormat = 1;
constexpr auto kLenient = nlohmann::json::error_handler_t::replace;
constexpr const char* kReportSum = "report_sha256";
/// Of reports of the first releases, which have no sum.
constexpr std::size_t kReportFields = 7;

nlohmann::ordered_json json_of(const BackupRecords& records) {
  nlohmann::ordered_json names = nlohmann::ordered_json::array();
  for (const BackupRecords::Name& entry : records.names)
    names.push_back({{"name", entry.name}, {"document", entry.document.to_url()}});
  nlohmann::ordered_json tombstones = nlohmann::ordered_json::array();
  for (const Tombstone& entry : records.tombstones) {
    nlohmann::ordered_json heads = nlohmann::ordered_json::array();
    for (const ChangeHash& head : entry.heads) heads.push_back(to_hex(head.bytes));
    tombstones.push_back({{"document", entry.document.to_url()},
                          {"deleted_ms", entry.deleted_ms},
                          {"by", to_hex(as_bytes(entry.source.peer))},
                          {"heads", std::move(heads)}});
  }
  nlohmann::ordered_json grants = nlohmann::ordered_json::array();
  for (const BackupRecords::Grant& entry : records.grants)
    grants.push_back(
        {{"key", to_hex(as_bytes(entry.key))}, {"value", to_hex(as_bytes(entry.value))}});
  return {{"names", std::move(names)},
          {"tombstones", std::move(tombstones)},
          {"grants", std::move(grants)}};
}

template <class Json>
bool read_text(const Json& object, const char* name, std::string& out) {
  const auto at = object.find(name);
  if (at == object.end() || !at->is_string()) return false;
  out = at->template get<std::string>();
  return true;
}

/// Bytes that were written in hexadecimal.
template <class Json>
bool read_bytes(const Json& object, const char* name, std::string& out) {
  std::string text;
  if (!read_text(object, name, text)) return false;
  const auto bytes = from_hex(text);
  if (!bytes) return false;
  out = as_text(*bytes);
  return true;
}

template <class Json>
bool read_document(const Json& object, DocumentId& out) {
  std::string text;
  if (!read_text(object, "document", text)) return false;
  const auto id = DocumentId::parse(text);
  if (!id) return false;
  out = *id;
  return true;
}

template <class Json>
bool read_tombstone(const Json& entry, Tombstone& out) {
  if (!entry.is_object() || !read_document(entry, out.document) ||
      !read_bytes(entry, "by", out.source.peer)) {
    return false;
  }
  const auto deleted = entry.find("deleted_ms");
  const auto heads = entry.find("heads");
  if (deleted == entry.end() || !deleted->is_number_integer() || heads == entry.end() ||
      !heads->is_array()) {
    return false;
  }
  out.deleted_ms = deleted->template get<std::int64_t>();
  for (const auto& head : *heads) {
    if (!read_hex(head, out.heads.emplace_back().bytes)) return false;
  }
  return true;
}

template <class Json>
bool read_records(const Json& json, BackupRecords& out) {
  for (const char* sort : {"names", "tombstones", "grants"}) {
    const auto at = json.find(sort);
    if (at == json.end() || !at->is_array()) return false;
  }
  for (const auto& entry : json["names"]) {
    BackupRecords::Name name;
    if (!entry.is_object() || !read_text(entry, "name", name.name) ||
        !read_document(entry, name.document)) {
      return false;
    }
    out.names.push_back(std::move(name));
  }
  for (const auto& entry : json["tombstones"]) {
    if (!read_tombstone(entry, out.tombstones.emplace_back())) return false;
  }
  for (const auto& entry : json["grants"]) {
    BackupRecords::Grant grant;
    if (!entry.is_object() || !read_bytes(entry, "key", grant.key) ||
        !read_bytes(entry, "value", grant.value)) {
      return false;
    }
    out.grants.push_back(std::move(grant));
  }
  return true;
}

/// Over the report without its own sum, so that no byte of it can change unnoticed.
std::string sum_of(const nlohmann::ordered_json& report) {
  return to_hex(codec::sha256(as_bytes(report.dump(1, ' ', false, kLenient))));
}

}  // namespace

std::string format_backup_manifest(const BackupManifest& manifest) {
  nlohmann::ordered_json files = nlohmann::ordered_json::array();
  for (const BackupManifest::File& file : manifest.files) {
    files.push_back({{"name", file.name}, {"bytes", file.bytes}, {"sha256", to_hex(file.sha256)}});
  }
  nlohmann::ordered_json out = {
      {"format", kBackupFormat},           {"store_id", to_hex(manifest.store_id)},
      {"commit", manifest.commit},         {"receipt", manifest.receipt},
      {"created_ms", manifest.created_ms}, {"writer", manifest.writer},
      {"files", std::move(files)}};
  if (manifest.records) out["records"] = json_of(*manifest.records);
  out[kReportSum] = sum_of(out);
  return out.dump(1, ' ', false, kLenient) + "\n";
}

Result<BackupManifest> parse_backup_manifest(std::string_view text) {
  auto json = nlohmann::ordered_json::parse(text, nullptr, false);
  if (!json.is_object()) return bad_report("not JSON");
  // Every byte counts: what was written is what is written again of it.
  if (json.dump(1, ' ', false, kLenient) + "\n" != text)
    return bad_report("its bytes were changed");
  if (const auto sum = json.find(kReportSum); sum != json.end()) {
    const nlohmann::ordered_json said = std::move(*sum);
    json.erase(kReportSum);
    if (said != sum_of(json)) return bad_report("its sum is wrong");
  } else if (json.size() != kReportFields) {
    return bad_report("it has fields that no release writes");
  }
  const auto number = [&](const char* name) -> std::uint64_t {
    const auto at = json.find(name);
    return at != json.end() && at->is_number_unsigned() ? at->get<std::uint64_t>() : 0;
  };
  if (number("format") != kBackupFormat) {
    return Error{ErrorCode::kUnsupported,
                 "the backup has format " + std::to_string(number("format")) +
                     ", this release knows " + std::to_string(kBackupFormat),
                 "store.newer"};
  }
  BackupManifest out;
  out.commit = number("commit");
  out.receipt = number("receipt");
  out.created_ms = static_cast<std::int64_t>(number("created_ms"));
  if (const auto at = json.find("writer"); at != json.end() && at->is_string()) {
    out.writer = at->get<std::string>();
  }
  const auto id = json.find("store_id");
  if (id == json.end() || !read_hex(*id, out.store_id)) return bad_report("no store id");
  const auto files = json.find("files");
  if (files == json.end() || !files->is_array()) return bad_report("no list of files");
  for (const auto& entry : *files) {
    BackupManifest::File file;
    if (!entry.is_object() || !entry.contains("name") || !entry["name"].is_string() ||
        !entry.contains("bytes") || !entry["bytes"].is_number_unsigned() ||
        !entry.contains("sha256") || !read_hex(entry["sha256"], file.sha256)) {
      return bad_report("a file's entry is incomplete");
    }
    file.name = entry["name"].get<std::string>();
    file.bytes = entry["bytes"].get<std::uint64_t>();
    if (!is_plain_name(file.name)) return bad_report("a file's name leads elsewhere");
    out.files.push_back(std::move(file));
  }
  if (const auto records = json.find("records"); records != json.end()) {
    if (!records->is_object() || !read_records(*records, out.records.emplace()))
      return bad_report("its names and tombstones are incomplete");
  }
  return out;
}

}  // namespace converge::store
