// Ports of this machine that lead into a container: asked of slirp4netns at its API's socket.
#pragma once

#include <cache/containers/container.hpp>
#include <executor/containers/network/addresses.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace slipway {

// What slirp4netns answers: a number, by which the port can be closed again, or why not.
struct ApiReply {
  std::optional<std::int64_t> number;
  std::string error;      // empty: it has been done
  bool answered = false;  // it is slirp4netns's word
};
ApiReply parse_api_reply(std::string_view text);

// `folder` has the socket under this name.
constexpr const char* api_socket = "ports";
// Until the descriptor can be read, at most so many milliseconds; false: it cannot.
using AwaitReadable = std::function<bool(int descriptor, int milliseconds)>;
bool await_readable(int descriptor, int milliseconds);

// Each waits for the answer, at most some seconds. The mapping's ports and addresses are set.
ApiReply open_host_port(int folder, const PortMapping& mapping, Address container,
                        const AwaitReadable& await = await_readable);
ApiReply close_host_port(int folder, std::int64_t number,
                         const AwaitReadable& await = await_readable);

}  // namespace slipway
