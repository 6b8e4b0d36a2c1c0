#include <executor/sandbox/network/private_networks.hpp>

#include <executor/sandbox/launch.hpp>
#include <ir/error.hpp>

#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <string_view>
#include <utility>

namespace slipway {
namespace {

// What an event is about: the low bits of its number, above them the network's.
enum About : std::uint64_t { about_packets = 0, about_routes = 1, about_connector = 2 };
constexpr std::uint64_t about_bits = 2;
constexpr std::uint64_t about_mask = 3;
constexpr std::uint64_t wake_number = 0;  // no network's: they count from one

constexpr std::size_t packet_size = 64 * 1024;
// A step that sends as fast as is read must not keep the thread from all others.
constexpr int most_packets_at_once = 64;
// What waits for a connection; the kernel keeps as much for an address that it does not know yet.
constexpr std::size_t most_waiting = 256 * 1024;

void add(const FileDescriptor& events, const FileDescriptor& descriptor, std::uint64_t number) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = number;
  if (::epoll_ctl(events.get(), EPOLL_CTL_ADD, descriptor.get(), &event) != 0) {
    throw system_error("epoll_ctl", "", errno);
  }
}

// One that has ended already is no error.
void kill(const Connection& connection) {
  ::syscall(SYS_pidfd_send_signal, connection.process.get(), SIGKILL, nullptr, 0);
}

// Not the host's network in its place: a step could have brought this about for the next one.
Diagnostic without_network(const std::string& reason) {
  return Error("RUN could not be connected to the network: " + reason)
      .hint("--network=host does without a network of its own")
      .diagnostics()
      .front();
}

}  // namespace

struct PrivateNetworks::Attached {
  enum class State { unused, connecting, connected, failed };

  NetworkSpace space;
  State state = State::unused;
  bool ended = false;         // the step has: only the connector is still to be waited for
  std::size_t connector = 0;  // which one is tried
  SpaceSockets sockets;
  Connection connection;
  std::vector<std::string> waiting;  // packets
  std::size_t waiting_size = 0;
};

StepNetwork::~StepNetwork() {
  networks_.give_back(number_);
}

PrivateNetworks::PrivateNetworks(Options options) : options_(std::move(options)) {}

PrivateNetworks::~PrivateNetworks() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake();
  thread_.join();
}

void PrivateNetworks::wake() {
  const std::uint64_t one = 1;
  // An eventfd takes it unless it is full, and then the thread is awake anyway.
  while (::write(wake_.get(), &one, sizeof(one)) < 0 && errno == EINTR) {
  }
}

void PrivateNetworks::give(const Note& note) {
  if (!note) return;
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(noted_, true)) return;
  }
  if (options_.note) options_.note(*note);
}

// All that can be missing. With the mutex held.
void PrivateNetworks::begin() {
  std::ifstream ipv4_routes("/proc/thread-self/net/route");
  std::ifstream ipv6_routes("/proc/thread-self/net/ipv6_route");
  if (leads_out_by_ipv6_alone(ipv4_routes, ipv6_routes)) {
    throw Error("this machine leads out by IPv6 alone, and RUN's own network is IPv4");
  }
  subnet_ = choose_subnet();
  connectors_ = find_connectors(subnet_, options_.program);
  if (connectors_.empty()) throw no_connector();
  next_ = make_network_space(subnet_);
  events_ = FileDescriptor(::epoll_create1(EPOLL_CLOEXEC));
  if (!events_) throw system_error("epoll_create1", "", errno);
  wake_ = FileDescriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake_) throw system_error("eventfd", "", errno);
  add(events_, wake_, wake_number);
  packet_.resize(packet_size);
  thread_ = std::thread([this] { run(); });
}

std::unique_ptr<StepNetwork> PrivateNetworks::take() {
  std::optional<NetworkSpace> space;
  Note note;
  {
    const std::lock_guard lock(mutex_);
    if (!possible_) {
      try {
        begin();
        possible_ = true;
      } catch (const Error& error) {
        possible_ = false;
        note = error.diagnostics().front();
        note->message = "RUN shares the host's network: " + note->message;
      }
    }
    space.swap(next_);
  }
  give(note);
  if (!*possible_) return nullptr;  // written once, before this thread got here
  if (!space) space = make_network_space(subnet_);

  const std::lock_guard lock(mutex_);
  const std::uint64_t number = ++last_;
  const auto attached = attached_.emplace(number, std::make_unique<Attached>()).first;
  attached->second->space = std::move(*space);
  const NetworkSpace& own = attached->second->space;
  try {
    add(events_, own.idle, number << about_bits | about_packets);
  } catch (...) {
    attached_.erase(attached);
    throw;
  }
  wanted_ = true;
  wake();
  return std::make_unique<StepNetwork>(*this, number, own.descriptor.get());
}

void PrivateNetworks::give_back(std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  Attached& network = *attached_.at(number);
  network.ended = true;
  if (network.connection.process) kill(network.connection);
  wake();
}

