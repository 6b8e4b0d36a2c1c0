#include <cache/archive/attestation.hpp>

#include <ir/error.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace slipway {
namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr std::string_view statement_type = "https://in-toto.io/Statement/v1";
constexpr std::string_view statement_type_before = "https://in-toto.io/Statement/v0.1";

// All but what RFC 3986 calls unreserved, and ':' where `colon` says so.
std::string percent_encoded(std::string_view text, bool colon) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~' || (colon && c == ':');
    if (plain) {
      encoded += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded += '%';
    encoded += digits[byte >> 4];
    encoded += digits[byte & 15];
  }
  return encoded;
}

}  // namespace

std::string package_url(const Reference& name, const Platform& platform) {
  Reference bare = name;
  bare.tag.clear();
  bare.digest.reset();
  const std::string path = bare.familiar();
  std::string url = "pkg:docker/";
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t slash = std::min(path.find('/', at), path.size());
    url += percent_encoded(std::string_view(path).substr(at, slash - at), false);
    if (slash < path.size()) url += '/';
    at = slash + 1;
  }
  if (!name.tag.empty()) url += "@" + percent_encoded(name.tag, false);
  url += '?';
  if (name.digest) url += "digest=" + percent_encoded(name.digest->text(), true) + "&";
  return url + "platform=" + percent_encoded(platform.text(), false);
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
  // In its order, so that it goes on as it came.
  const OrderedJson json = OrderedJson::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return std::nullopt;
  const auto type = json.find("_type");
  if (type == json.end() || (*type != statement_type && *type != statement_type_before)) {
    return std::nullopt;
  }
  const auto predicate_type = json.find("predicateType");
  const auto predicate = json.find("predicate");
  if (predicate_type == json.end() || !predicate_type->is_string() || predicate == json.end()) {
    return std::nullopt;
  }
  return Attestation{predicate_type->get<std::string>(),
                     predicate->dump(-1, ' ', false, OrderedJson::error_handler_t::replace)};
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
