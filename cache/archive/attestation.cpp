#include <cache/archive/attestation.hpp>

#include <cache/json_bounds.hpp>
#include <ir/error.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <utility>

namespace slipway {
namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

constexpr std::string_view statement_type = "https://in-toto.io/Statement/v1";
constexpr std::string_view statement_type_before = "https://in-toto.io/Statement/v0.1";

// BuildKit's are some five deep, an SBOM of thousands of packages has some 100,000 values.
constexpr std::size_t deepest_statement = 200;
constexpr std::size_t most_values = 4'000'000;

// The members of a JSON object, each as it stands in the text. `text` has been found to be JSON, so
// nothing of it is checked here. Nothing for what is no object, or has a member twice: two readers
// would take it for two things.
std::optional<std::map<std::string, std::string_view>> members_of(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of("\xef\xbb\xbf \t\r\n");  // a mark, and blanks
  if (first == text.npos || text[first] != '{') return std::nullopt;
  std::map<std::string, std::string_view> members;
  std::string name;
  std::size_t depth = 0;
  std::size_t begin = 0;  // of the name or the value
  bool inside_string = false;
  bool twice = false;
  const auto piece = [&](std::size_t end) {
    std::string_view value = text.substr(begin, end - begin);
    begin = end + 1;
    value.remove_prefix(std::min(value.find_first_not_of(blanks), value.size()));
    return value.substr(0, value.find_last_not_of(blanks) + 1);
  };
  const auto finish = [&](std::size_t end) {
    // An empty object has nothing before its end.
    if (const std::string_view value = piece(end); !value.empty())
      twice |= !members.emplace(std::move(name), value).second;
  };
  for (std::size_t i = first; i < text.size(); ++i) {
    const char c = text[i];
    if (inside_string) {
      if (c == '\\') ++i;
      if (c == '"') inside_string = false;
    } else if (c == '"') {
      inside_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth == 1) begin = i + 1;
    } else if (c == '}' || c == ']') {
      if (depth-- == 1) finish(i);
    } else if (c == ':' && depth == 1) {
      name = Json::parse(piece(i)).get<std::string>();
    } else if (c == ',' && depth == 1) {
      finish(i);
    }
  }
  if (twice) return std::nullopt;
  return members;
}

// A member that is text.
std::optional<std::string> text_of(const std::map<std::string, std::string_view>& members,
                                   const char* name) {
  const auto found = members.find(name);
  if (found == members.end() || !found->second.starts_with('"')) return std::nullopt;
  return Json::parse(found->second).get<std::string>();
}

}  // namespace

std::string percent_encoded(std::string_view text, std::string_view plain) {
  static constexpr std::string_view digits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                            (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
    const auto byte = static_cast<unsigned char>(c);
    if (unreserved || plain.find(c) != plain.npos) {
      encoded += c;
    } else {
      encoded += {'%', digits[byte >> 4U], digits[byte & 15U]};
    }
  }
  return encoded;
}

std::string package_url(const Reference& name, const Platform& platform) {
  Reference bare = name;
  bare.tag.clear();
  bare.digest.reset();
  const std::string path = bare.familiar();
  std::string url = "pkg:docker/";
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t slash = std::min(path.find('/', at), path.size());
    url += percent_encoded(std::string_view(path).substr(at, slash - at));
    if (slash < path.size()) url += '/';
    at = slash + 1;
  }
  if (!name.tag.empty()) url += "@" + percent_encoded(name.tag);
  url += '?';
  if (name.digest) url += "digest=" + percent_encoded(name.digest->text(), ":") + "&";
  return url + "platform=" + percent_encoded(platform.text());
}

std::string write_statement(const Attestation& attestation, const Digest& manifest,
                            const std::vector<Reference>& names, const Platform& platform) {
  OrderedJson statement;
  statement["_type"] = statement_type;
  statement["predicateType"] = attestation.predicate_type;
  statement["subject"] = OrderedJson::array();
  const auto add = [&](const std::string& name) {
    OrderedJson subject;
    subject["name"] = name;
    subject["digest"]["sha256"] = manifest.hex();
    statement["subject"].push_back(std::move(subject));
  };
  for (const Reference& name : names) add(package_url(name, platform));
  if (names.empty()) add("_");  // in-toto asks for one at least
  if (!OrderedJson::accept(attestation.predicate)) {
    throw Error("the attestation " + quoted(attestation.predicate_type) + " is no JSON");
  }
  // As it was given, byte for byte, and not through a parser that would write its numbers anew.
  std::string text = statement.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
  text.back() = ',';
  return text + "\"predicate\":" + attestation.predicate + "}";
}

std::optional<Attestation> read_statement(std::string_view text) {
  // Never as a tree of values: what is written from one is no longer the bytes that came, about
  // which a signature may be.
  if (!is_modest_json(text, deepest_statement, most_values) || !Json::accept(text))
    return std::nullopt;
  const auto members = members_of(text);
  if (!members) return std::nullopt;
  const std::optional<std::string> type = text_of(*members, "_type");
  if (type != statement_type && type != statement_type_before) return std::nullopt;
  const std::optional<std::string> predicate_type = text_of(*members, "predicateType");
  const auto predicate = members->find("predicate");
  if (!predicate_type || predicate == members->end()) return std::nullopt;
  return Attestation{*predicate_type, std::string(predicate->second)};
}

Platform unknown_platform() {
  return {.os = "unknown", .architecture = "unknown", .variant = ""};
}

Manifest attestation_manifest(const BlobDescriptor& image, std::vector<BlobDescriptor> statements) {
  Manifest manifest;
  manifest.artifact_type = media_type::attestation_manifest;
  manifest.config = {.media_type = std::string(media_type::oci_empty),
                     .digest = sha256("{}"),
                     .size = 2,
                     .platform = {},
                     .annotations = {},
                     .data = "e30="};
  manifest.layers = std::move(statements);
  manifest.subject = BlobDescriptor{.media_type = image.media_type,
                                    .digest = image.digest,
                                    .size = image.size,
                                    .platform = {},
                                    .annotations = {}};
  return manifest;
}

BlobDescriptor attestation_entry(BlobDescriptor manifest, const Digest& image) {
  manifest.platform = unknown_platform();
  manifest.annotations = {{std::string(reference_digest_annotation), image.text()},
                          {std::string(reference_type_annotation), "attestation-manifest"}};
  return manifest;
}

}  // namespace slipway
