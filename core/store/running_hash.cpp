#include "core/store/running_hash.h"

#include "core/base/assert.h"

#include <openssl/evp.h>

namespace converge::store {

struct RunningHash::Impl {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~Impl() { EVP_MD_CTX_free(context); }
};

RunningHash::RunningHash() : impl_(std::make_unique<Impl>()) {
  ASSERT(impl_->context != nullptr);
  ASSERT(EVP_DigestInit_ex(impl_->context, EVP_sha256(), nullptr) == 1);
}
RunningHash::~RunningHash() = default;
RunningHash::RunningHash(RunningHash&&) noexcept = default;

void RunningHash::add(std::string_view bytes) {
  ASSERT(EVP_DigestUpdate(impl_->context, bytes.data(), bytes.size()) == 1);
}

void RunningHash::add_sized(std::string_view bytes) {
  char length[8];
  for (int i = 0; i < 8; ++i) length[i] = static_cast<char>((bytes.size() >> (56 - 8 * i)) & 0xff);
  add({length, sizeof length});
  add(bytes);
}

Sha256 RunningHash::finish() {
  Sha256 out{};
  unsigned int length = 0;
  ASSERT(EVP_DigestFinal_ex(impl_->context, reinterpret_cast<unsigned char*>(out.data()),
                            &length) == 1);
  ASSERT(length == out.size());
  return out;
}

}  // namespace converge::store
