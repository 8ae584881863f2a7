#include "core/verify/subject.h"

#include "core/engine/document.h"
#include "core/verbs/canonical.h"

namespace converge::verify {
namespace {

// Replicas under test make no changes of their own, so the actor names nobody.
ActorId reader() { return ActorId(as_bytes("verify")); }

class EngineSubject final : public Subject {
 public:
  Result<void> apply(const std::vector<Bytes>& chunks) override {
    const auto report = document_.apply_changes(chunks);
    if (!report) return report.error();
    return {};
  }

  Result<void> save_and_load() override {
    auto loaded = engine::Document::load(document_.save(), reader());
    if (!loaded) return loaded.error();
    document_ = std::move(*loaded);
    return {};
  }

  std::string state() const override { return verbs::canonical_json(document_.now()); }

  std::string version() const override {
    std::string out;
    for (const ChangeHash& head : document_.heads()) out += head.to_hex() + "\n";
    return out;
  }

 private:
  engine::Document document_{reader()};
};

}  // namespace

SubjectFactory engine_subjects() {
  return [] { return std::make_unique<EngineSubject>(); };
}

}  // namespace converge::verify
