#include "token_service.hpp"

#include "../programs.hpp"

#include <cache/registry/base64.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <ctime>

namespace {

using Json = nlohmann::json;

std::string url_base64(const std::string& bytes) {
  std::string text = slipway::encode_base64(bytes);
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  text.resize(text.find_last_not_of('=') + 1);
  return text;
}

std::string decoded(const std::string& text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      result += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      result += text[i];
    }
  }
  return result;
}

}  // namespace

TokenService::TokenService() {
  REQUIRE(run_command("cd '" + folder_.path().string() +
                      "'\nset -e\nopenssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "
                      "'/CN=tokens of a test' -keyout token.key -out token.pem\n"
                      "openssl x509 -in token.pem -outform DER -out token.der"));
  server_ = std::make_unique<HttpServer>(
      [this](const HttpServer::Request& request) { return answer(request); });
}

HttpServer::Reply TokenService::answer(const HttpServer::Request& request) const {
  const auto login = request.headers.find("authorization");
  if (login == request.headers.end() || login->second != "Basic dXNlcjpzZWNyZXQ=")
    return {.status = 401, .body = R"({"details":"who are you?"})"};
  return {.body = Json{{"token", token(request.path.substr(request.path.find('?') + 1))}}.dump()};
}

std::string TokenService::token(const std::string& query) const {
  Json access = Json::array();
  for (std::size_t at = 0; at < query.size();) {
    const std::size_t end = std::min(query.find('&', at), query.size());
    const std::string part = query.substr(at, end - at);
    at = end + 1;
    if (!part.starts_with("scope=")) continue;
    const std::string scope = decoded(part.substr(6));  // "repository:NAME:pull,push"
    const std::size_t first = scope.find(':'), last = scope.rfind(':');
    Json actions = Json::array();
    for (std::size_t word = last + 1; word < scope.size();) {
      const std::size_t comma = std::min(scope.find(',', word), scope.size());
      actions.push_back(scope.substr(word, comma - word));
      word = comma + 1;
    }
    access.push_back({{"type", scope.substr(0, first)},
                      {"name", scope.substr(first + 1, last - first - 1)},
                      {"actions", actions}});
  }
  const std::int64_t now = std::time(nullptr);
  const Json header = {{"typ", "JWT"},
                       {"alg", "RS256"},
                       {"x5c", {slipway::encode_base64(folder_.read("token.der"))}}};
  const Json claims = {{"iss", "tests"},  {"sub", "user"},    {"aud", "registry"},
                       {"nbf", now - 10}, {"exp", now + 600}, {"iat", now},
                       {"jti", "1"},      {"access", access}};
  const std::string text = url_base64(header.dump()) + "." + url_base64(claims.dump());
  folder_.write("text", text);
  REQUIRE(run_command("cd '" + folder_.path().string() +
                      "' && openssl dgst -sha256 -sign token.key -out signature text"));
  return text + "." + url_base64(folder_.read("signature"));
}
