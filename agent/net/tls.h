#pragma once

#include "core/base/result.h"

#include <filesystem>
#include <memory>
#include <string>

namespace converge::net {

/// A device's key and self-signed certificate, and what TLS makes of them. Identity is the SHA-256
/// over the public key (SPKI, DER), so a renewed certificate keeps it. Source: store.md 20.
class TlsIdentity {
 public:
  /// Reads PEM files. Errors: kNotFound, kDenied (the key file is readable by others), kCorrupt.
  static Result<TlsIdentity> load(const std::filesystem::path& certificate,
                                  const std::filesystem::path& key);
  /// Makes a new P-256 key and a certificate for `common_name`, writes both (key mode 0600) unless
  /// they exist, and loads them.
  static Result<TlsIdentity> load_or_create(const std::filesystem::path& certificate,
                                            const std::filesystem::path& key,
                                            const std::string& common_name);
  /// For tests and --ephemeral: lives in memory only.
  static Result<TlsIdentity> create(const std::string& common_name);

  TlsIdentity(TlsIdentity&&) noexcept;
  TlsIdentity& operator=(TlsIdentity&&) noexcept;
  ~TlsIdentity();

  /// 64 lower-case hex digits.
  const std::string& fingerprint() const;

  struct Impl;
  const Impl& impl() const { return *impl_; }

 private:
  explicit TlsIdentity(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace converge::net
