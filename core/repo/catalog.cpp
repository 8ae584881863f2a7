#include "core/repo/catalog.h"

#include "core/base/limits.h"
#include "core/codec/sha256.h"
#include "core/codec/utf8.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

namespace converge::repo {
namespace {

using engine::ObjId;
using engine::ObjType;
using engine::View;

constexpr const char* kNames = "names";
constexpr const char* kRemoved = "removed";
constexpr const char* kDeleted = "deleted";

Error bad_name(std::string_view name, std::string_view why) {
  return Error{ErrorCode::kInvalid, fmt::format("\"{}\" cannot be a name: {}", name, why),
               "usage.argument"};
}

std::array<std::byte, 16> first_half(std::string_view text) {
  const codec::Sha256Digest digest = codec::sha256(as_bytes(text));
  std::array<std::byte, 16> half{};
  std::copy_n(digest.begin(), half.size(), half.begin());
  return half;
}

ActorId actor_from(std::string_view text) {
  const auto half = first_half(text);
  return ActorId(ByteView(half));
}

/// The root map called so; nothing when it is absent or something else.
std::optional<ObjId> section(const View& catalog, const char* name) {
  const auto value = catalog.get(model::kRoot, std::string(name));
  if (!value || value->object != ObjType::kMap) return std::nullopt;
  return value->id;
}

std::optional<DocumentId> document_in(const engine::Value& value) {
  if (value.object || !value.scalar.ref().is(ScalarType::kString)) return std::nullopt;
  return DocumentId::parse(value.scalar.raw);
}

/// The section, made when a foreign writer left it out.
Result<ObjId> section_for_writing(const engine::Document& catalog, engine::Transaction& edit,
                                  const char* name) {
  if (const auto there = section(catalog.now(), name)) return *there;
  return edit.put_object(model::kRoot, std::string(name), ObjType::kMap);
}

Result<void> count_removal(const engine::Document& catalog, engine::Transaction& edit,
                           const std::string& name) {
  const auto removed = section_for_writing(catalog, edit, kRemoved);
  if (!removed) return removed.error();
  const auto counter = catalog.now().get(*removed, name);
  if (counter && !counter->object && counter->scalar.ref().is(ScalarType::kCounter)) {
    return edit.increment(*removed, name, 1);
  }
  return edit.put(*removed, name, Scalar::counter(1));
}

}  // namespace

Result<void> check_name(std::string_view name) {
  if (name.empty()) return bad_name(name, "it is empty");
  if (name.size() > limits::kNameBytesMax) {
    return Error{
        ErrorCode::kLimitExceeded,
        fmt::format("the name has {} bytes, the limit is {}", name.size(), limits::kNameBytesMax),
        "limit.exceeded"};
  }
  if (!codec::is_valid_utf8(name)) return bad_name("...", "it is not UTF-8");
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) return bad_name("...", "it holds a control character");
  }
  if (name.find('@') != std::string_view::npos) return bad_name(name, "\"@\" begins a revision");
  if (name.front() == '.' || name.front() == '/' || name.ends_with(".automerge")) {
    return bad_name(name, "it would be taken for a file");
  }
  if (name.back() == '/' || name.find("//") != std::string_view::npos) {
    return bad_name(name, "a part between slashes is empty");
  }
  if (name == "-" || name.starts_with("automerge:"))
    return bad_name(name, "it has another meaning");
  return {};
}

DocumentId id_of_name(const DocumentId& catalog, std::string_view name, std::uint64_t generation) {
  std::string input(as_text(catalog.bytes));
  input += '\0';
  input += name;
  input += '\0';
  input += std::to_string(generation);
  return DocumentId{first_half(input)};
}

ActorId first_actor(const DocumentId& document, std::string_view canonical_content) {
  std::string input = "converge-create";
  input += '\0';
  input += as_text(document.bytes);
  input += '\0';
  input += canonical_content;
  return actor_from(input);
}

ActorId catalog_actor(const DocumentId& catalog) {
  std::string input = "converge-catalog";
  input += '\0';
  input += as_text(catalog.bytes);
  return actor_from(input);
}

Result<void> initialise_catalog(engine::Document& catalog) {
  engine::Transaction edit = catalog.transact();
  for (const char* name : {kDeleted, kNames, kRemoved}) {
    const auto made = edit.put_object(model::kRoot, std::string(name), ObjType::kMap);
    if (!made) return made.error();
  }
  edit.commit({});
  return {};
}

std::optional<DocumentId> find_name(const View& catalog, std::string_view name) {
  const auto names = section(catalog, kNames);
  if (!names) return std::nullopt;
  const auto value = catalog.get(*names, std::string(name));
  if (!value) return std::nullopt;
  return document_in(*value);
}

