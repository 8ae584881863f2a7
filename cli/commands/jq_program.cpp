#include "cli/commands/jq_program.h"

#include "core/control/error_table.h"

extern "C" {
#include <jq.h>
#include <jv.h>
}

namespace converge::cli {
namespace {

using control::ErrorId;
using control::make_error;

/// Takes the value over.
std::string text_of(jv value) {
  const jv text = jv_dump_string(value, 0);
  std::string out(jv_string_value(text),
                  static_cast<std::size_t>(jv_string_length_bytes(jv_copy(text))));
  jv_free(text);
  return out;
}

/// What jq says while it compiles; the last line only counts the ones before.
void remember(void* said, jv message) {
  auto& out = *static_cast<std::string*>(said);
  if (out.empty() && jv_get_kind(message) == JV_KIND_STRING) out = jv_string_value(message);
  jv_free(message);
}

}  // namespace

struct JqProgram::Impl {
  jq_state* state = nullptr;
  std::string program;
  std::string said;
  ~Impl() {
    if (state != nullptr) jq_teardown(&state);
  }
};

JqProgram::JqProgram(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
JqProgram::~JqProgram() = default;
JqProgram::JqProgram(JqProgram&&) noexcept = default;
JqProgram& JqProgram::operator=(JqProgram&&) noexcept = default;

Result<JqProgram> JqProgram::compile(const std::string& program) {
  auto impl = std::make_unique<Impl>();
  impl->program = program;
  impl->state = jq_init();
  if (impl->state == nullptr) return make_error(ErrorId::kIo, "jq cannot be started");
  jq_set_error_cb(impl->state, remember, &impl->said);
  if (jq_compile(impl->state, program.c_str()) == 0) {
    std::string why = impl->said.substr(0, impl->said.find('\n'));
    if (why.starts_with("jq: error: ")) why.erase(0, 11);
    return make_error(ErrorId::kQuerySyntax,
                      "the jq program \"" + program + "\" is not understood\n" + why);
  }
  return JqProgram(std::move(impl));
}

Result<void> JqProgram::run(const std::string& input,
                            const std::function<bool(std::string output)>& sink) const {
  const jv parsed = jv_parse_sized(input.data(), static_cast<int>(input.size()));
  if (jv_is_valid(parsed) == 0) {
    jv_free(parsed);
    return make_error(ErrorId::kLimitExceeded, "jq cannot read a document: it is nested too deep");
  }
  jq_start(impl_->state, parsed, 0);
  while (true) {
    jv output = jq_next(impl_->state);
    if (jv_is_valid(output) != 0) {
      if (!sink(text_of(output))) return {};
      continue;
    }
    if (jv_invalid_has_msg(jv_copy(output)) == 0) {
      jv_free(output);
      return {};
    }
    jv message = jv_invalid_get_msg(output);
    const bool is_text = jv_get_kind(message) == JV_KIND_STRING;
    std::string why = is_text ? jv_string_value(message) : text_of(jv_copy(message));
    jv_free(message);
    return make_error(ErrorId::kQuerySyntax,
                      "the jq program \"" + impl_->program + "\" fails\n" + why,
                      "\"?\" behind an expression passes over what it does not fit");
  }
}

}  // namespace converge::cli
