// The one-shot EVP calls fetch the algorithm anew for each digest, which costs more than hashing a
// small change. The plain functions do not, and are the same code underneath.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "core/codec/sha256.h"

#include <openssl/sha.h>

namespace converge::codec {

Sha256Digest sha256(ByteView bytes) { return sha256(bytes, {}); }

Sha256Digest sha256(ByteView first, ByteView second) {
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, first.data(), first.size());
  if (!second.empty()) SHA256_Update(&context, second.data(), second.size());
  Sha256Digest out;
  SHA256_Final(reinterpret_cast<unsigned char*>(out.data()), &context);
  return out;
}

}  // namespace converge::codec
