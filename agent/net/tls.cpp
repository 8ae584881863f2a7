#include "agent/net/tls.h"

#include "agent/net/tls_context.h"
#include "core/base/bytes.h"
#include "core/codec/sha256.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace converge::net {
namespace {

template <class T, void (*Free)(T*)>
struct Deleter {
  void operator()(T* pointer) const { Free(pointer); }
};
void free_bio(BIO* bio) { BIO_free(bio); }
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY, EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509, X509_free>>;
using Bio = std::unique_ptr<BIO, Deleter<BIO, free_bio>>;
using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

constexpr long kLifetimeSeconds = 20L * 365 * 24 * 3600;  // identity is the key, not the dates

Error openssl_error(const std::string& what, ErrorCode code) {
  char text[256] = "unknown reason";
  if (const auto number = ERR_get_error(); number != 0) {
    ERR_error_string_n(number, text, sizeof text);
  }
  ERR_clear_error();
  return Error{code, what + ": " + text};
}

Error system_error(const std::string& what) {
  const ErrorCode code = errno == ENOENT   ? ErrorCode::kNotFound
                         : errno == EACCES ? ErrorCode::kDenied
                                           : ErrorCode::kIo;
  return Error{code, what + ": " + std::strerror(errno)};
}

std::string fingerprint_of(X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  if (size <= 0) return {};
  const ByteView bytes(reinterpret_cast<const std::byte*>(der), static_cast<std::size_t>(size));
  const std::string hex = to_hex(codec::sha256(bytes));
  OPENSSL_free(der);
  return hex;
}

Result<Certificate> make_certificate(EVP_PKEY* key, const std::string& common_name) {
  Certificate certificate(X509_new());
  std::uint64_t serial = 0;
  if (!certificate || RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) != 1) {
    return openssl_error("certificate", ErrorCode::kIo);
  }
  X509_NAME* name = X509_get_subject_name(certificate.get());
  const auto* text = reinterpret_cast<const unsigned char*>(common_name.data());
  const bool made =
      X509_set_version(certificate.get(), 2) == 1 &&
      ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), serial >> 1) == 1 &&
      X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600) != nullptr &&
      X509_gmtime_adj(X509_getm_notAfter(certificate.get()), kLifetimeSeconds) != nullptr &&
      X509_set_pubkey(certificate.get(), key) == 1 &&
      X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, text,
                                 static_cast<int>(common_name.size()), -1, 0) == 1 &&
      X509_set_issuer_name(certificate.get(), name) == 1 &&
      X509_sign(certificate.get(), key, EVP_sha256()) > 0;
  if (!made) return openssl_error("certificate for '" + common_name + "'", ErrorCode::kInvalid);
  return certificate;
}

Result<Key> make_key() {
  Key key(EVP_EC_gen("P-256"));
  if (!key) return openssl_error("device key", ErrorCode::kIo);
  return key;
}

/// Opens without following a link, so that nobody can make us read or write elsewhere.
Result<File> open_file(const std::filesystem::path& path, int flags, mode_t mode,
                       const char* stdio_mode) {
  const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, mode);
  if (descriptor < 0) return system_error(path.string());
  std::FILE* file = ::fdopen(descriptor, stdio_mode);
  if (file == nullptr) {
    ::close(descriptor);
    return system_error(path.string());
  }
  return File(file, &std::fclose);
}

Result<Key> read_key(const std::filesystem::path& path) {
  auto file = open_file(path, O_RDONLY, 0, "r");
  if (!file) return file.error();
  struct stat info {};
  if (::fstat(::fileno(file->get()), &info) != 0) return system_error(path.string());
  if ((info.st_mode & 077) != 0) {
    return Error{ErrorCode::kDenied, "key file " + path.string() + " is open to others", "",
                 "chmod 600 " + path.string()};
  }
  Key key(PEM_read_PrivateKey(file->get(), nullptr, nullptr, nullptr));
  if (!key) return openssl_error("key file " + path.string(), ErrorCode::kCorrupt);
  return key;
}

Result<Certificate> read_certificate(const std::filesystem::path& path) {
  auto file = open_file(path, O_RDONLY, 0, "r");
  if (!file) return file.error();
  Certificate certificate(PEM_read_X509(file->get(), nullptr, nullptr, nullptr));
  if (!certificate) return openssl_error("certificate " + path.string(), ErrorCode::kCorrupt);
  return certificate;
}

/// Makes a file that is complete from the moment it has its name: two agents that start at once on
/// the same keys both end with what one of them wrote. A file that is there already stays.
template <class Write>
Result<void> publish_file(const std::filesystem::path& path, mode_t mode, Write write) {
  std::string draft = path.string() + ".XXXXXX";
  const int descriptor = ::mkostemp(draft.data(), O_CLOEXEC);
  if (descriptor < 0) return system_error(path.string());
  File file(::fdopen(descriptor, "w"), &std::fclose);
  const bool written = file != nullptr && ::fchmod(descriptor, mode) == 0 &&
                       write(file.get()) == 1 && std::fflush(file.get()) == 0 &&
                       ::fsync(descriptor) == 0;
  Result<void> out;
  if (!written || (::link(draft.c_str(), path.c_str()) != 0 && errno != EEXIST)) {
    out = system_error("cannot write " + path.string());
  }
  ::unlink(draft.c_str());
  return out;
}