void PrivateNetworks::run() {
  for (;;) {
    std::array<epoll_event, 32> events;
    const int count =
        ::epoll_wait(events_.get(), events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const std::uint64_t event = events[static_cast<std::size_t>(i)].data.u64;
      if (event == wake_number) {
        std::uint64_t ignored = 0;
        [[maybe_unused]] const ssize_t got = ::read(wake_.get(), &ignored, sizeof(ignored));
        prepare_next();
        continue;
      }
      Note note;
      {
        const std::lock_guard lock(mutex_);
        const auto found = attached_.find(event >> about_bits);
        if (found == attached_.end()) continue;  // it ended with an earlier event of these
        note = happened(event & about_mask, *found->second, found->first);
      }
      give(note);
    }
    clear_ended();
    const std::lock_guard lock(mutex_);
    if (stopping_ && attached_.empty()) return;
  }
}

void PrivateNetworks::prepare_next() {
  {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(wanted_, false) || next_ || stopping_) return;
  }
  std::optional<NetworkSpace> made;
  try {
    made = make_network_space(subnet_);
  } catch (const Error&) {
    return;  // the next step makes one itself, and says why it cannot
  }
  const std::lock_guard lock(mutex_);
  if (!next_) next_ = std::move(made);
}

// Closing takes the kernel a while, which is nobody's to wait for.
void PrivateNetworks::clear_ended() {
  std::vector<std::unique_ptr<Attached>> ended;
  const std::lock_guard lock(mutex_);
  for (auto one = attached_.begin(); one != attached_.end();) {
    if (one->second->ended && !one->second->connection.process) {
      ended.push_back(std::move(one->second));
      one = attached_.erase(one);
    } else {
      ++one;
    }
  }
}

PrivateNetworks::Note PrivateNetworks::happened(std::uint64_t about, Attached& network,
                                                std::uint64_t number) {
  switch (about) {
    case about_packets:
      return packets_came(network, number);
    case about_routes:
      return routes_changed(network);
    default:
      return connector_ended(network, number);
  }
}

PrivateNetworks::Note PrivateNetworks::packets_came(Attached& network, std::uint64_t number) {
  using State = Attached::State;
  Note note;
  for (int i = 0; i < most_packets_at_once; ++i) {
    const ssize_t got = ::read(network.space.idle.get(), packet_.data(), packet_.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) break;
    if (got <= 0) {
      // A step with all rights has removed the device.
      ::epoll_ctl(events_.get(), EPOLL_CTL_DEL, network.space.idle.get(), nullptr);
      break;
    }
    const std::string_view packet(packet_.data(), static_cast<std::size_t>(got));
    if (network.ended || !leaves_the_machine(packet)) continue;
    if (network.state == State::unused) note = begin_connection(network, number);
    if (network.state == State::connected) send_again(network.sockets, packet);
    if (network.state == State::connecting &&
        network.waiting_size + packet.size() <= most_waiting) {
      network.waiting.emplace_back(packet);
      network.waiting_size += packet.size();
    }
  }
  return note;
}

PrivateNetworks::Note PrivateNetworks::begin_connection(Attached& network, std::uint64_t number) {
  try {
    network.sockets = open_in(network.space);
    add(events_, network.sockets.routes, number << about_bits | about_routes);
  } catch (const Error& error) {
    network.state = Attached::State::failed;
    return without_network(error.what());
  }
  return start_connector(network, number);
}

PrivateNetworks::Note PrivateNetworks::start_connector(Attached& network, std::uint64_t number) {
  const Connector& connector = connectors_[network.connector];
  try {
    network.connection = connect(connector, network.space.descriptor);
    network.state = Attached::State::connecting;
    add(events_, network.connection.process, number << about_bits | about_connector);
    return std::nullopt;
  } catch (const Error& error) {
    if (network.connection.process) {
      kill(network.connection);
      wait_for(network.connection.process);
      network.connection = Connection();
    }
    network.state = Attached::State::failed;
    return without_network(connector.name + ": " + error.what());
  }
}

PrivateNetworks::Note PrivateNetworks::routes_changed(Attached& network) {
  if (!connected_by_now(network.sockets.routes)) return std::nullopt;
  ::epoll_ctl(events_.get(), EPOLL_CTL_DEL, network.sockets.routes.get(), nullptr);
  if (network.state != Attached::State::connecting) return std::nullopt;
  try {
    send_by(network.sockets, connector_device);
  } catch (const Error& error) {
    network.state = Attached::State::failed;
    return without_network(error.what());
  }
  network.state = Attached::State::connected;
  for (const std::string& packet : network.waiting) send_again(network.sockets, packet);
  network.waiting.clear();
  return std::nullopt;
}

PrivateNetworks::Note PrivateNetworks::connector_ended(Attached& network, std::uint64_t number) {
  wait_for(network.connection.process);
  const Connection connection = std::exchange(network.connection, Connection());
  const bool never_worked = network.state == Attached::State::connecting;
  network.state = Attached::State::failed;
  if (network.ended) return std::nullopt;
  // The next one may do with less of the host.
  if (never_worked && ++network.connector < connectors_.size()) {
    return start_connector(network, number);
  }
  const Connector& last = connectors_[std::min(network.connector, connectors_.size() - 1)];
  return without_network(last.name + ": " + last_words(connection));
}

}  // namespace slipway
