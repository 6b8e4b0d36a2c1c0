// What is asked of slirp4netns, by a server in its place.
#include "cache/temporary_folder.hpp"

#include <cache/file_descriptor.hpp>
#include <executor/containers/network/host_ports.hpp>

#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <atomic>
#include <cstring>
#include <functional>
#include <string>
#include <thread>

using namespace slipway;

namespace {

// Takes one question, and says what `answer` gives.
class Api {
 public:
  explicit Api(const std::function<std::string()>& answer)
      : folder(::open(pad_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
        socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = "/proc/self/fd/" + std::to_string(folder.get()) + "/" + api_socket;
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    REQUIRE(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) ==
            0);
    REQUIRE(::listen(socket_.get(), 1) == 0);
    thread_ = std::thread([this, answer] {
      const FileDescriptor client(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      char text[1024];
      while (::recv(client.get(), text, sizeof(text), 0) > 0) {
      }
      const std::string said = answer();
      ::send(client.get(), said.data(), said.size(), MSG_NOSIGNAL);
    });
  }
  ~Api() { thread_.join(); }

 private:
  TemporaryFolder pad_;

 public:
  const FileDescriptor folder;

 private:
  FileDescriptor socket_;
  std::thread thread_;
};

const PortMapping mapping{"127.0.0.1", 8080, 80, "tcp"};

}  // namespace

TEST_CASE("who waits for slirp4netns's answer does what it waits for") {
  std::atomic<bool> drained = false;
  const Api api([&] {
    drained.wait(false);
    return std::string(R"({"return":{"id":7}})");
  });
  const ApiReply reply = open_host_port(api.folder.get(), mapping, *parse_address("10.89.0.2"),
                                        [&](int descriptor, int milliseconds) {
                                          drained = true;
                                          drained.notify_all();
                                          return await_readable(descriptor, milliseconds);
                                        });
  drained = true;
  drained.notify_all();
  CHECK(reply.number == 7);
  CHECK(reply.error.empty());
  CHECK(reply.answered);
}

TEST_CASE("a port is closed, or not, when slirp4netns says so") {
  {
    const Api api([] { return std::string(R"({"error":{"desc":"bad request: no such id"}})"); });
    const ApiReply reply = close_host_port(api.folder.get(), 7);
    CHECK_FALSE(reply.error.empty());
    CHECK(reply.answered);
  }
  const Api silent([] { return std::string(); });
  const ApiReply reply = close_host_port(silent.folder.get(), 7);
  CHECK_FALSE(reply.error.empty());
  CHECK_FALSE(reply.answered);
  // Nobody listens.
  const TemporaryFolder empty;
  const FileDescriptor folder(::open(empty.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  CHECK_FALSE(close_host_port(folder.get(), 7).answered);
}
