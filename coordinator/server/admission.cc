#include "coordinator/server/admission.h"

#include <fmt/format.h>

#include "common/process/log.h"

namespace posefleet {
namespace {

// How long a revoked key may go on, at most, before it is noticed.
constexpr std::chrono::seconds kLookEvery{1};

// The session that a message claims to speak for; none for Hello.
std::optional<SessionId> session_of(const WorkerMessage& message) {
  return std::visit(
      [](const auto& one) -> std::optional<SessionId> {
        if constexpr (requires { one.session; }) return one.session;
        return std::nullopt;
      },
      message);
}

// For whoever reads the log and runs the other side.
const char* advice_on(HandshakeFailure failure) {
  switch (failure) {
    case HandshakeFailure::WrongServerKey:
      return "a worker's coordinator_key is not this coordinator's public key";
    case HandshakeFailure::KeysOnOneSide:
      return "a worker has keys and this coordinator has none, or the other way round";
    case HandshakeFailure::NotOurProtocol:
      return "a connection ended without a word that we understand";
    default:
      return "";
  }
}

void log_problems(const std::vector<std::string>& problems) {
  for (const std::string& problem : problems) {
    log_warn("of the allowed keys, what is wrong allows nobody: " + problem);
  }
}

}  // namespace

Result<std::unique_ptr<Admission>> Admission::open(NetContext& context,
                                                   const std::optional<WorkerKeys>& keys) {
  std::unique_ptr<Admission> admission(new Admission);
  if (!keys) return admission;
  auto own = read_secret_key(keys->key);
  if (!own) return in_context("workers.key", own.error());
  auto allowed = AllowedKeys::open(keys->allowed);
  if (!allowed) return in_context("workers.allowed", allowed.error());
  log_problems(allowed->problems());
  log_info(fmt::format("keys of {} worker(s) are allowed; the coordinator's public key is {}",
                       allowed->size(), own->key.public_key().text()));
  admission->keys_.emplace(Keys{std::move(*own), std::move(*allowed)});
  POSEFLEET_TRY(admission->door_, ZapDoor::open(context));
  return admission;
}

Result<std::unique_ptr<RouterSocket>> Admission::bind(NetContext& context,
                                                      const std::string& endpoint,
                                                      std::uint64_t message_bytes_max) {
  if (!keys_) return RouterSocket::bind(context, endpoint, message_bytes_max);
  const ServerKeys server{keys_->own.key, *door_};
  return RouterSocket::bind(context, endpoint, message_bytes_max, &server);
}

// The socket's monitor tells of each refused key, too; counting is done there, naming here.
void Admission::answer_door() {
  if (!door_) return;
  door_->answer([&](const PublicKey& key, std::string_view address) {
    if (keys_->allowed.find(key.text()) != nullptr) return true;
    last_stranger_ = fmt::format("{} from {}", key.text(), address.empty() ? "ipc" : address);
    return false;
  });
}

std::string Admission::name_of_key(const std::string& key) const {
  const std::string* name = keys_ ? keys_->allowed.find(key) : nullptr;
  return name == nullptr ? std::string() : *name;
}

void Admission::on_handshake_failure(HandshakeFailure failure, Instant now) {
  const bool is_stranger = failure == HandshakeFailure::KeyNotAllowed;
  refusals_.add(refusal_of(failure), is_stranger ? last_stranger_ : advice_on(failure), now);
}

// ---- messages -----------------------------------------------------------------------------------

Admission::Verdict Admission::refuse(Refusal kind, const std::string& detail, Instant now) {
  refusals_.add(kind, detail, now);
  return {.is_admitted = false, .must_close = true};
}

void Admission::note_peer(const PeerMessage& from) {
  Peer& peer = peers_[from.peer];
  peer.key = from.key;
  if (from.connection < 0 || peer.connection == from.connection) return;
  peer.connection = from.connection;
  // A message may be received after its connection closed, and whoever sent it is noted for good.
  // It goes when the connection's number is used again.
  const auto older = peer_of_connection_.find(from.connection);
  if (older != peer_of_connection_.end() && older->second != from.peer) {
    take_closed(from.connection);
  }
  peer_of_connection_[from.connection] = from.peer;
}

Admission::Verdict Admission::judge(const PeerMessage& from, WorkerMessage& message, Instant now) {
  if (!is_allowed(from.key)) return refuse(Refusal::RevokedKey, from.key, now);
  const auto known = peers_.find(from.peer);
  if (known != peers_.end() && known->second.key != from.key) {
    return refuse(Refusal::ForeignSession,
                  "key " + name_of_key(from.key) + " uses the identity of another one", now);
  }
  if (const auto session = session_of(message)) {
    const auto owner = peer_of_session_.find(*session);
    if (owner != peer_of_session_.end() && owner->second != from.peer) {
      const std::string key = name_of_key(from.key);
      return refuse(Refusal::ForeignSession,
                    (key.empty() ? "a worker" : "key " + key) + " speaks for another's session",
                    now);
    }
  }
  note_peer(from);
  if (auto* hello = std::get_if<Hello>(&message)) {
    hello->key_name = name_of_key(from.key);
    // The rules answer it, so that the worker knows.
    if (hello->protocol_version != kProtocolVersion) {
      refusals_.add(
          Refusal::WrongVersion,
          fmt::format("version {} instead of {}", hello->protocol_version, kProtocolVersion), now);
    }
  }
  return {.is_admitted = true};
}

void Admission::on_damaged(const PeerMessage& from, const std::string& why, Instant now) {
  const std::string name = name_of_key(from.key);
  refusals_.add(Refusal::DamagedMessage, name.empty() ? why : "from key " + name + ": " + why, now);
}

void Admission::on_welcome(const std::string& peer, SessionId session) {
  const auto known = peers_.find(peer);
  if (known == peers_.end() || known->second.session == session) return;
  peer_of_session_.erase(known->second.session);
  known->second.session = session;
  peer_of_session_[session] = peer;
}

std::optional<std::string> Admission::take_closed(int connection) {
  const auto found = peer_of_connection_.find(connection);
  if (found == peer_of_connection_.end()) return std::nullopt;
  const std::string peer = found->second;
  peer_of_connection_.erase(found);
  const auto known = peers_.find(peer);
  // It may have come back on a new connection by now; then it is still there.
  if (known == peers_.end() || known->second.connection != connection) return std::nullopt;
  peer_of_session_.erase(known->second.session);
  peers_.erase(known);
  return peer;
}

// ---- the list of keys ---------------------------------------------------------------------------

std::vector<Admission::Expelled> Admission::look_at_keys(Instant now) {
  std::vector<Expelled> expelled;
  if (!keys_ || now - looked_at_ < kLookEvery) return expelled;
  looked_at_ = now;
  auto change = keys_->allowed.look_again();
  if (!change) {
    log_warn(change.error().message + "; the keys that were read before hold");
    return expelled;
  }
  if (!change->has_value()) return expelled;
  log_problems((*change)->problems);
  for (const NamedKey& key : (*change)->added) log_info("key " + key.name + " is allowed");
  for (const NamedKey& key : (*change)->revoked) log_info("key " + key.name + " is revoked");
  for (const auto& [name, peer] : peers_) {
    if (!is_allowed(peer.key)) expelled.push_back({name, peer.connection});
  }
  return expelled;
}

}  // namespace posefleet
