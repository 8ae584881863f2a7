// The plain functions, for the reason that core/codec/sha256.cpp gives.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "core/store/running_hash.h"

#include <openssl/sha.h>

namespace converge::store {

struct RunningHash::Impl {
  Impl() { SHA256_Init(&context); }
  SHA256_CTX context;
};

RunningHash::RunningHash() : impl_(std::make_unique<Impl>()) {}
RunningHash::~RunningHash() = default;
RunningHash::RunningHash(RunningHash&&) noexcept = default;

void RunningHash::add(std::string_view bytes) {
  SHA256_Update(&impl_->context, bytes.data(), bytes.size());
}

void RunningHash::add_sized(std::string_view bytes) {
  char length[8];
  for (int i = 0; i < 8; ++i) length[i] = static_cast<char>((bytes.size() >> (56 - 8 * i)) & 0xff);
  add({length, sizeof length});
  add(bytes);
}

Sha256 RunningHash::finish() {
  Sha256 out{};
  SHA256_Final(reinterpret_cast<unsigned char*>(out.data()), &impl_->context);
  return out;
}

}  // namespace converge::store
