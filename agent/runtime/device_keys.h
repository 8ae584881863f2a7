#pragma once

#include "agent/config/config.h"
#include "agent/control/services.h"
#include "core/base/result.h"

#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace converge::runtime {

/// As Services::make_key and rotate_key. The files are whole at any moment, whoever is killed when:
/// a certificate that is missing is made again from its key.
Result<handlers::KeyMade> make_key(const config::Config& config, const std::string& name,
                                   const std::string& common_name);
Result<handlers::KeyMade> rotate_key(const config::Config& config, const std::string& common_name);

/// Fingerprints (hex) of keys that nobody is admitted with. Any thread.
class RevokedKeys {
 public:
  bool contains(const std::string& fingerprint) const {
    const std::scoped_lock lock(mutex_);
    return keys_.contains(fingerprint);
  }
  std::vector<std::string> list() const {
    const std::scoped_lock lock(mutex_);
    return {keys_.begin(), keys_.end()};
  }
  void set(const std::string& fingerprint, bool revoked) {
    const std::scoped_lock lock(mutex_);
    if (revoked)
      keys_.insert(fingerprint);
    else
      keys_.erase(fingerprint);
  }

 private:
  mutable std::mutex mutex_;
  std::set<std::string> keys_;
};

}  // namespace converge::runtime
