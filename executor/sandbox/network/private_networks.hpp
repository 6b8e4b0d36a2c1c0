// The networks of steps that have one of their own: RUN's default.
//
// A step gets a namespace that nobody else was ever in, made while an earlier step ran. It is
// connected to the outside when the step first sends something there; most never do. Whatever a
// step has sent till then waits, and is not lost.
#pragma once

#include <cache/file_descriptor.hpp>
#include <executor/sandbox/network/connector.hpp>
#include <executor/sandbox/network/network_space.hpp>
#include <executor/sandbox/network/subnet.hpp>
#include <ir/error.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace slipway {

class PrivateNetworks;

// One step's. Destroying it cuts the connection; no process of the step is alive by then.
class StepNetwork {
 public:
  StepNetwork(PrivateNetworks& networks, std::uint64_t number, int descriptor)
      : networks_(networks), number_(number), descriptor_(descriptor) {}
  StepNetwork(const StepNetwork&) = delete;
  ~StepNetwork();

  // Of the namespace, to enter it with setns(2).
  int descriptor() const { return descriptor_; }

 private:
  PrivateNetworks& networks_;
  std::uint64_t number_;
  int descriptor_;
};

class PrivateNetworks {
 public:
  struct Options {
    std::optional<std::string> program;  // slirp4netns or pasta; empty: the better one
    // Called from any thread, once at most. May be empty.
    std::function<void(const Diagnostic&)> note;
  };

  // Starts nothing.
  explicit PrivateNetworks(Options options);
  PrivateNetworks(const PrivateNetworks&) = delete;
  ~PrivateNetworks();  // every StepNetwork is gone by then

  // Empty, and a note the first time, where steps have to share the host's network: where there is
  // no program to connect others, or no device for it. This is found out for the first step and
  // holds for all, so that no step can bring another one into the host's network. Throws Error.
  std::unique_ptr<StepNetwork> take();

  // The name server that a step has where the host's are out of reach. Only after take().
  const std::string& name_server() const { return subnet_.name_server; }
  const std::string& gateway() const { return subnet_.gateway; }

 private:
  friend class StepNetwork;
  struct Attached;

  using Note = std::optional<Diagnostic>;

  void begin();
  void give(const Note& note);
  void give_back(std::uint64_t number);
  void wake();
  // The thread's, the last seven with the mutex held.
  void run();
  void prepare_next();
  void clear_ended();
  Note happened(std::uint64_t about, Attached& network, std::uint64_t number);
  Note packets_came(Attached& network, std::uint64_t number);
  Note begin_connection(Attached& network, std::uint64_t number);
  Note start_connector(Attached& network, std::uint64_t number);
  Note routes_changed(Attached& network);
  Note connector_ended(Attached& network, std::uint64_t number);

  const Options options_;
  FileDescriptor events_;  // epoll
  FileDescriptor wake_;    // eventfd: something below has changed
  // Guards all that follows, for the threads that start and end steps and the one that connects
  // them. Notes are given without it.
  std::mutex mutex_;
  std::optional<bool> possible_;
  Subnet subnet_;
  std::vector<Connector> connectors_;  // to be tried in this order
  std::optional<NetworkSpace> next_;   // prepared
  bool wanted_ = false;                // `next_` is to be filled
  std::map<std::uint64_t, std::unique_ptr<Attached>> attached_;
  std::uint64_t last_ = 0;
  bool stopping_ = false;
  bool noted_ = false;
  std::vector<char> packet_;  // the thread's
  std::thread thread_;
};

}  // namespace slipway
