#include "core/verify/explain_fields.h"

#include "core/base/result.h"
#include "core/codec/leb128.h"
#include "core/codec/reader.h"
#include "core/format/columns.h"
#include "core/verify/explain_ops.h"

#include <nlohmann/json.hpp>

#include <array>
#include <string>
#include <utility>
#include <vector>

namespace converge::verify {
namespace {

using nlohmann::json;
namespace op_column = format::op_column;
namespace change_column = format::change_column;

constexpr std::size_t kHashBytes = 32;
constexpr std::size_t kListMax = 1000;  // entries of a list that are shown

struct ColumnName {
  std::uint32_t spec;
  const char* name;
};

constexpr std::array kOpNames{
    ColumnName{op_column::kObjectActor, "object actor"},
    ColumnName{op_column::kObjectCounter, "object counter"},
    ColumnName{op_column::kKeyActor, "key actor"},
    ColumnName{op_column::kKeyCounter, "key counter"},
    ColumnName{op_column::kKeyName, "key name"},
    ColumnName{op_column::kIdActor, "id actor"},
    ColumnName{op_column::kIdCounter, "id counter"},
    ColumnName{op_column::kInsert, "insert"},
    ColumnName{op_column::kAction, "action"},
    ColumnName{op_column::kValueMeta, "value type and length"},
    ColumnName{op_column::kValueRaw, "value bytes"},
    ColumnName{op_column::kPredCount, "predecessors count"},
    ColumnName{op_column::kPredActor, "predecessors actor"},
    ColumnName{op_column::kPredCounter, "predecessors counter"},
    ColumnName{op_column::kSuccCount, "successors count"},
    ColumnName{op_column::kSuccActor, "successors actor"},
    ColumnName{op_column::kSuccCounter, "successors counter"},
    ColumnName{op_column::kExpand, "expand"},
    ColumnName{op_column::kMarkName, "mark name"},
};

constexpr std::array kChangeNames{
    ColumnName{change_column::kActor, "actor"},
    ColumnName{change_column::kSeq, "seq"},
    ColumnName{change_column::kMaxOp, "max op"},
    ColumnName{change_column::kTime, "time"},
    ColumnName{change_column::kMessage, "message"},
    ColumnName{change_column::kDepsCount, "dependencies count"},
    ColumnName{change_column::kDepsIndex, "dependencies index"},
    ColumnName{change_column::kExtraMeta, "extra type and length"},
    ColumnName{change_column::kExtraRaw, "extra bytes"},
};

template <class Names>
const char* name_of(const Names& names, std::uint32_t spec) {
  for (const ColumnName& each : names)
    if (each.spec == spec) return each.name;
  return "unknown";
}

struct Column {
  std::uint64_t spec = 0;
  std::uint64_t length = 0;
};

/// Steps from field to field; after the first that cannot be read nothing more is.
class Walk {
 public:
  Walk(ByteView body, std::size_t base) : in_(body), base_(base) {}

  json take() && { return std::move(fields_); }

  /// `read` gives the field's value as JSON and moves the cursor behind it.
  template <class Read>
  void field(const char* name, Read&& read) {
    if (failed_) return;
    const std::size_t from = in_.position();
    const Result<json> value = read();
    json entry = {{"field", name}, {"offset", base_ + from}};
    if (value) {
      entry["bytes"] = in_.position() - from;
      entry["value"] = *value;
    } else {
      entry["error"] = value.error().message;
      failed_ = true;
    }
    fields_.push_back(std::move(entry));
  }

