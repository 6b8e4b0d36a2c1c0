// What is said at the socket of a network's process (networks/ID/socket, SOCK_SEQPACKET): one
// packet a question, one its answer, as lines of "WORD VALUE".
//
//   join            with the descriptor of the member's tap device. The membership ends with the
//                   connection, or with the process of a second descriptor, a pidfd
//     id HEX        the container's
//     name NAME
//     alias NAME    any number
//     address A     only this one
//     own-servers   the member has name servers of its own
//     port HOSTADDRESS HOSTPORT PORT PROTOCOL
//   -> joined A, or: failed TEXT
//   leave HEX       -> left, or: failed TEXT
//   list            -> a line each: member HEX ADDRESS NAME
#pragma once

#include <cache/containers/container.hpp>
#include <executor/containers/network/frame_switch.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

constexpr std::size_t largest_message = 64 << 10;

struct JoinRequest {
  NetworkMember member;
  std::vector<PortMapping> ports;
};

std::string write_join(const JoinRequest& request);
// Total; nothing for what is none.
std::optional<JoinRequest> parse_join(std::string_view text);

std::string write_members(const std::vector<NetworkMember>& members);
std::vector<NetworkMember> parse_members(std::string_view text);

}  // namespace slipway
