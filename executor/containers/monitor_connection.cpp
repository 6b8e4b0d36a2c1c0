#include <executor/containers/monitor_connection.hpp>

#include <executor/containers/monitor/protocol.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace slipway {
namespace {

using monitor::Said;

constexpr std::uint8_t byte_of(Said said) {
  return static_cast<std::uint8_t>(said);
}

std::int32_t number_in(std::string_view bytes) {
  std::int32_t value = 0;
  if (bytes.size() == sizeof(value)) std::memcpy(&value, bytes.data(), sizeof(value));
  return value;
}

}  // namespace

std::optional<MonitorConnection> MonitorConnection::open(
    const std::filesystem::path& container_folder) {
  // The path of the folder may be longer than a socket's address.
  const FileDescriptor folder(::open(container_folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder) {
    if (errno == ENOENT) return std::nullopt;
    throw system_error("open", container_folder.string(), errno);
  }
  FileDescriptor socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!socket) throw system_error("socket", "", errno);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  const std::string path = "/proc/self/fd/" + std::to_string(folder.get()) + "/control";
  std::memcpy(name.sun_path, path.data(), path.size());
  while (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof(name)) != 0) {
    if (errno == EINTR) continue;
    // A monitor that was killed leaves its name behind.
    if (errno == ENOENT || errno == ECONNREFUSED) return std::nullopt;
    throw system_error("connect", (container_folder / "control").string(), errno);
  }
  return MonitorConnection(std::move(socket));
}

bool MonitorConnection::say(std::uint8_t what, std::string_view bytes) {
  std::string packet(1, static_cast<char>(what));
  packet += bytes;
  for (;;) {
    if (::send(socket_.get(), packet.data(), packet.size(), MSG_NOSIGNAL) >= 0) return true;
    if (errno == EINTR) continue;
    if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN) return false;
    throw system_error("send", "the container's monitor", errno);
  }
}

bool MonitorConnection::read_packet() {
  buffer_.resize(1 + monitor::most_output);
  for (;;) {
    const ssize_t got = ::recv(socket_.get(), buffer_.data(), buffer_.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno != ECONNRESET) {
      throw system_error("recv", "the container's monitor", errno);
    }
    buffer_.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return got > 0;
  }
}

bool MonitorConnection::ask(std::uint8_t what, std::string_view bytes, const char* wish) {
  if (end_ || !say(what, bytes)) return false;
  if (attached_) return true;
  while (read_packet()) {
    const std::string_view rest = std::string_view(buffer_).substr(1);
    const auto said = static_cast<Said>(buffer_.front());
    if (said == Said::exited) {
      end_ = end_of(rest);
      return false;
    }
    if (said != Said::done) continue;
    const std::int32_t error = number_in(rest);
    if (error == ESRCH) return false;
    if (error != 0) throw Error(std::string("cannot ") + wish + ": " + std::strerror(error));
    return true;
  }
  return false;
}

bool MonitorConnection::signal(int number) {
  const char byte = static_cast<char>(number);
  return ask(byte_of(Said::signal), {&byte, 1}, "signal the container's process");
}

bool MonitorConnection::pause() {
  return ask(byte_of(Said::pause), {}, "pause the container");
}

bool MonitorConnection::unpause() {
  return ask(byte_of(Said::unpause), {}, "unpause the container");
}

bool MonitorConnection::hold_still() {
  return ask(byte_of(Said::hold_still), {}, "let the container stand still");
}

bool MonitorConnection::resize(const TerminalSize& size) {
  const monitor::Size told{size.rows, size.columns};
  return ask(byte_of(Said::resize), {reinterpret_cast<const char*>(&told), sizeof(told)},
             "resize the container's terminal");
}

bool MonitorConnection::attach(const AttachedStreams& streams) {
  const char byte = static_cast<char>((streams.input ? monitor::stream_input : 0) |
                                      (streams.output ? monitor::stream_output : 0) |
                                      (streams.error ? monitor::stream_error : 0));
  if (!ask(byte_of(Said::attach), {&byte, 1}, "attach to the container")) return false;
  attached_ = true;
  return true;
}

std::size_t MonitorConnection::send_input(std::string_view bytes) {
  if (!has_room_ || bytes.empty()) return 0;
  const std::string_view piece = bytes.substr(0, monitor::most_input);
  // To a monitor that is gone everything goes the same way.
  if (say(byte_of(Said::input), piece)) has_room_ = false;
  return piece.size();
}

void MonitorConnection::end_input() {
  ask(byte_of(Said::end_input), {}, "end the container's input");
}

void MonitorConnection::will_remove() {
  ask(byte_of(Said::will_remove), {}, "take the container over");
}

MonitorConnection::Event MonitorConnection::end_of(std::string_view bytes) {
  monitor::End end{};
  if (bytes.size() == sizeof(end)) std::memcpy(&end, bytes.data(), sizeof(end));
  return {Event::Kind::exited, {}, end.status, end.removes != 0};
}

MonitorConnection::Event MonitorConnection::receive() {
  if (end_) return *end_;
  while (read_packet()) {
    const std::string_view rest = std::string_view(buffer_).substr(1);
    switch (static_cast<Said>(buffer_.front())) {
      case Said::output:
        return {Event::Kind::output, rest, 0};
      case Said::error:
        return {Event::Kind::error, rest, 0};
      case Said::room:
        has_room_ = true;
        return {Event::Kind::room, {}, 0};
      case Said::exited:
        end_ = end_of(rest);
        return *end_;
      default:
        break;
    }
  }
  return {};
}

std::optional<int> MonitorConnection::wait() {
  for (;;) {
    const Event event = receive();
    if (event.kind == Event::Kind::exited) return event.exit_code;
    if (event.kind == Event::Kind::gone) return std::nullopt;
  }
}

}  // namespace slipway
