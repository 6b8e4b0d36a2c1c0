#include <executor/ssh/agent_forward.hpp>

#include <ir/error.hpp>

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace slipway {
namespace {

// draft-miller-ssh-agent, 5.1.
enum Message : unsigned char {
  failure = 5,
  request_identities = 11,
  identities_answer = 12,
  sign_request = 13,
  sign_response = 14,
};

constexpr std::size_t most_bytes = 256 << 10;  // of a message; OpenSSH's limit
// At once, of one step. Who opens more waits.
constexpr std::size_t most_connections = 32;
constexpr int backlog = 128;

// What the agent may answer to a question; nothing: it is not asked.
std::optional<Message> answer_to(unsigned char question) {
  switch (question) {
    case request_identities:
      return identities_answer;
    case sign_request:
      return sign_response;
    default:
      return std::nullopt;
  }
}

bool read_whole(int socket, char* bytes, std::size_t count) {
  while (count > 0) {
    const ssize_t got = ::recv(socket, bytes, count, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    bytes += got;
    count -= static_cast<std::size_t>(got);
  }
  return true;
}

bool write_whole(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

// A message with its length in front, so that it can be passed on as it is. Nothing at the end of
// the connection and where the length is none.
std::optional<std::string> read_message(int socket) {
  std::string message(4, '\0');
  if (!read_whole(socket, message.data(), message.size())) return std::nullopt;
  std::size_t length = 0;
  for (const char c : message) length = length << 8 | static_cast<unsigned char>(c);
  if (length == 0 || length > most_bytes) return std::nullopt;
  message.resize(4 + length);
  if (!read_whole(socket, message.data() + 4, length)) return std::nullopt;
  return message;
}

unsigned char type_of(const std::string& message) { return static_cast<unsigned char>(message[4]); }

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    throw system_error("connect", path, ENAMETOOLONG);
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

FileDescriptor connect_to(const std::filesystem::path& agent) {
  FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_un address = address_of(agent.native());
  if (socket && ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address),
                          sizeof(address)) == 0) {
    return socket;
  }
  return {};
}

}  // namespace

FileDescriptor listen_at(int directory, const char* name) {
  FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) throw system_error("socket", "", errno);
  // By the descriptor, because the directory may be mounted nowhere.
  const std::string path = "/proc/self/fd/" + std::to_string(directory) + "/" + name;
  const sockaddr_un address = address_of(path);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      ::listen(socket.get(), backlog) != 0) {
    throw system_error("bind", name, errno);
  }
  return socket;
}

AgentForward::AgentForward(FileDescriptor listener, std::filesystem::path agent)
    : listener_(std::move(listener)), agent_(std::move(agent)) {
  acceptor_ = std::thread([this] { accept_all(); });
}

AgentForward::~AgentForward() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    ::shutdown(listener_.get(), SHUT_RDWR);
    for (const Connection& connection : connections_) {
      if (connection.step) ::shutdown(connection.step.get(), SHUT_RDWR);
      if (connection.agent) ::shutdown(connection.agent.get(), SHUT_RDWR);
    }
    changed_.notify_all();
  }
  acceptor_.join();
  for (Connection& connection : connections_) connection.thread.join();
}

void AgentForward::accept_all() {
  for (;;) {
    FileDescriptor step(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!step && (errno == EINTR || errno == ECONNABORTED)) continue;
    std::unique_lock lock(mutex_);
    const auto clear = [this] {
      connections_.remove_if([](Connection& connection) {
        if (!connection.ended) return false;
        connection.thread.join();
        return true;
      });
    };
    changed_.wait(lock, [&] {
      clear();
      return stopping_ || connections_.size() < most_connections;
    });
    // Without descriptors or memory the step hears nothing more, and the build goes on.
    if (stopping_ || !step) return;
    Connection& connection = connections_.emplace_back();
    connection.step = std::move(step);
    try {
      connection.thread = std::thread([this, &connection] {
        serve(connection);
        const std::lock_guard own(mutex_);
        connection.step = FileDescriptor();
        connection.agent = FileDescriptor();
        connection.ended = true;
        changed_.notify_all();
      });
    } catch (const std::system_error&) {
      connections_.pop_back();
      return;
    }
  }
}

void AgentForward::serve(Connection& connection) {
  static const std::string refusal = {0, 0, 0, 1, failure};
  FileDescriptor agent = connect_to(agent_);
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || !agent) return;
    connection.agent = std::move(agent);
  }
  const int step = connection.step.get();
  while (const auto question = read_message(step)) {
    std::optional<std::string> answer;
    if (const auto expected = answer_to(type_of(*question))) {
      if (!write_whole(connection.agent.get(), *question)) return;
      answer = read_message(connection.agent.get());
      if (!answer) return;
      if (type_of(*answer) != *expected) answer = refusal;
    }
    if (!write_whole(step, answer ? *answer : refusal)) return;
  }
}

std::function<void(RunResult)> with_agents(std::vector<AgentSocket> sockets,
                                           std::function<void(RunResult)> finished) {
  if (sockets.empty()) return finished;
  auto agents = std::make_shared<std::list<AgentForward>>();
  for (AgentSocket& socket : sockets)
    agents->emplace_back(std::move(socket.listener), std::move(socket.agent));
  return [agents = std::move(agents), finished = std::move(finished)](RunResult result) {
    agents->clear();
    finished(result);
  };
}

}  // namespace slipway
