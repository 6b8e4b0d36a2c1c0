#include <ir/reference.hpp>

#include <ir/error.hpp>
#include <ir/letter_case.hpp>

#include <algorithm>

namespace slipway {
namespace {

constexpr std::string_view default_domain = "docker.io";
constexpr std::string_view legacy_domain = "index.docker.io";
constexpr std::string_view official_prefix = "library/";
constexpr std::string_view default_tag = "latest";
constexpr std::size_t longest_name = 255;  // of domain and repository, distribution/reference
constexpr std::size_t longest_tag = 128;
constexpr std::size_t longest_text = 1024;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

bool all(std::string_view text, bool (*test)(char)) {
  return std::all_of(text.begin(), text.end(), test);
}

// The first piece of `rest` up to `separator`, which is taken away with it.
std::string_view take(std::string_view& rest, char separator) {
  const std::size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view piece = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return piece;
}

// host [":" port], the host being an IPv6 address in brackets or labels between dots.
bool is_domain(std::string_view domain) {
  std::string_view host = domain;
  const std::size_t bracket = domain.find(']');
  const std::size_t colon = domain.find(':', bracket == domain.npos ? 0 : bracket);
  if (colon != domain.npos) {
    const std::string_view port = domain.substr(colon + 1);
    if (port.empty() || !all(port, is_digit)) return false;
    host = domain.substr(0, colon);
  }
  if (host.starts_with('[')) {
    return host.size() > 2 && host.ends_with(']') &&
           all(host.substr(1, host.size() - 2), [](char c) { return is_hex(c) || c == ':'; });
  }
  if (host.empty() || host.ends_with('.')) return false;
  while (!host.empty()) {
    const std::string_view label = take(host, '.');
    if (label.empty() || label.front() == '-' || label.back() == '-') return false;
    if (!all(label, [](char c) { return is_digit(c) || is_lower(c) || is_upper(c) || c == '-'; }))
      return false;
  }
  return true;
}

// Letters and digits, with ".", "_", "__" or any number of "-" between them.
bool is_path_component(std::string_view component) {
  const auto is_letter = [](char c) { return is_digit(c) || is_lower(c); };
  if (component.empty() || !is_letter(component.front()) || !is_letter(component.back()))
    return false;
  for (std::size_t i = 0; i < component.size();) {
    if (is_letter(component[i])) {
      ++i;
      continue;
    }
    std::size_t end = i;
    while (!is_letter(component[end])) ++end;  // the last character is one
    const std::string_view separator = component.substr(i, end - i);
    if (separator != "." && separator != "_" && separator != "__" &&
        separator.find_first_not_of('-') != separator.npos)
      return false;
    i = end;
  }
  return true;
}

bool is_tag(std::string_view tag) {
  const auto is_word = [](char c) { return is_digit(c) || is_lower(c) || is_upper(c) || c == '_'; };
  if (tag.empty() || tag.size() > longest_tag || !is_word(tag.front())) return false;
  return std::all_of(tag.begin(), tag.end(),
                     [&](char c) { return is_word(c) || c == '.' || c == '-'; });
}

Error malformed(std::string_view text, std::string_view why) {
  return Error(quoted(text) + " is not an image reference: " + std::string(why));
}

}  // namespace

std::string Reference::text() const {
  std::string result = domain + "/" + repository;
  if (!tag.empty()) result += ":" + tag;
  if (digest) result += "@" + digest->text();
  return result;
}

std::string Reference::familiar() const {
  if (domain != default_domain) return text();
  const std::string_view rest = std::string_view(repository).substr(
      repository.starts_with(official_prefix) &&
              repository.find('/', official_prefix.size()) == repository.npos
          ? official_prefix.size()
          : 0);
  std::string result(rest);
  if (!tag.empty()) result += ":" + tag;
  if (digest) result += "@" + digest->text();
  return result;
}

Reference parse_reference(std::string_view text) {
  if (text.empty())
    throw malformed(text, "it is empty").hint("a reference is NAME[:TAG], such as debian:bookworm");
  if (text.size() > longest_text) throw malformed(text, "it is too long");
  if (Digest::parse_hex(text))
    throw malformed(text, "64 hexadecimal digits name an image by its ID")
        .hint("use another name; for a digest write NAME@sha256:...");
  if (text.find("://") != text.npos)
    throw malformed(text, "it has a scheme").hint("leave out what stands before \"//\"");

  Reference reference;
  std::string_view name = text;
  if (const std::size_t at = text.find('@'); at != text.npos) {
    reference.digest = Digest::parse(text.substr(at + 1));
    if (!reference.digest)
      throw malformed(text, "what follows \"@\" is not a digest")
          .hint("a digest is \"sha256:\" and 64 lower-case hexadecimal digits");
    name = text.substr(0, at);
  }
  // A colon before the last slash belongs to a port.
  const std::size_t slash = name.rfind('/');
  const std::size_t colon = name.find(':', slash == name.npos ? 0 : slash);
  if (colon != name.npos) {
    reference.tag = name.substr(colon + 1);
    if (!is_tag(reference.tag))
      throw malformed(text, "the tag " + quoted(reference.tag) + " is malformed")
          .hint("a tag has up to 128 letters, digits, \"_\", \".\" and \"-\", and starts with none "
                "of the last two");
    name = name.substr(0, colon);
  } else if (!reference.digest) {
    reference.tag = default_tag;
  }

  // The first component is a domain only if it cannot be a part of a repository's path.
  const std::size_t first = name.find('/');
  const std::string_view head = name.substr(0, first);
  const bool has_domain =
      first != name.npos && (head.find_first_of(".:") != head.npos || head == "localhost" ||
                             std::any_of(head.begin(), head.end(), is_upper));
  reference.domain = has_domain ? head : default_domain;
  reference.repository = has_domain ? name.substr(first + 1) : name;
  if (reference.domain == legacy_domain) reference.domain = default_domain;
  if (!is_domain(reference.domain))
    throw malformed(text, quoted(reference.domain) + " is not the name of a registry")
        .hint("a registry is HOST[:PORT]");
  if (reference.domain == default_domain && reference.repository.find('/') == std::string::npos &&
      !reference.repository.empty())
    reference.repository.insert(0, official_prefix);

  if (std::any_of(reference.repository.begin(), reference.repository.end(), is_upper))
    throw malformed(text, "the repository's name has upper-case letters")
        .hint("write " + quoted(lower_case(text)));
  std::string_view rest = reference.repository;
  bool good = !rest.empty() && !rest.ends_with('/');
  while (good && !rest.empty()) good = is_path_component(take(rest, '/'));
  if (!good)
    throw malformed(text, "the repository's name is malformed")
        .hint("it has lower-case letters and digits, with \".\", \"_\", \"__\" or \"-\" between "
              "them, and \"/\" between its parts");
  if (reference.domain.size() + 1 + reference.repository.size() > longest_name)
    throw malformed(text, "its name is longer than 255 characters");
  return reference;
}

}  // namespace slipway
