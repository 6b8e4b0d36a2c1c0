#include <executor/sources/hidden.hpp>

#include <ir/letter_case.hpp>
#include <ir/quantities.hpp>
#include <ir/remote_source.hpp>

#include <algorithm>
#include <array>

namespace slipway {
namespace {

constexpr std::string_view placeholder = "(hidden)";
// Shorter ones, and booleans, are words of any text: "1" for a KEY_SIZE, "true" for USE_AUTH.
constexpr std::size_t shortest = 4;

// The names that hide a variable, and those of signed addresses (X-Amz-Signature, sig, Policy).
bool is_secret_parameter(std::string_view name) {
  const std::string lower = lower_case(name);
  return is_secret_name(name) || lower.find("sig") != lower.npos ||
         lower.find("policy") != lower.npos;
}

// Addresses in any text, a command or a whole Dockerfile, without names and passwords.
std::string without_users(std::string_view text) {
  std::string result;
  for (std::size_t mark = text.find("://"); mark != text.npos; mark = text.find("://")) {
    const std::string_view before = text.substr(0, mark);
    result += before;
    result += "://";
    text.remove_prefix(mark + 3);
    // What names an image has its digest behind the '@'.
    if (before.ends_with("docker-image") || before.ends_with("oci-layout")) continue;
    const std::string_view authority = text.substr(0, text.find_first_of("/ \t\r\n\"'"));
    const std::size_t at = authority.rfind('@');
    if (at == authority.npos || authority.substr(0, at) == "git") continue;
    result += authority.substr(0, at).find(':') == text.npos ? "xxxxx" : "xxxxx:xxxxx";
    text.remove_prefix(at);
  }
  return result.append(text);
}

}  // namespace

// Wider than the build check of such names: what is hidden in vain costs a look elsewhere, what is
// shown in vain a secret.
bool is_secret_name(std::string_view name) {
  constexpr std::array<std::string_view, 9> pieces = {
      "passw", "pword", "secret", "token", "credential", "apikey", "auth", "private", "key"};
  const std::string lower = lower_case(name);
  return std::any_of(pieces.begin(), pieces.end(),
                     [&](std::string_view piece) { return lower.find(piece) != lower.npos; });
}

// "https://user:password@host/": what stands before the @ of an address.
bool has_credentials(std::string_view value) {
  for (std::size_t at = value.find("://"); at != value.npos; at = value.find("://", at + 1)) {
    const std::string_view rest = value.substr(at + 3);
    const std::size_t mark = rest.find('@');
    if (mark != rest.npos && mark < rest.find_first_of("/ \t\n\"'")) return true;
  }
  return false;
}

void Hidden::hide(std::string_view value) {
  // What stands for credentials already says nothing.
  const bool masked = value.find_first_not_of("x:") == value.npos;
  if (value.size() < shortest || read_boolean(value) || masked) return;
  const auto longer = [](const std::string& left, const std::string& right) {
    return left.size() > right.size();
  };
  if (std::find(values_.begin(), values_.end(), value) != values_.end()) return;
  std::string text(value);
  values_.insert(std::upper_bound(values_.begin(), values_.end(), text, longer), text);
}

std::string Hidden::named(std::string_view name, std::string_view value) {
  // Programs take a proxy's address without a scheme, too.
  if (lower_case(name).ends_with("_proxy") && value.find("://") == value.npos &&
      value.find('@') != value.npos) {
    constexpr std::string_view scheme = "http://";
    return url(std::string(scheme) + std::string(value)).substr(scheme.size());
  }
  // Where RUN --mount=type=ssh puts its socket is no secret.
  if (name == "SSH_AUTH_SOCK") return std::string(value);
  if (!is_secret_name(name) && !has_credentials(value))
    return value.find("://") == value.npos ? std::string(value) : url(value);
  hide(value);
  url(value);  // the password alone, too
  return std::string(placeholder);
}

std::string Hidden::variable(std::string_view text) {
  const std::size_t equals = text.find('=');
  const std::string_view name = text.substr(0, equals);
  const std::string_view value = equals == text.npos ? std::string_view() : text.substr(equals + 1);
  return std::string(name) + "=" + named(name, value);
}

std::string Hidden::url(std::string_view url) {
  const std::string_view user = authority_of(url).user_info;
  if (url.find("://") != url.npos && !user.empty()) {
    const std::string_view credentials = user.substr(0, user.size() - 1);
    const std::size_t colon = credentials.find(':');
    hide(credentials);
    if (colon != credentials.npos) hide(credentials.substr(colon + 1));
  }
  std::string shown = without_credentials(url);
  const std::size_t mark = shown.find('?');
  if (mark == shown.npos) return shown;
  const std::size_t end = std::min(shown.find('#', mark), shown.size());
  std::string query;
  for (std::size_t start = mark + 1; start <= end;) {
    const std::size_t next = std::min(shown.find('&', start), end);
    const std::string pair = shown.substr(start, next - start);
    const std::size_t equals = pair.find('=');
    if (equals != pair.npos && is_secret_parameter(pair.substr(0, equals))) {
      hide(std::string_view(pair).substr(equals + 1));
      query += pair.substr(0, equals + 1) + "xxxxx";
    } else {
      query += pair;
    }
    if (next < end) query += '&';
    start = next + 1;
  }
  return shown.substr(0, mark + 1) + query + shown.substr(end);
}

std::string Hidden::clean(std::string_view text) const {
  std::string result = without_users(text);
  for (const std::string& value : values_) {
    for (std::size_t at = result.find(value); at != result.npos;
         at = result.find(value, at + placeholder.size()))
      result.replace(at, value.size(), placeholder);
  }
  return result;
}

}  // namespace slipway
