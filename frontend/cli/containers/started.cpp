#include "started.hpp"

#include "../command.hpp"

#include <executor/containers/remove.hpp>
#include <executor/containers/start.hpp>
#include <executor/devices/registry.hpp>
#include <ir/error.hpp>

#include <signal.h>

#include <cstdio>
#include <optional>

namespace slipway {
namespace {

StartOptions start_options(const OwnedStore& owned, const Container& container) {
  StartOptions options;
  options.ids = owned.rights.ids;
  // Reading the specifications is for who asks for a device.
  if (!container.config.devices.empty())
    options.devices = DeviceRegistry(DeviceRegistry::default_folders());
  options.note = [](const Diagnostic& note) {
    std::fputs(render(note, "note", use_color()).c_str(), stderr);
  };
  return options;
}

// The status is the program's, whatever becomes of the removal, as docker has it.
void remove_if_there(Store& store, const Container& container) {
  RemoveOptions options;
  options.volumes = true;
  try {
    remove_container(store, container, options);
  } catch (const NoSuchContainer&) {
    // Somebody's `rm --force` has ended it, and was faster.
    return;
  } catch (const Error& error) {
    if (!store.containers().find(container.id)) return;
    for (const Diagnostic& each : error.diagnostics())
      std::fputs(render(each, "warning", use_color()).c_str(), stderr);
  }
}

}  // namespace

void start_detached(OwnedStore& owned, const Container& container) {
  start_container(owned.store, container, start_options(owned, container));
}

int start_attached(OwnedStore& owned, const Container& container, const StayOptions& stay) {
  const bool terminal = container.config.terminal;
  AttachedEnd end;
  // Until the container is removed: a monitor whose client has gone has it removed by another
  // process.
  std::optional<MonitorConnection> connection;
  {
    AttachedClient client({stay.streams, terminal, stay.pass_signals, stay.detach_keys});
    StartOptions options = start_options(owned, container);
    options.attach = stay.streams;
    options.removes = stay.removes;
    if (terminal) options.size = client.size();
    connection.emplace(start_container(owned.store, container, options));
    end = client.follow(*connection);
  }
  const int status = attached_status(owned.store, container, end);
  // A `restart` takes the container over, and starts it anew.
  const bool removes =
      end.how == AttachedEnd::How::exited ? end.removes : end.how == AttachedEnd::How::gone;
  if (stay.removes && removes) remove_if_there(owned.store, container);
  return status;
}

int attached_status(Store& store, const Container& container, const AttachedEnd& end) {
  switch (end.how) {
    case AttachedEnd::How::exited:
      return end.exit_code;
    case AttachedEnd::How::left:
      std::fputs("read escape sequence\n", stderr);
      return 0;
    case AttachedEnd::How::input_ended:
      return 0;
    case AttachedEnd::How::impatient:
      std::fprintf(
          stderr,
          "got three signals to end, and leave; `slipway kill %s` ends the container, which "
          "goes on\n",
          container.name.c_str());
      return 1;
    case AttachedEnd::How::gone:
      break;
  }
  std::fprintf(stderr,
               "warning: the monitor of the container %s was killed, and the container with it\n",
               container.name.c_str());
  const int exit_code = state_after_monitor(store, container).exit_code;
  // One that was removed meanwhile has no state that says so.
  return store.containers().find(container.id) ? exit_code : 128 + SIGKILL;
}

}  // namespace slipway
