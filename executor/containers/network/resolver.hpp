// What a container has as /etc/resolv.conf.
#pragma once

#include <cache/containers/container.hpp>

#include <string>
#include <vector>

namespace slipway {

// `host`: this machine's file, whose search domains and options hold unless the container has its
// own. `servers`: those that answer in its network, before its own ones (--dns). Throws Error where
// one of these is no address, or a domain or option no word.
std::string container_resolv_conf(const std::string& host, const ContainerConfig& config,
                                  const std::vector<std::string>& servers);

// The servers of such a file.
std::vector<std::string> name_servers(const std::string& resolv_conf);

}  // namespace slipway
