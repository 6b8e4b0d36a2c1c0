#include <executor/containers/network/resolver.hpp>

#include <ir/error.hpp>

#include <arpa/inet.h>

#include <iterator>
#include <sstream>
#include <utility>

namespace slipway {
namespace {

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream words(line);
  return {std::istream_iterator<std::string>(words), {}};
}

void require_address(const std::string& text) {
  in6_addr parsed;
  if (::inet_pton(AF_INET, text.c_str(), &parsed) != 1 &&
      ::inet_pton(AF_INET6, text.c_str(), &parsed) != 1) {
    throw Error("--dns: " + quoted(text) + " is not an address");
  }
}

// A line break in one would be a line of its own.
std::string line_of(const char* keyword, const std::vector<std::string>& words) {
  std::string line = keyword;
  for (const std::string& word : words) {
    if (words_of(word) != std::vector<std::string>{word}) {
      throw Error(std::string("--dns-") + keyword + ": " + quoted(word) + " is not a word");
    }
    line += " " + word;
  }
  return line + "\n";
}

}  // namespace

std::string container_resolv_conf(const std::string& host, const ContainerConfig& config,
                                  const std::vector<std::string>& servers) {
  std::string text;
  std::istringstream lines(host);
  for (std::string line; std::getline(lines, line);) {
    const std::vector<std::string> words = words_of(line);
    if (words.empty() || words.front().front() == '#' || words.front().front() == ';') continue;
    const bool replaced =
        words.front() == "nameserver" ||
        (!config.dns_search.empty() && (words.front() == "search" || words.front() == "domain")) ||
        (!config.dns_options.empty() && words.front() == "options");
    if (!replaced) text += line + "\n";
  }
  for (const std::string& server : servers) text += "nameserver " + server + "\n";
  for (const std::string& server : config.dns) {
    require_address(server);
    text += "nameserver " + server + "\n";
  }
  // As docker: a dot says that there is none.
  if (!config.dns_search.empty() && config.dns_search != std::vector<std::string>{"."}) {
    text += line_of("search", config.dns_search);
  }
  if (!config.dns_options.empty()) text += line_of("options", config.dns_options);
  return text;
}

std::vector<std::string> name_servers(const std::string& resolv_conf) {
  std::vector<std::string> servers;
  std::istringstream lines(resolv_conf);
  for (std::string line; std::getline(lines, line);) {
    std::vector<std::string> words = words_of(line);
    if (words.size() > 1 && words.front() == "nameserver") servers.push_back(std::move(words[1]));
  }
  return servers;
}

}  // namespace slipway
