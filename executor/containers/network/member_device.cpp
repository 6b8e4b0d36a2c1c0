#include <executor/containers/network/member_device.hpp>

#include <executor/sandbox/network/devices.hpp>

#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <utility>

namespace slipway {
namespace {

constexpr int most_networks = 32;  // of one container

struct Device {
  std::string name;
  FileDescriptor frames;
};

// In the namespace that the calling thread is in.
Device make_device() {
  for (int number = 0; number < most_networks; ++number) {
    std::string name = "eth" + std::to_string(number);
    if (::if_nametoindex(name.c_str()) != 0) continue;
    return {name, make_frame_device(name.c_str())};
  }
  throw Error("the container is in too many networks");
}

// Of a member: the device stays when its process goes, until the namespace does. To remove it takes
// 30 ms, in which the process would carry nobody else's frames. Before, it goes with who fails.
void keep(const Device& device) {
  if (::ioctl(device.frames.get(), TUNSETPERSIST, 1) != 0) {
    throw system_error("TUNSETPERSIST", device.name, errno);
  }
}

void set_up(const Device& device, const Network& network, Address address, bool leads_out) {
  const auto range = parse_range(network.subnet);
  if (!range) throw Error("the network " + quoted(network.name) + " has no subnet");
  const Mac mac = mac_of(address);
  set_up_device(device.name.c_str(), {address_text(address), address_text(range->mask()), &mac});
  if (leads_out) route_everywhere_by(network.gateway);
}

}  // namespace

Joined join_with_new_space(const std::filesystem::path& folder, const Network& network,
                           const JoinRequest& request,
                           const std::function<void(const Diagnostic&)>& note,
                           const std::function<bool()>& exists) {
  Joined joined;
  Device device;
  in_thread_of_its_own([&] {
    joined.space = enter_new_network();
    device = make_device();
  });
  // Outside of the namespace, which is not to be that of a process that is started for it.
  joined.membership = join_network(folder, network, request, device.frames, -1, note, exists);
  keep(device);
  in_thread_of_its_own([&] {
    enter_network(joined.space);
    set_up(device, network, joined.membership.address, !network.internal);
  });
  return joined;
}

Address join_running(const std::filesystem::path& folder, const Network& network,
                     const JoinRequest& request, const FileDescriptor& space, int process,
                     const std::function<void(const Diagnostic&)>& note,
                     const std::function<bool()>& exists) {
  Device device;
  in_thread_of_its_own([&] {
    enter_network(space);
    device = make_device();
  });
  Membership membership =
      join_network(folder, network, request, device.frames, process, note, exists);
  try {
    keep(device);
    in_thread_of_its_own([&] {
      enter_network(space);
      set_up(device, network, membership.address, false);
    });
  } catch (...) {
    leave_network(folder, request.member.id);
    throw;
  }
  return membership.address;
}

}  // namespace slipway
