// What the tests of ADD of a URL share: a server of one file, and what a build says when it is
// refused.
#pragma once

#include "../../cache/registry/http_server.hpp"
#include "../solve/test_build.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace slipway {

using Request = HttpServer::Request;
using Reply = HttpServer::Reply;

inline constexpr const char* old_date = "Wed, 03 Jan 2024 10:00:00 GMT";
inline constexpr std::int64_t old_time = 1'704'276'000;

// The methods that the server saw, in order: "GET HEAD".
inline std::string methods(const HttpServer& server) {
  std::string text;
  for (const Request& request : server.requests())
    text += (text.empty() ? "" : " ") + request.method;
  return text;
}

inline std::string header(const Request& request, const std::string& name) {
  const auto found = request.headers.find(name);
  return found == request.headers.end() ? "" : found->second;
}

// A server of one file, which compares ETags as it should.
struct FileServer {
  std::string content = "content";
  std::string etag;      // as it is sent; empty: none
  std::string modified;  // empty: none

  HttpServer server{[this](const Request& request) { return answer(request); }};

  Reply answer(const Request& request) const {
    Reply reply{.headers = {{"Date", "Thu, 04 Jan 2024 10:00:00 GMT"}}, .body = content};
    if (!etag.empty()) reply.headers.emplace_back("ETag", etag);
    if (!modified.empty()) reply.headers.emplace_back("Last-Modified", modified);
    const std::string bare = etag.starts_with("W/") ? etag.substr(2) : etag;
    const bool same_etag =
        !etag.empty() && header(request, "if-none-match").find(bare) != std::string::npos;
    const bool same_date = !modified.empty() && header(request, "if-none-match").empty() &&
                           header(request, "if-modified-since") == modified;
    if (same_etag || same_date) {
      reply.status = 304;
      reply.body.clear();
    }
    return reply;
  }
  std::string url(const std::string& path = "/file") const {
    return "http://" + server.address() + path;
  }
};

inline std::string add(const std::string& url, const std::string& flags = "",
                       const std::string& to = "/f") {
  return "FROM scratch\nADD " + flags + (flags.empty() ? "" : " ") + url + " " + to + "\n";
}

inline std::optional<Entry> entry_of(TestBuild& build, const std::string& path) {
  return build.store().layers().view(build.result.layers).find(path);
}

// The whole text of what a build is refused with.
inline std::string refusal(TestBuild& build, const std::string& dockerfile) {
  try {
    build.solve(dockerfile);
  } catch (const Error& error) {
    return render(error, false);
  }
  return "it was built";
}

inline bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// Whether processes left something unfinished in the store, apart from this one's empty folder.
inline bool nothing_unfinished(TestBuild& build) {
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(build.store().state().root() / "work"))
    if (entry.is_regular_file() && entry.file_size() > 0) return false;
  return true;
}

}  // namespace slipway
