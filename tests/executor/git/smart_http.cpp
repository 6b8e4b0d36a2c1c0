#include "smart_http.hpp"

#include <cache/temporary_folder.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>

namespace slipway {
namespace {

namespace fs = std::filesystem;

std::string header(const HttpServer::Request& request, const std::string& name) {
  const auto found = request.headers.find(name);
  return found == request.headers.end() ? "" : found->second;
}

}  // namespace

HttpServer::Reply smart_http(const fs::path& root, const HttpServer::Request& request) {
  const TemporaryFolder folder;
  const std::string in = (folder.path() / "in").string();
  const std::string out = (folder.path() / "out").string();
  std::ofstream(in, std::ios::binary) << request.body;
  const std::size_t question = std::min(request.path.find('?'), request.path.size());
  std::string command = "env -i PATH=/usr/local/bin:/usr/bin:/bin HOME=/nonexistent";
  // The tests' own words, so that nothing in them needs more than quotes.
  const auto set = [&](const std::string& name, const std::string& value) {
    command += " " + name + "='" + value + "'";
  };
  set("GIT_CONFIG_NOSYSTEM", "1");
  set("GIT_PROJECT_ROOT", root.string());
  set("GIT_HTTP_EXPORT_ALL", "1");
  set("REQUEST_METHOD", request.method);
  set("PATH_INFO", request.path.substr(0, question));
  set("QUERY_STRING", request.path.substr(std::min(question + 1, request.path.size())));
  set("CONTENT_TYPE", header(request, "content-type"));
  set("CONTENT_LENGTH", std::to_string(request.body.size()));
  set("HTTP_CONTENT_ENCODING", header(request, "content-encoding"));
  set("GIT_PROTOCOL", header(request, "git-protocol"));
  command += " git http-backend <" + in + " >" + out + " 2>/dev/null";
  if (std::system(command.c_str()) != 0) return {.status = 500};

  std::ifstream stream(out, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(stream), {});
  HttpServer::Reply reply;
  std::size_t at = 0;
  for (std::size_t end = 0; (end = text.find("\r\n", at)) != std::string::npos && end != at;) {
    const std::string line = text.substr(at, end - at);
    const std::size_t colon = line.find(": ");
    if (line.starts_with("Status: ")) {
      reply.status = std::stoi(line.substr(8));
    } else {
      reply.headers.emplace_back(line.substr(0, colon), line.substr(colon + 2));
    }
    at = end + 2;
  }
  reply.body = text.substr(std::min(at + 2, text.size()));
  return reply;
}

}  // namespace slipway
