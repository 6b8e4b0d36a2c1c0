#include "listed.hpp"

#include "../print.hpp"
#include "../table.hpp"

#include <cache/store.hpp>
#include <ir/error.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <map>
#include <tuple>
#include <utility>

namespace slipway {
namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::string_view everywhere = "0.0.0.0";

// "80/tcp" of EXPOSE.
ListedPort exposed_port(const std::string& text) {
  ListedPort port;
  const std::size_t slash = std::min(text.find('/'), text.size());
  std::from_chars(text.data(), text.data() + slash, port.port);
  port.protocol = slash < text.size() ? text.substr(slash + 1) : "tcp";
  return port;
}

std::string range_text(std::uint16_t first, std::uint16_t last) {
  return std::to_string(first) + (first == last ? "" : "-" + std::to_string(last));
}

std::string host_text(const std::string& address) {
  return address.find(':') == address.npos ? address : "[" + address + "]";
}

// "Less than a second", "3 minutes".
std::string span_text(std::int64_t from, std::int64_t to) {
  std::string text = since_text(from, to);
  constexpr std::string_view ago = " ago";
  if (text.ends_with(ago)) text.resize(text.size() - ago.size());
  return text;
}

}  // namespace

ListedContainer listed_container(Store& store, Container container) {
  ListedContainer listed;
  const std::filesystem::path folder = store.containers().folder(container.id);
  listed.state = container_state(folder);
  listed.health = read_health(folder, container.config, listed.state);
  listed.container = std::move(container);
  return listed;
}

std::vector<ListedContainer> listed_containers(Store& store) {
  std::vector<ListedContainer> all;
  for (Container& container : store.containers().list())
    all.push_back(listed_container(store, std::move(container)));
  return all;
}

std::int64_t nanoseconds_now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::vector<ListedPort> listed_ports(const ListedContainer& listed) {
  std::vector<ListedPort> ports;
  if (!listed.state.alive()) return ports;
  for (const PortMapping& port : listed.state.ports)
    ports.push_back({port.host_address.empty() ? std::string(everywhere) : port.host_address,
                     port.host_port, port.port, port.protocol});
  for (const std::string& text : listed.container.config.exposed_ports) {
    ListedPort exposed = exposed_port(text);
    const bool published = std::any_of(ports.begin(), ports.end(), [&](const ListedPort& each) {
      return each.port == exposed.port && each.protocol == exposed.protocol;
    });
    if (!published) ports.push_back(std::move(exposed));
  }
  std::sort(ports.begin(), ports.end(), [](const ListedPort& a, const ListedPort& b) {
    return std::tie(a.port, a.address, a.public_port, a.protocol) <
           std::tie(b.port, b.address, b.public_port, b.protocol);
  });
  return ports;
}

std::string command_text(const ContainerConfig& config) {
  std::string text;
  bool first = true;
  for (const auto* words : {&config.entrypoint, &config.command})
    for (const std::string& word : *words) {
      const bool quote = !first && word.find(' ') != word.npos;
      text += (first ? "" : " ") + (quote ? "'" + word + "'" : word);
      first = false;
    }
  return text;
}

std::string since_text(std::int64_t time, std::int64_t now) {
  if (time == 0) return "N/A";
  // Whole seconds of what has passed, as docker counts them.
  return age_text(now / second - std::max<std::int64_t>(0, now - time) / second, now / second);
}

std::string status_text(const ListedContainer& listed, std::int64_t now) {
  const ContainerState& state = listed.state;
  if (state.alive()) {
    std::string text = "Up " + span_text(state.started, now);
    if (state.status == ContainerStatus::paused) return text + " (Paused)";
    if (!listed.health) return text;
    const std::string health(health_status_name(listed.health->status));
    return text + (listed.health->status == HealthStatus::starting ? " (health: " : " (") + health +
           ")";
  }
  if (state.started == 0) return "Created";
  return "Exited (" + std::to_string(state.exit_code) + ") " + span_text(state.finished, now) +
         " ago";
}

std::string ports_text(std::vector<ListedPort> ports) {
  // As docker: ports that are published under their own number are ranges, what is published under
  // another stands for itself, behind them.
  struct Range {
    std::string address;
    std::string protocol;
    std::uint16_t first = 0;
    std::uint16_t last = 0;
    std::string text() const {
      const std::string range = range_text(first, last);
      return (address.empty() ? range : host_text(address) + ":" + range + "->" + range) + "/" +
             protocol;
    }
  };
  std::vector<std::string> parts;
  std::vector<Range> open;
  std::vector<std::string> mapped;
  for (const ListedPort& port : ports) {
    if (!port.address.empty() && port.public_port != port.port) {
      mapped.push_back(host_text(port.address) + ":" + std::to_string(port.public_port) + "->" +
                       std::to_string(port.port) + "/" + port.protocol);
      continue;
    }
    const auto known = std::find_if(open.begin(), open.end(), [&](const Range& range) {
      return range.address == port.address && range.protocol == port.protocol;
    });
    if (known == open.end()) {
      open.push_back({port.address, port.protocol, port.port, port.port});
    } else if (port.port == known->last + 1) {
      known->last = port.port;
    } else {
      parts.push_back(known->text());
      known->first = known->last = port.port;
    }
  }
  for (const Range& range : open) parts.push_back(range.text());
  parts.insert(parts.end(), mapped.begin(), mapped.end());
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

std::string network_text(const ContainerConfig& config) {
  return config.network == "default" ? "bridge" : config.network;
}

std::string image_text(Store& store, const Container& container, bool whole) {
  const std::string& name = container.image_name;
  const std::string id = whole ? container.image.text() : slipway::short_id(container.image);
  try {
    const Digest now = store.images().resolve(name);
    if (now != container.image) {
      // Of several platforms under one name it is one.
      const auto index = store.images().find_index(now);
      const bool among =
          index && std::any_of(index->images.begin(), index->images.end(),
                               [&](const Image& image) { return image.id == container.image; });
      if (!among) return id;
    }
  } catch (const Error&) {
    return id;  // the name is nobody's any more, or of an image that has lost something
  }
  // An ID, or the beginning of one.
  const std::string_view digits =
      std::string_view(name).substr(name.starts_with("sha256:") ? 7 : 0);
  return digits.size() >= 4 && container.image.hex().starts_with(digits) ? id : name;
}

}  // namespace slipway
