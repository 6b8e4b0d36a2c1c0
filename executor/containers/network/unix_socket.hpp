// Sockets of packets in a folder, by the folder's descriptor: a path of a socket has 108 bytes at
// most.
#pragma once

#include <cache/file_descriptor.hpp>

#include <span>
#include <string>
#include <string_view>

namespace slipway {

// Nothing, with errno, where nobody listens. The connection is SOCK_SEQPACKET's and blocks.
FileDescriptor connect_in(const FileDescriptor& folder, const char* name);
// In place of what is there. Throws Error.
FileDescriptor listen_in(const FileDescriptor& folder, const char* name);

// A message with descriptors; false: with errno, nobody takes it.
bool send_message(const FileDescriptor& socket, std::string_view text,
                  std::span<const int> descriptors = {});
// Empty: there is none, nobody is there any more. Waits, at most so many seconds; throws Error
// where somebody is there who does not answer.
std::string receive_message(const FileDescriptor& socket, std::size_t most, int seconds);

}  // namespace slipway
