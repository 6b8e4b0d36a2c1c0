// The network of one container, made before it starts.
#pragma once

#include <cache/containers/store.hpp>
#include <cache/file_descriptor.hpp>
#include <ir/error.hpp>

#include <functional>
#include <string>
#include <vector>

namespace slipway {

class Store;

struct ContainerNetwork {
  enum class Kind {
    host,     // the machine's
    none,     // one with a loopback device only; the kernel makes it with the container
    entered,  // `space`
  };
  Kind kind = Kind::none;
  FileDescriptor space;  // a network namespace to be born into
  // The monitor holds these as long as the container runs; their end takes the container out of its
  // network.
  std::vector<FileDescriptor> held;
  // Not empty: when this becomes readable, the monitor runs `slipway container-hook connect ID`
  // once, with `space` and `idle` as its descriptors 3 and 4, and goes on.
  FileDescriptor idle;
  std::string address;      // "10.0.2.100"; empty: none of its own
  std::string gateway;      // by which it reaches the host, for "host-gateway"
  std::string resolv_conf;  // the whole text
  // Names beside its own in /etc/hosts.
  std::vector<std::pair<std::string, std::string>> hosts;  // name, address
  std::vector<PortMapping> ports;  // as published, with the chosen ports of this machine
};

// Throws Error: a port is taken, a program is missing.
ContainerNetwork connect_container(Store& store, const Container& container,
                                   const std::function<void(const Diagnostic&)>& note);

// `container-hook connect`: connects a namespace that has begun to send. `space` and `idle` as
// above. The program that it starts ends when the monitor's end of `held` is closed. Throws Error.
void connect_hook(Store& store, const Container& container, FileDescriptor space,
                  FileDescriptor idle);

}  // namespace slipway
