// The programs that connect a network namespace to the outside without rights there: slirp4netns
// and pasta. Each forwards what it reads from a device in the namespace by sockets of its own, in
// the host's network.
#pragma once

#include <cache/file_descriptor.hpp>
#include <executor/sandbox/network/network_space.hpp>
#include <executor/sandbox/network/subnet.hpp>
#include <ir/error.hpp>

#include <optional>
#include <string>
#include <vector>

namespace slipway {

struct Connector {
  std::string name;                  // "pasta"
  std::vector<std::string> command;  // its path first
};

// The device that a connector makes.
constexpr const char* connector_device = "tap0";

// The programs of PATH that can be used by this user, the better one first; by `name` only that.
// Neither reaches the host's loopback addresses, and nobody outside reaches a port of the step.
std::vector<Connector> find_connectors(const Subnet& subnet,
                                       const std::optional<std::string>& name);
// Says what to install.
Error no_connector();

// A connector at work.
struct Connection {
  FileDescriptor process;  // pidfd
  FileDescriptor errors;   // what it says; not blocking
};

// With whom a connector ends: with the thread that starts it, or with the process that has started
// this one, whose child it is then.
enum class EndsWith { this_thread, parent };

// Throws Error where the program cannot be executed.
Connection connect(const Connector& connector, const FileDescriptor& space,
                   EndsWith ends_with = EndsWith::this_thread);

// Its file. Throws Error where it is not installed.
std::string slirp4netns_program();
// How it is called whatever it connects, with its name first: it lets nobody reach the host's
// loopback addresses, and sees no files itself. `network`: "10.0.2.0/24".
std::vector<std::string> slirp4netns_defaults(const std::string& network);

// The last line of what it has said, without control characters.
std::string last_words(const Connection& connection);

}  // namespace slipway
