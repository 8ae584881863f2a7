#include "agent/control/progress_notes.h"

#include <utility>

namespace converge::handlers {
namespace {

constexpr std::chrono::milliseconds kPeriod{250};

std::uint64_t milliseconds_of(std::chrono::steady_clock::duration time) {
  const auto count = std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
  return count > 0 ? static_cast<std::uint64_t>(count) : 0;
}

}  // namespace

ProgressNotes::ProgressNotes(Services& services, CallPtr call, bool is_wanted, std::string unit)
    : services_(services),
      call_(std::move(call)),
      is_wanted_(is_wanted),
      unit_(std::move(unit)),
      begin_(services.clock().steady_now()),
      next_(begin_) {}

void ProgressNotes::update(std::uint64_t done, std::uint64_t total) {
  if (!is_wanted_) return;
  const auto now = services_.clock().steady_now();
  if (now < next_) return;
  next_ = now + kPeriod;
  const std::uint64_t elapsed = milliseconds_of(now - begin_);
  Json eta;
  if (total > done && done > 0) {
    eta = static_cast<std::uint64_t>(static_cast<double>(total - done) *
                                     static_cast<double>(elapsed) / static_cast<double>(done));
  }
  services_.on_control(
      [call = call_, note = Json{{"kind", "Progress"},
                                 {"v", 1},
                                 {"op", call_->method},
                                 {"done", done},
                                 {"total", total > 0 ? Json(total) : Json()},
                                 {"unit", unit_},
                                 {"elapsed_ms", elapsed},
                                 {"eta_ms", std::move(eta)}}] { call->sink(note); });
}

}  // namespace converge::handlers
