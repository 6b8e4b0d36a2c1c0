// slipway-network: `slipway-network NAME RANGE GATEWAY out|internal`, started by the first
// container of a network
// (../membership.cpp), with the descriptors that are numbered here.
#include "confine.hpp"
#include "service.hpp"

#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <csignal>

namespace {

// Behind the standard ones, which lead nowhere.
enum Given { folder = 3, listener, first_connection, lifeline, outside, beyond };

// Each member is three descriptors.
void allow_many_descriptors() {
  rlimit most{};
  if (::getrlimit(RLIMIT_NOFILE, &most) != 0) return;
  most.rlim_cur = most.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &most);
}

}  // namespace

int main(int count, char** arguments) {
  using namespace slipway;
  if (count != 5) return 1;
  const auto range = parse_range(arguments[2]);
  const auto gateway = parse_address(arguments[3]);
  const bool leads_out = *arguments[4] == 'o';
  if (!range || !gateway) return 1;
  // It was started by a descriptor, whose number would be its name in `ps`.
  ::prctl(PR_SET_NAME, "slipway-network");
  std::signal(SIGPIPE, SIG_IGN);
  allow_many_descriptors();
  // The lifeline, too, is closed by this process's end alone: slirp4netns's signal to go.
  ::syscall(SYS_close_range, static_cast<unsigned>(leads_out ? beyond : lifeline), ~0U, 0U);
  NetworkService service({arguments[1], *range, *gateway, leads_out},
                         {FileDescriptor(folder), FileDescriptor(listener),
                          leads_out ? FileDescriptor(outside) : FileDescriptor()});
  if (!confine()) return 1;
  service.add_connection(FileDescriptor(first_connection));
  service.run();
  return 0;
}
