// Containers with what they are doing, and the words docker has for it.
#pragma once

#include <cache/containers/store.hpp>
#include <executor/containers/health.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace slipway {

class Store;

struct ListedContainer {
  Container container;
  ContainerState state;
  std::optional<Health> health;  // nothing: it has no check

  std::string short_id() const { return container.id.substr(0, 12); }
};

ListedContainer listed_container(Store& store, Container container);
std::vector<ListedContainer> listed_containers(Store& store);  // newest first

std::int64_t nanoseconds_now();

// A port of a container, published or only exposed.
struct ListedPort {
  std::string address;  // of the machine; empty: not published
  std::uint16_t public_port = 0;
  std::uint16_t port = 0;  // in the container
  std::string protocol;
};
// None of one that does not run. By port.
std::vector<ListedPort> listed_ports(const ListedContainer& listed);

// "/bin/sh -c 'echo hello'": the program and its arguments, those with blanks in quotes.
std::string command_text(const ContainerConfig& config);
// "Up 3 minutes (healthy)", "Exited (0) 2 hours ago", "Created". `now` in nanoseconds.
std::string status_text(const ListedContainer& listed, std::int64_t now);
// "0.0.0.0:8080->80/tcp, 443/tcp"; neighbours are one: "8000-8010/tcp".
std::string ports_text(std::vector<ListedPort> ports);
// "3 minutes ago" for a time in nanoseconds.
std::string since_text(std::int64_t time, std::int64_t now);

// The networks by their names: "bridge" where docker has that word for the usual one.
std::string network_text(const ContainerConfig& config);

// What the image is called now: the name that was asked for as long as it is that image's, else its
// ID.
std::string image_text(Store& store, const Container& container, bool whole);

}  // namespace slipway
