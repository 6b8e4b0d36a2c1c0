// The host's name and the network of its own.
#include "stages.hpp"

#include <linux/if.h>
#include <linux/sockios.h>

namespace slipway::init {

void name_host(const Orders& orders) {
  const char* name = orders.text(orders.plan().hostname);
  check(system_call(SYS_sethostname, address(name), static_cast<long>(length(name))),
        Stage::hostname);
}

void raise_loopback(const Orders& orders) {
  if (!orders.has(Plan::loopback_up)) return;
  const long any = check(system_call(SYS_socket, 2 /* AF_INET */, 02000002 /* DGRAM|CLOEXEC */, 0),
                         Stage::network);
  struct ifreq request = {};
  request.ifr_name[0] = 'l';
  request.ifr_name[1] = 'o';
  request.ifr_flags = IFF_UP;
  check(system_call(SYS_ioctl, any, SIOCSIFFLAGS, address(&request)), Stage::network);
  system_call(SYS_close, any);
}

}  // namespace slipway::init
