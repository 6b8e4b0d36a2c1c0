#include <executor/containers/network.hpp>

#include <executor/sandbox/network_files.hpp>

namespace slipway {

ContainerNetwork connect_container(Store&, const Container& container,
                                   const std::function<void(const Diagnostic&)>&) {
  ContainerNetwork network;
  if (container.config.network == "host") {
    network.kind = ContainerNetwork::Kind::host;
    network.resolv_conf = resolv_conf();
  }
  return network;
}

}  // namespace slipway
