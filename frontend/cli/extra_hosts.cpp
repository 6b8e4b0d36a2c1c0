#include "extra_hosts.hpp"

#include <ir/error.hpp>

namespace slipway {

std::vector<std::pair<std::string, std::string>> extra_hosts(
    const std::vector<std::string>& texts) {
  std::vector<std::pair<std::string, std::string>> hosts;
  for (const std::string& text : texts) {
    const auto separator = text.find_first_of("=:");
    if (separator == std::string::npos || separator == 0 || separator + 1 == text.size()) {
      throw Error("--add-host " + quoted(text) + " is not NAME:ADDRESS");
    }
    std::string address = text.substr(separator + 1);
    if (address.starts_with('[') && address.ends_with(']')) {
      address = address.substr(1, address.size() - 2);
    }
    hosts.emplace_back(text.substr(0, separator), std::move(address));
  }
  return hosts;
}

}  // namespace slipway