Result<void> write_key(const std::filesystem::path& path, EVP_PKEY* key) {
  return publish_file(path, 0600, [&](std::FILE* file) {
    return PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
}

Result<void> write_certificate(const std::filesystem::path& path, X509* certificate) {
  return publish_file(path, 0644,
                      [&](std::FILE* file) { return PEM_write_X509(file, certificate); });
}

Result<void> use_identity(SSL_CTX* context, const TlsIdentity& identity);

/// Any certificate will do: what it proves is possession of a key, and the caller compares that
/// key's fingerprint.
int accept_any(int /*preverified*/, X509_STORE_CTX* /*chain*/) { return 1; }

}  // namespace

struct TlsIdentity::Impl {
  Key key;
  Certificate certificate;
  std::string fingerprint;
};

TlsIdentity::TlsIdentity(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsIdentity::TlsIdentity(TlsIdentity&&) noexcept = default;
TlsIdentity& TlsIdentity::operator=(TlsIdentity&&) noexcept = default;
TlsIdentity::~TlsIdentity() = default;

const std::string& TlsIdentity::fingerprint() const { return impl_->fingerprint; }

Result<TlsIdentity> TlsIdentity::load(const std::filesystem::path& certificate_path,
                                      const std::filesystem::path& key_path) {
  auto key = read_key(key_path);
  if (!key) return key.error();
  auto certificate = read_certificate(certificate_path);
  if (!certificate) return certificate.error();
  if (X509_check_private_key(certificate->get(), key->get()) != 1) {
    ERR_clear_error();
    return Error{ErrorCode::kInvalid,
                 certificate_path.string() + " does not belong to the key " + key_path.string()};
  }
  auto impl = std::make_unique<Impl>();
  impl->fingerprint = fingerprint_of(certificate->get());
  impl->key = std::move(*key);
  impl->certificate = std::move(*certificate);
  return TlsIdentity(std::move(impl));
}

Result<TlsIdentity> TlsIdentity::load_or_create(const std::filesystem::path& certificate_path,
                                                const std::filesystem::path& key_path,
                                                const std::string& common_name) {
  std::error_code ignored;
  if (!std::filesystem::exists(key_path, ignored)) {
    auto made = make_key();
    if (!made) return made.error();
    if (auto written = write_key(key_path, made->get()); !written) return written.error();
  }
  // A lost certificate is made again from the key: the identity stays.
  if (!std::filesystem::exists(certificate_path, ignored)) {
    auto key = read_key(key_path);
    if (!key) return key.error();
    auto made = make_certificate(key->get(), common_name);
    if (!made) return made.error();
    auto written = write_certificate(certificate_path, made->get());
    if (!written) return written.error();
  }
  return load(certificate_path, key_path);
}

Result<TlsIdentity> TlsIdentity::create(const std::string& common_name) {
  auto impl = std::make_unique<Impl>();
  auto key = make_key();
  if (!key) return key.error();
  auto certificate = make_certificate(key->get(), common_name);
  if (!certificate) return certificate.error();
  impl->fingerprint = fingerprint_of(certificate->get());
  impl->key = std::move(*key);
  impl->certificate = std::move(*certificate);
  return TlsIdentity(std::move(impl));
}

namespace {

Result<void> use_identity(SSL_CTX* context, const TlsIdentity& identity) {
  const bool used = SSL_CTX_use_certificate(context, identity.impl().certificate.get()) == 1 &&
                    SSL_CTX_use_PrivateKey(context, identity.impl().key.get()) == 1;
  if (!used) return openssl_error("device certificate", ErrorCode::kInvalid);
  return {};
}

Result<std::shared_ptr<TlsContext>> new_context(boost::asio::ssl::context::method method) {
  auto out = std::make_shared<TlsContext>(TlsContext{boost::asio::ssl::context(method)});
  SSL_CTX* context = out->context.native_handle();
  if (SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1) {
    return openssl_error("tls 1.3", ErrorCode::kUnsupported);
  }
  return out;
}

}  // namespace

Result<std::shared_ptr<TlsContext>> server_context(const TlsIdentity& identity) {
  auto out = new_context(boost::asio::ssl::context::tls_server);
  if (!out) return out.error();
  SSL_CTX* context = (*out)->context.native_handle();
  if (auto used = use_identity(context, identity); !used) return used.error();
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, &accept_any);
  // A resumed session would not show the certificate again.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
  return out;
}

Result<std::shared_ptr<TlsContext>> client_context(const TlsIdentity* identity,
                                                   const std::string& pinned) {
  auto out = new_context(boost::asio::ssl::context::tls_client);
  if (!out) return out.error();
  SSL_CTX* context = (*out)->context.native_handle();
  if (identity != nullptr) {
    if (auto used = use_identity(context, *identity); !used) return used.error();
  }
  (*out)->pinned = pinned;
  (*out)->wants_known_host = pinned.empty();
  if (pinned.empty()) {
    if (SSL_CTX_set_default_verify_paths(context) != 1) {
      return openssl_error("the system's certificates", ErrorCode::kIo);
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  } else {
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, &accept_any);
  }
  return out;
}

std::string peer_fingerprint(SSL* ssl) {
  const Certificate certificate(SSL_get1_peer_certificate(ssl));
  return certificate ? fingerprint_of(certificate.get()) : std::string();
}

}  // namespace converge::net
