// The process of one network while containers are in it: takes them in at its socket, carries
// frames between their tap devices and slirp4netns, and ends when nobody is connected to it any
// more.
#pragma once

#include <cache/file_descriptor.hpp>
#include <executor/containers/network/frame_switch.hpp>
#include <executor/containers/network/messages.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace slipway {

class NetworkService final : private FrameSink {
 public:
  struct Descriptors {
    FileDescriptor folder;    // networks/ID
    FileDescriptor listener;  // its socket
    FileDescriptor outside;   // slirp4netns: a frame a packet; none: the network does not lead out
  };

  NetworkService(FrameSwitch::Settings settings, Descriptors descriptors);
  ~NetworkService() override;

  // A connection that was accepted before.
  void add_connection(FileDescriptor connection);
  // Until nobody is connected.
  void run();

 private:
  enum class About : std::uint32_t { listener, outside, connection, tap, process };
  struct Member {
    Address address = 0;
    std::string id;
    FileDescriptor tap;
    FileDescriptor process;           // pidfd; none: the membership is its connection's
    std::vector<std::int64_t> ports;  // as slirp4netns numbers them
  };
  struct Connection {
    FileDescriptor socket;
    std::uint32_t member = 0;  // 0: none
  };

  void to_member(Address member, ConstBytes frame) override;
  void to_outside(ConstBytes frame) override;

  bool watch(const FileDescriptor& descriptor, About about, std::uint32_t number);
  void wait_to_send(bool wanted);
  void happened(About about, std::uint32_t number);
  void accept_connection();
  void listen_again();
  void read_connection(std::uint32_t number);
  void read_tap(std::uint32_t number);
  void read_outside();
  void send_waiting();
  std::string answer(Connection& connection, std::string_view message,
                     std::vector<FileDescriptor> received);
  std::string join(Connection& connection, std::string_view message,
                   std::vector<FileDescriptor> received);
  std::string open_ports(Member& member, const std::vector<PortMapping>& ports);
  void close_ports(const Member& member);
  void close_unclosed();
  // slirp4netns may be waiting for its frames to be taken before it answers.
  bool await_reply(int descriptor, int milliseconds);
  void remove_member(std::uint32_t number);
  std::uint32_t member_of(std::string_view id) const;  // 0: there is none

  Descriptors descriptors_;
  FrameSwitch switch_;
  bool leads_out_;
  FileDescriptor events_;
  bool listens_ = true;  // else there is no descriptor for another connection
  std::uint32_t last_number_ = 0;
  std::map<std::uint32_t, Connection> connections_;
  std::map<std::uint32_t, Member> members_;
  std::map<Address, int> taps_;
  std::vector<std::uint8_t> frame_;
  std::deque<std::string> waiting_;  // frames for the outside, which takes none at the moment
  std::size_t waiting_size_ = 0;
  std::vector<std::int64_t> unclosed_;  // ports that slirp4netns did not answer about
  std::chrono::steady_clock::time_point next_try_;
};

}  // namespace slipway