std::uint64_t generation_of(const View& catalog, std::string_view name) {
  const auto removed = section(catalog, kRemoved);
  if (!removed) return 0;
  const auto counter = catalog.get(*removed, std::string(name));
  if (!counter || counter->object || !counter->scalar.ref().is(ScalarType::kCounter)) return 0;
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, counter->scalar.ref().as_int()));
}

bool is_deleted(const View& catalog, const DocumentId& document) {
  const auto deleted = section(catalog, kDeleted);
  return deleted && catalog.get(*deleted, document.to_url()).has_value();
}

void for_each_name(const View& catalog,
                   const std::function<void(std::string_view, const DocumentId&)>& f) {
  const auto names = section(catalog, kNames);
  if (!names) return;
  catalog.for_each_key(*names,
                       [&f](std::string_view name, const engine::Value& value, std::size_t) {
                         // What a foreign writer put there and the index cannot hold is not a name.
                         const auto document = document_in(value);
                         if (document && check_name(name)) f(name, *document);
                       });
}

void for_each_deleted(const View& catalog, const std::function<void(const DocumentId&)>& f) {
  const auto deleted = section(catalog, kDeleted);
  if (!deleted) return;
  catalog.for_each_key(*deleted, [&f](std::string_view url, const engine::Value&, std::size_t) {
    if (const auto document = DocumentId::parse(url)) f(*document);
  });
}

bool has_names(const View& catalog) {
  const auto names = section(catalog, kNames);
  return names && catalog.length(*names) > 0;
}

Result<bool> bind_name(engine::Document& catalog, std::string_view name, const DocumentId& document,
                       const engine::CommitOptions& options) {
  if (find_name(catalog.now(), name) == document) return false;
  engine::Transaction edit = catalog.transact();
  const auto names = section_for_writing(catalog, edit, kNames);
  if (!names) return names.error();
  const auto put = edit.put(*names, std::string(name), Scalar::string(document.to_url()));
  if (!put) return put.error();
  edit.commit(options);
  return true;
}

Result<bool> unbind_name(engine::Document& catalog, std::string_view name,
                         const engine::CommitOptions& options) {
  const auto names = section(catalog.now(), kNames);
  const std::string key(name);
  if (!names || !catalog.now().get(*names, key)) return false;
  engine::Transaction edit = catalog.transact();
  const auto erased = edit.erase(*names, key);
  if (!erased) return erased.error();
  const auto counted = count_removal(catalog, edit, key);
  if (!counted) return counted.error();
  edit.commit(options);
  return true;
}

Result<bool> delete_documents(engine::Document& catalog, const std::vector<DocumentId>& documents,
                              const engine::CommitOptions& options) {
  std::vector<std::string> unbound;
  for_each_name(catalog.now(), [&](std::string_view name, const DocumentId& document) {
    if (std::find(documents.begin(), documents.end(), document) != documents.end()) {
      unbound.emplace_back(name);
    }
  });
  engine::Transaction edit = catalog.transact();
  const auto names = section(catalog.now(), kNames);
  for (const std::string& name : unbound) {
    const auto erased = edit.erase(*names, name);
    if (!erased) return erased.error();
    const auto counted = count_removal(catalog, edit, name);
    if (!counted) return counted.error();
  }
  const auto deleted = section_for_writing(catalog, edit, kDeleted);
  if (!deleted) return deleted.error();
  for (const DocumentId& document : documents) {
    if (is_deleted(catalog.now(), document)) continue;
    const auto put = edit.put(*deleted, document.to_url(), Scalar::boolean(true));
    if (!put) return put.error();
  }
  return edit.commit(options).has_value();
}

Result<std::vector<store::NameEdit>> index_edits(const View& catalog, store::Store& store) {
  std::map<std::string, DocumentId, std::less<>> wanted;
  for_each_name(catalog, [&wanted](std::string_view name, const DocumentId& document) {
    wanted.emplace(name, document);
  });
  std::vector<store::NameEdit> edits;
  store::PageRequest request;
  while (true) {
    const auto page = store.list_names(request);
    if (!page) return page.error();
    for (const store::NameEntry& entry : page->items) {
      const auto found = wanted.find(entry.name);
      if (found == wanted.end()) {
        edits.push_back({entry.name, std::nullopt, std::nullopt, true});
        continue;
      }
      if (found->second != entry.document) {
        edits.push_back({entry.name, std::nullopt, found->second, true});
      }
      wanted.erase(found);
    }
    if (page->next.empty()) break;
    request.after = page->next;
  }
  for (const auto& [name, document] : wanted) {
    edits.push_back({name, std::nullopt, document, true});
  }
  return edits;
}

}  // namespace converge::repo