  void number(const char* name) {
    field(name, [&]() -> Result<json> {
      const auto value = codec::read_uleb(in_);
      return value ? Result<json>(json(*value)) : value.error();
    });
  }
  void signed_number(const char* name) {
    field(name, [&]() -> Result<json> {
      const auto value = codec::read_sleb(in_);
      return value ? Result<json>(json(*value)) : value.error();
    });
  }
  void hashes(const char* name) {
    field(name, [&] { return list([&] { return exactly(kHashBytes); }); });
  }
  void actor(const char* name) {
    field(name, [&] { return hex(sized()); });
  }
  void actors(const char* name) {
    field(name, [&] { return list([&] { return sized(); }); });
  }
  void text(const char* name) {
    field(name, [&]() -> Result<json> {
      const auto bytes = sized();
      return bytes ? Result<json>(json(text_or_hex(as_text(*bytes)))) : bytes.error();
    });
  }
  void metadata(const char* name, std::vector<Column>& columns) {
    field(name, [&]() -> Result<json> {
      const auto count = codec::read_uleb(in_);
      if (!count) return count.error();
      for (std::uint64_t i = 0; i < *count; ++i) {
        const auto spec = codec::read_uleb(in_);
        if (!spec) return spec.error();
        const auto length = codec::read_uleb(in_);
        if (!length) return length.error();
        columns.push_back({*spec, *length});
      }
      return json(std::to_string(*count) + " columns");
    });
  }
  template <class Names>
  void data(const char* table, const std::vector<Column>& columns, const Names& names) {
    for (const Column& column : columns) {
      field(table, [&]() -> Result<json> {
        const auto bytes = exactly(column.length);
        if (!bytes) return bytes.error();
        return json(short_hex(*bytes));
      });
      const auto plain = static_cast<std::uint32_t>(column.spec & ~std::uint64_t{8});
      fields_.back()["column"] = name_of(names, column.spec > 0xff ? 0xffff : plain);
      fields_.back()["specification"] = column.spec;
      if ((column.spec & format::kDeflateBit) != 0) fields_.back()["deflated"] = true;
      if (failed_) return;
    }
  }
  void bytes(const char* name) {
    field(name, [&]() -> Result<json> {
      const auto bytes = sized();
      return bytes ? Result<json>(json(short_hex(*bytes))) : bytes.error();
    });
  }
  void byte(const char* name) {
    field(name, [&]() -> Result<json> {
      const auto byte = exactly(1);
      return byte ? Result<json>(json(to_hex(*byte))) : byte.error();
    });
  }
  /// A count, and `each` so often.
  template <class Each>
  void repeated(const char* name, const Each& each) {
    std::uint64_t count = 0;
    field(name, [&]() -> Result<json> {
      const auto value = codec::read_uleb(in_);
      if (!value) return value.error();
      count = *value;
      return json(count);
    });
    for (std::uint64_t i = 0; i < count && !failed_; ++i) each();
  }
  void rest(const char* name) {
    if (in_.at_end()) return;
    field(name, [&]() -> Result<json> { return json(short_hex(in_.take(in_.remaining()))); });
  }

 private:
  Result<ByteView> exactly(std::uint64_t size) {
    if (size > in_.remaining())
      return Error{ErrorCode::kTruncated, std::to_string(size) + " bytes are said to follow, " +
                                              std::to_string(in_.remaining()) + " do"};
    return in_.take(static_cast<std::size_t>(size));
  }
  Result<ByteView> sized() {
    const auto size = codec::read_uleb(in_);
    if (!size) return size.error();
    return exactly(*size);
  }
  static Result<json> hex(const Result<ByteView>& bytes) {
    if (!bytes) return bytes.error();
    return json(to_hex(*bytes));
  }
  template <class One>
  Result<json> list(const One& one) {
    const auto count = codec::read_uleb(in_);
    if (!count) return count.error();
    json out = json::array();
    for (std::uint64_t i = 0; i < *count; ++i) {
      const Result<ByteView> bytes = one();
      if (!bytes) return bytes.error();
      if (i < kListMax) out.push_back(to_hex(*bytes));
    }
    return out;
  }

  codec::Reader in_;
  std::size_t base_;
  json fields_ = json::array();
  bool failed_ = false;
};

}  // namespace

json fields_of_change(ByteView body, std::size_t base) {
  Walk walk(body, base);
  std::vector<Column> columns;
  walk.hashes("dependencies");
  walk.actor("actor");
  walk.number("seq");
  walk.number("start op");
  walk.signed_number("time");
  walk.text("message");
  walk.actors("other actors");
  walk.metadata("column metadata", columns);
  walk.data("op column", columns, kOpNames);
  walk.rest("extra");
  return std::move(walk).take();
}

json fields_of_document(ByteView body, std::size_t base) {
  Walk walk(body, base);
  std::vector<Column> changes;
  std::vector<Column> ops;
  walk.actors("actors");
  walk.hashes("heads");
  walk.metadata("change column metadata", changes);
  walk.metadata("op column metadata", ops);
  walk.data("change column", changes, kChangeNames);
  walk.data("op column", ops, kOpNames);
  walk.rest("rows of the heads");
  return std::move(walk).take();
}

json fields_of_sync(ByteView message, std::size_t base) {
  Walk walk(message, base);
  walk.byte("version");
  walk.hashes("heads");
  walk.hashes("need");
  walk.repeated("haves", [&] {
    walk.hashes("last sync");
    walk.bytes("filter");
  });
  walk.repeated("changes", [&] { walk.bytes("change"); });
  walk.rest("flags");
  return std::move(walk).take();
}

}  // namespace converge::verify
