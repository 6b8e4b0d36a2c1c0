// What EXPOSE names.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// "80", "8000-8010/udp" and, because docker takes them, "8080:80" and "127.0.0.1:8080:80" as
// "80/tcp", "8000/udp" ... Throws Error.
std::vector<std::string> parse_ports(std::string_view text);

}  // namespace slipway
