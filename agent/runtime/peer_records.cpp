#include "agent/runtime/peer_records.h"

#include "agent/config/units.h"
#include "agent/runtime/peer_limits.h"
#include "core/base/bytes.h"
#include "core/codec/sha256.h"
#include "core/control/error_table.h"

#include <fmt/format.h>

namespace converge::runtime {

using handlers::PeerSettings;

store::PeerKey peer_key_of(const std::string& name) {
  return codec::sha256(as_bytes("peer:" + name));
}

store::PeerRecord to_record(const PeerSettings& settings) {
  store::PeerRecord record;
  record.key = peer_key_of(settings.name);
  record.name = settings.name;
  record.attributes = {{"url", settings.url},
                       {"key", settings.key},
                       {"policy", settings.policy},
                       {"rate", settings.rate},
                       {"paused", settings.paused ? "true" : "false"}};
  for (const std::string& collection : settings.collections) {
    record.attributes.emplace_back("collection", collection);
  }
  return record;
}

PeerSettings from_record(const store::PeerRecord& record) {
  PeerSettings settings;
  settings.name = record.name;
  for (const auto& [name, value] : record.attributes) {
    if (name == "url") settings.url = value;
    if (name == "key") settings.key = value;
    if (name == "policy") settings.policy = value;
    if (name == "rate") settings.rate = value;
    if (name == "paused") settings.paused = value == "true";
    if (name == "collection") settings.collections.push_back(value);
  }
  return settings;
}

std::string bare_fingerprint(const std::string& key) {
  constexpr std::string_view kPrefix = "SHA256:";
  return key.starts_with(kPrefix) ? key.substr(kPrefix.size()) : key;
}

Result<std::uint64_t> parse_rate(std::string_view text) {
  std::string_view size = text;
  if (size.ends_with("/s")) size.remove_suffix(2);
  const auto rate = config::parse_size(size);
  if (!rate) {
    return control::make_error(control::ErrorId::kUsageArgument,
                               fmt::format("\"{}\" is not a rate", text),
                               "write it like 64KiB/s or 10MB/s");
  }
  if (*rate < kPeerRateMin) {
    return control::make_error(
        control::ErrorId::kUsageArgument,
        fmt::format("\"{}\" is below the least rate of {} bytes a second", text, kPeerRateMin),
        "pause the peer to keep it from using the network");
  }
  return *rate;
}

}  // namespace converge::runtime
