// Real repositories behind git's own `git http-backend`: what GitHub and its like speak.
#pragma once

#include "../../cache/registry/http_server.hpp"

#include <filesystem>
#include <string>

namespace slipway {

// Answers for what lies below `root`, which the request's path begins at. Every repository there is
// served.
HttpServer::Reply smart_http(const std::filesystem::path& root, const HttpServer::Request& request);

}  // namespace slipway
