#pragma once

#include "core/base/bytes.h"

#include <cstdint>
#include <filesystem>

/// One function a parser: takes any bytes, returns, or aborts when a property does not hold. Built
/// as libFuzzer programs (CONVERGE_BUILD_FUZZERS, clang) and replayed over tests/data/corpus/NAME
/// by the unit tests.
namespace converge::fuzz {

void leb128(ByteView input);
void columns(ByteView input);
void chunk(ByteView input);
void change(ByteView input);
void document(ByteView input);
void bundle(ByteView input);
void sync_message(ByteView input);
void frame(ByteView input);
void edits(ByteView input);
void jsonpath(ByteView input);
void store_files(ByteView input);

/// Runs the target over every file of tests/data/corpus/`name`; the number of files.
std::size_t replay(const char* name, void (*target)(ByteView));

}  // namespace converge::fuzz

/// At the end of a target's file: the entry point that libFuzzer looks for, in its builds only.
#ifdef CONVERGE_LIBFUZZER
#define CONVERGE_FUZZ_ENTRY(target)                                                   \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) { \
    target({reinterpret_cast<const std::byte*>(data), size});                         \
    return 0;                                                                         \
  }
#else
#define CONVERGE_FUZZ_ENTRY(target)
#endif
