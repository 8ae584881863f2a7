#include "agent/runtime/document_exchange.h"
#include "core/codec/leb128.h"
#include "core/store/record_check.h"

#include <algorithm>
#include <chrono>
#include <utility>

/// Changes asked for by name (agent/session/message.h, Fetch): how a replica gets back exactly what
/// it lost. Shard thread.
namespace converge::runtime {

using session::ConnectionId;

namespace {

constexpr std::chrono::seconds kPatience{15};
constexpr std::size_t kHashBytes = 32;
constexpr std::size_t kQuestionMax = 4096;          ///< hashes
constexpr std::size_t kAnswerBytes = 4u << 20;      ///< and one change more
constexpr std::size_t kAnswerChangesMax = 100'000;  ///< taken from an answer

std::vector<ChangeHash> read_hashes(ByteView data) {
  std::vector<ChangeHash> out;
  for (std::size_t at = 0; at + kHashBytes <= data.size() && out.size() < kQuestionMax;
       at += kHashBytes) {
    ChangeHash hash;
    std::ranges::copy(data.subspan(at, kHashBytes), hash.bytes.begin());
    out.push_back(hash);
  }
  return out;
}

/// Chunks that are what was asked for; anything else in the answer is left out.
std::vector<Bytes> read_changes(ByteView data, const std::set<ChangeHash>& wanted) {
  std::vector<Bytes> out;
  codec::Reader in(data);
  for (std::size_t count = 0; !in.at_end() && count < kAnswerChangesMax; ++count) {
    const auto length = codec::read_uleb(in);
    if (!length || *length > in.remaining()) break;
    const ByteView chunk = in.take(*length);
    const auto hash = store::change_hash(chunk);
    if (hash && wanted.contains(*hash)) out.push_back(to_bytes(chunk));
  }
  return out;
}

}  // namespace

void DocumentExchange::fetch(ConnectionId connection, const DocumentId& document,
                             std::vector<ChangeHash> hashes, Fetched got) {
  if (!peers_.contains(connection)) {
    return got(Error{ErrorCode::kUnavailable, "the peer went away", "peer.unreachable"});
  }
  session::Fetch question;
  question.document = document;
  for (const ChangeHash& hash : hashes)
    question.data.insert(question.data.end(), hash.bytes.begin(), hash.bytes.end());
  Question open;
  open.connection = connection;
  open.document = document;
  open.hashes.insert(hashes.begin(), hashes.end());
  open.until = clock_.steady_now() + kPatience;
  open.got = std::move(got);
  questions_.push_back(std::move(open));
  output_.send(connection, std::move(question));
}

/// What it may not read looks exactly like what is not here.
void DocumentExchange::answer(PeerState& peer, const session::Fetch& question) {
  session::Fetch out;
  out.is_answer = true;
  out.document = question.document;
  Entry* entry = nullptr;
  if (const auto found = documents_.find(question.document); found != documents_.end())
    entry = found->second.get();
  const bool may = peer.link.read && (entry == nullptr || !entry->deleted) &&
                   may_have(peer.link, question.document);
  const auto document = may ? repo_->open(question.document)
                            : Result<engine::Document*>(Error{ErrorCode::kNotFound, {}});
  if (document) {
    std::string text;
    for (const ChangeHash& hash : read_hashes(question.data)) {
      if (text.size() >= kAnswerBytes) break;
      const auto bytes = (*document)->change_bytes(hash);
      if (!bytes) continue;
      codec::write_uleb(text, bytes->size());
      text.append(as_text(*bytes));
    }
    out.data = to_bytes(as_bytes(text));
  }
  const auto to = peer.link.link.connection;
  // It leaves only what is durable, like everything else.
  repo_->when_durable(question.document,
                      [this, to, out = std::move(out)](Result<void> released) mutable {
                        if (released && peers_.contains(to)) output_.send(to, std::move(out));
                      });
}

void DocumentExchange::take_answer(PeerState& peer, const session::Fetch& answer) {
  const auto connection = peer.link.link.connection;
  const auto found = std::ranges::find_if(questions_, [&](const Question& each) {
    return each.connection == connection && each.document == answer.document;
  });
  if (found == questions_.end()) return;  // nobody asked, or not any more
  const Question question = std::move(*found);
  questions_.erase(found);
  const std::vector<Bytes> changes = read_changes(answer.data, question.hashes);
  if (changes.empty()) return question.got(std::uint64_t{0});
  const auto document = repo_->open(answer.document);
  if (!document) return question.got(document.error());
  const auto applied = (*document)->apply_changes(changes);
  if (!applied) return question.got(applied.error());
  repo::CommitRequest request;
  request.source.peer = peer.link.name;
  repo_->commit(answer.document, std::move(request),
                [got = question.got, count = changes.size()](const Result<repo::Committed>& done) {
                  if (!done) return got(done.error());
                  got(std::uint64_t{count});
                });
}

void DocumentExchange::give_up(const std::function<bool(const Question&)>& is_over,
                               const Error& error) {
  std::vector<Fetched> over;
  std::erase_if(questions_, [&](Question& question) {
    if (!is_over(question)) return false;
    over.push_back(std::move(question.got));
    return true;
  });
  for (const Fetched& got : over) got(error);
}

}  // namespace converge::runtime
