#include "cli/commands/progress.h"

#include "cli/commands/interrupt.h"
#include "cli/output/text.h"
#include "core/control/json_text.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>

namespace converge::cli {

using nlohmann::json;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kFirst{500};
constexpr std::size_t kWidthUnknown = 80;

std::uint64_t count_of(milliseconds time) {
  return static_cast<std::uint64_t>(std::max<milliseconds::rep>(time.count(), 0));
}

}  // namespace

Progress::Progress(Session& session, std::string op, std::string unit, std::uint64_t total)
    : session_(session), op_(std::move(op)), unit_(std::move(unit)), total_(total) {
  std::string how = session.settings().get("progress");
  if (const auto flag = session.value("progress")) how = *flag;
  if (how == "plain") how_ = How::kPlain;
  if (how == "json") how_ = How::kJson;
  if (how == "auto" && session.terminal().err_tty) how_ = How::kLine;
  if (session.out().quiet()) how_ = How::kNone;
  period_ = how_ == How::kLine   ? milliseconds(100)
            : how_ == How::kJson ? milliseconds(1000)
                                 : milliseconds(10'000);
  start_ = session.clock().steady_now();
  next_ = start_ + (how_ == How::kLine ? kFirst : period_);
}

Progress::~Progress() { erase(); }

std::string Progress::line(milliseconds elapsed) const {
  std::string out = op_ + ": " + std::to_string(done_);
  if (total_ > 0) out += " of " + std::to_string(total_);
  out += " " + unit_;
  if (elapsed.count() > 0) {
    const std::uint64_t rate = done_ * 1000 / count_of(elapsed);
    out += ", " + std::to_string(rate) + "/s";
    if (rate > 0 && total_ > done_)
      out += ", " + human_duration((total_ - done_) * 1000 / rate) + " left";
  }
  return out;
}

std::string Progress::object(milliseconds elapsed) const {
  json eta = nullptr;
  if (total_ > 0 && done_ > 0) {
    const std::uint64_t left = total_ > done_ ? total_ - done_ : 0;
    eta = left * count_of(elapsed) / done_;
  }
  return control::to_compact({{"kind", "Progress"},
                              {"v", 1},
                              {"op", op_},
                              {"done", done_},
                              {"total", total_ > 0 ? json(total_) : json()},
                              {"unit", unit_},
                              {"elapsed_ms", count_of(elapsed)},
                              {"eta_ms", eta}});
}

void Progress::expect(std::uint64_t total, std::string unit) {
  total_ = total;
  unit_ = std::move(unit);
}

void Progress::update(std::uint64_t done) {
  done_ = done;
  const auto now = session_.clock().steady_now();
  const bool asked = take_progress_request();
  if (!asked && (how_ == How::kNone || now < next_)) return;
  const auto elapsed = std::chrono::duration_cast<milliseconds>(now - start_);
  if (how_ == How::kLine) {
    const std::size_t width =
        session_.terminal().width == 0 ? kWidthUnknown : session_.terminal().width;
    std::fprintf(stderr, "\r%s\x1b[K", cut(line(elapsed), width - 1, false).c_str());
    std::fflush(stderr);
    drawn_ = true;
  } else {
    std::fprintf(stderr, "%s\n",
                 how_ == How::kJson ? object(elapsed).c_str() : line(elapsed).c_str());
  }
  next_ = now + period_;
}

void Progress::erase() {
  if (!drawn_) return;
  std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
  drawn_ = false;
}

}  // namespace converge::cli
