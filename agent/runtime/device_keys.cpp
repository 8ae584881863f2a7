#include "agent/runtime/device_keys.h"

#include "agent/net/tls.h"
#include "core/control/error_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <unistd.h>

namespace converge::runtime {
namespace {

namespace fs = std::filesystem;
using control::ErrorId;
using control::make_error;

constexpr const char* kDevice = "device";
constexpr const char* kNext = "next";  ///< a rotation that is under way
constexpr std::size_t kNameBytesMax = 64;

/// The directory, made when it is missing.
Result<fs::path> keys_directory(const config::Config& config) {
  if (config.keys_dir.empty()) {
    return make_error(ErrorId::kUsageArgument, "this agent keeps its key in memory only",
                      "start it with --keys DIR");
  }
  std::error_code failed;
  fs::create_directories(config.keys_dir, failed);
  if (failed) {
    return make_error(ErrorId::kIo, fmt::format("cannot make the key directory {}: {}",
                                                config.keys_dir.native(), failed.message()));
  }
  return config.keys_dir;
}

Result<void> check_key_name(const std::string& name) {
  const bool plain = std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
  if (plain && !name.empty() && name.size() <= kNameBytesMax && name != kNext) return {};
  return make_error(ErrorId::kUsageArgument, fmt::format("\"{}\" cannot be a key's name", name),
                    "use up to 64 letters, digits, - and _");
}

Error system_error(const char* what, const fs::path& path) {
  return make_error(ErrorId::kIo,
                    fmt::format("cannot {} {}: {}", what, path.native(), std::strerror(errno)));
}

/// `from` gets a second name `to`, in the place of what had it.
Result<void> keep_as(const fs::path& from, const fs::path& to) {
  if (::unlink(to.c_str()) != 0 && errno != ENOENT) return system_error("remove", to);
  if (::link(from.c_str(), to.c_str()) != 0 && errno != ENOENT) return system_error("keep", from);
  return {};
}

}  // namespace

Result<handlers::KeyMade> make_key(const config::Config& config, const std::string& name,
                                   const std::string& common_name) {
  const std::string base = name.empty() ? kDevice : name;
  const auto valid = check_key_name(base);
  if (!valid) return valid.error();
  const auto directory = keys_directory(config);
  if (!directory) return directory.error();
  const fs::path key = *directory / (base + ".key");
  std::error_code ignored;
  const bool is_there = fs::exists(key, ignored);
  const auto made = net::TlsIdentity::load_or_create(*directory / (base + ".crt"), key,
                                                     name.empty() ? common_name : name);
  if (!made) return made.error();
  return handlers::KeyMade{made->fingerprint(), key.native(), is_there, false};
}

Result<handlers::KeyMade> rotate_key(const config::Config& config, const std::string& common_name) {
  const auto directory = keys_directory(config);
  if (!directory) return directory.error();
  const fs::path key = *directory / "device.key";
  const fs::path certificate = *directory / "device.crt";
  const fs::path next_key = *directory / (std::string(kNext) + ".key");
  const fs::path next_certificate = *directory / (std::string(kNext) + ".crt");
  const auto next = net::TlsIdentity::load_or_create(next_certificate, next_key, common_name);
  if (!next) return next.error();
  if (auto kept = keep_as(key, key.native() + ".old"); !kept) return kept.error();
  if (auto kept = keep_as(certificate, certificate.native() + ".old"); !kept) return kept.error();
  // Without a certificate either key stands for itself: the next start makes one for it.
  for (const fs::path& path : {certificate, next_certificate}) {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return system_error("remove", path);
  }
  if (::rename(next_key.c_str(), key.c_str()) != 0) return system_error("replace", key);
  const auto made = net::TlsIdentity::load_or_create(certificate, key, common_name);
  if (!made) return made.error();
  return handlers::KeyMade{made->fingerprint(), key.native(), false, true};
}

}  // namespace converge::runtime
