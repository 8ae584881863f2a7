#include "core/engine/operations.h"

#include "core/format/change.h"

#include <utility>

namespace converge::engine {
namespace {

/// Takes one decoded change apart. Actor 0 is the author, 1.. the others.
class Expander {
 public:
  explicit Expander(const model::Change& change) : change_(change) {}

  std::vector<Operation> run() {
    next_ = change_.start_op;
    for (const auto& run : change_.ops) {
      switch (run.shape) {
        case model::OpRun::Shape::kSingle:
          single(run);
          break;
        case model::OpRun::Shape::kText:
          text(run);
          break;
        case model::OpRun::Shape::kDelete:
          deletes(run);
          break;
      }
    }
    return std::move(out_);
  }

 private:
  std::string id_text(OpId id, const char* none) const {
    if (id.is_none()) return none;
    const ActorId& actor = id.actor == 0 ? change_.actor : change_.other_actors[id.actor - 1];
    return std::to_string(id.counter) + "@" + actor.to_hex();
  }

  Operation begin(const model::OpRun& run) {
    Operation op;
    op.id = id_text({next_++, 0}, "");
    op.action = run.action;
    op.object = id_text(run.object, "_root");
    op.insert = run.insert;
    return op;
  }

  void single(const model::OpRun& run) {
    Operation op = begin(run);
    if (run.key.is_map)
      op.key = std::string(run.key.name);
    else
      op.element = id_text(run.key.element, "_head");
    op.expand = run.expand;
    if (run.mark_name) op.mark_name = std::string(*run.mark_name);
    const bool has_value = run.action == model::Action::kSet || run.action == model::Action::kInc ||
                           (run.action == model::Action::kMark && run.mark_name);
    if (has_value) op.value = model::Scalar(run.value);
    for (std::uint32_t i = 0; i < run.pred_count; ++i)
      op.preds.push_back(id_text(change_.preds[run.pred_begin + i], ""));
    out_.push_back(std::move(op));
  }

  void text(const model::OpRun& run) {
    std::string behind = id_text(run.key.element, "_head");
    std::string_view rest = run.text;
    for (std::uint32_t i = 0; i < run.count; ++i) {
      Operation op = begin(run);
      op.element = std::move(behind);
      std::size_t bytes = 1;
      while (bytes < rest.size() && (static_cast<unsigned char>(rest[bytes]) & 0xC0u) == 0x80u)
        ++bytes;
      op.value = model::Scalar::string(rest.substr(0, bytes));
      rest.remove_prefix(bytes);
      behind = op.id;
      out_.push_back(std::move(op));
    }
  }

  void deletes(const model::OpRun& run) {
    OpId target = run.key.element;
    for (std::uint32_t i = 0; i < run.count; ++i) {
      Operation op = begin(run);
      op.element = id_text(target, "_head");
      op.preds.push_back(op.element);
      target.counter = run.step > 0 ? target.counter + 1 : target.counter - 1;
      out_.push_back(std::move(op));
    }
  }

  const model::Change& change_;
  std::uint32_t next_ = 0;
  std::vector<Operation> out_;
};

}  // namespace

Result<std::vector<Operation>> operations(const Document& document, const ChangeHash& hash) {
  const auto bytes = document.change_bytes(hash);
  if (!bytes) return Error{ErrorCode::kNotFound, "the document has no change " + hash.to_hex()};
  const auto change = format::decode_change(*bytes);
  if (!change) return change.error();
  return Expander(*change).run();
}

}  // namespace converge::engine
