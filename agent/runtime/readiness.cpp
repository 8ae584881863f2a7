#include "agent/runtime/readiness.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#ifdef CONVERGE_HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

namespace converge::runtime {

Result<void> write_ready_file(const std::filesystem::path& path, const Agent& agent) {
  const auto listen = agent.listen_address();
  const auto url = agent.listen_url();
  const auto metrics = agent.metrics_address();
  const nlohmann::json json{{"kind", "Ready"},
                            {"v", 1},
                            {"socket", std::filesystem::absolute(agent.socket()).native()},
                            {"listen", listen ? nlohmann::json(*listen) : nlohmann::json()},
                            {"url", url ? nlohmann::json(*url) : nlohmann::json()},
                            {"metrics", metrics ? nlohmann::json(*metrics) : nlohmann::json()},
                            {"pid", getpid()}};
  const std::string text = json.dump() + "\n";
  const std::string temporary = fmt::format("{}.{}.tmp", path.native(), getpid());
  const auto failed = [&temporary, &path](const char* what) {
    Error error{ErrorCode::kIo, fmt::format("cannot {} the ready file {}: {}", what, path.native(),
                                            std::strerror(errno))};
    ::unlink(temporary.c_str());
    return error;
  };
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return failed("make");
  const ssize_t written = ::write(file, text.data(), text.size());
  const bool synced = written == static_cast<ssize_t>(text.size()) && ::fsync(file) == 0;
  if (::close(file) != 0 || !synced) return failed("write");
  if (::rename(temporary.c_str(), path.c_str()) != 0) return failed("name");
  return {};
}

#ifdef CONVERGE_HAVE_SYSTEMD

void notify_ready(const Agent& agent) {
  sd_notify(0, fmt::format("READY=1\nSTATUS=serving {}", agent.socket().native()).c_str());
}
void notify_reloading() { sd_notify(0, "RELOADING=1"); }
void notify_reloaded() { sd_notify(0, "READY=1"); }
void notify_stopping() { sd_notify(0, "STOPPING=1"); }

#else

void notify_ready(const Agent&) {}
void notify_reloading() {}
void notify_reloaded() {}
void notify_stopping() {}

#endif

}  // namespace converge::runtime
