#include <cache/registry/client.hpp>

#include <cache/registry/blob_read.hpp>
#include <cache/registry/registries.hpp>
#include <ir/error.hpp>

#include <algorithm>
#include <utility>

namespace slipway {
namespace {

constexpr std::string_view accepted_manifests =
    "application/vnd.oci.image.index.v1+json, "
    "application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.docker.distribution.manifest.v2+json";

// "application/json; charset=utf-8" without what follows the type.
std::string bare_type(std::string type) {
  type.resize(std::min(type.find(';'), type.size()));
  while (!type.empty() && type.back() == ' ') type.pop_back();
  return type;
}

// What the mirrors said stands below what the registry said in the end.
class Troubles {
 public:
  void add(const RegistryEndpoint& endpoint, const Error& error) {
    text_ += (text_.empty() ? "" : "\n") + endpoint.name() + ": " + error.what();
  }
  void tell(Error& error) const {
    if (!text_.empty()) error.detail(text_);
  }

 private:
  std::string text_;
};

}  // namespace

RegistryClient::RegistryClient(const Reference& name, Credentials credentials,
                               std::function<bool()> cancelled, HttpLimits limits)
    : RegistryClient(name, std::move(credentials), std::move(cancelled), limits,
                     std::make_shared<const Registries>(Registries::load())) {}

RegistryClient::RegistryClient(const Reference& name, Credentials credentials,
                               std::function<bool()> cancelled, HttpLimits limits,
                               std::shared_ptr<const Registries> registries)
    : registry_({.domain = name.domain,
                 .place = place_of(name.domain),
                 .repository = name.repository,
                 .credentials = std::move(credentials),
                 .registries = registries,
                 .cancelled = cancelled,
                 .limits = limits}) {
  for (const RegistryPlace& place : registries->settings(name.domain).mirrors) {
    // The login that is for the mirror, if there is one; never that of the registry.
    mirrors_.push_back(std::make_unique<RegistryEndpoint>(
        RegistryEndpoint::Setting{.domain = place.host,
                                  .place = place,
                                  .repository = place.prefix + name.repository,
                                  .credentials = find_credentials(place.host),
                                  .registries = registries,
                                  .cancelled = cancelled,
                                  .limits = limits,
                                  .mirror = true}));
  }
}

template <class Ask>
auto RegistryClient::from_any(const Ask& ask, const std::function<bool()>& final_failure) {
  Troubles troubles;
  for (const auto& mirror : mirrors_) {
    if (mirror->given_up()) continue;
    try {
      if (auto found = ask(*mirror)) return found;
    } catch (const Error& error) {
      if (mirror->cancelled() || (final_failure && final_failure())) throw;
      if (dynamic_cast<const ConnectionError*>(&error) != nullptr) mirror->give_up();
      troubles.add(*mirror, error);
    }
  }
  try {
    return ask(registry_);
  } catch (Error& error) {
    troubles.tell(error);
    throw;
  }
}

std::optional<RegistryClient::Document> RegistryClient::document(RegistryEndpoint& endpoint,
                                                                 const std::string& name,
                                                                 const RequestPurpose& purpose) {
  HttpRequest asked{.url = endpoint.base() + "manifests/" + name};
  asked.headers.emplace_back("Accept", accepted_manifests);
  HttpResponse response = endpoint.ask(std::move(asked), purpose);
  if (response.status == 404) return std::nullopt;
  if (response.body.size() > max_manifest_size) {
    throw Error("the manifest of " + purpose.what + " is larger than " +
                std::to_string(max_manifest_size) + " bytes");
  }
  Document document{.media_type = bare_type(response.header("content-type")),
                    .bytes = std::move(response.body),
                    .digest = {}};
  document.digest = sha256(document.bytes);
  // What the registry takes it for; digests of other kinds are allowed.
  const auto named = Digest::parse(response.header("docker-content-digest"));
  if (named && *named != document.digest) {
    throw Error(endpoint.name() + " gives other bytes for the manifest of " + purpose.what +
                " than it names: " + document.digest.text() + " instead of " + named->text());
  }
  return document;
}

RegistryClient::Document RegistryClient::manifest(const Reference& name) {
  const std::string what = "image " + quoted(name.familiar());
  return from_any([&](RegistryEndpoint& endpoint) {
           auto found = document(endpoint, name.digest ? name.digest->text() : name.tag,
                                 {.what = what, .may_be_absent = endpoint.is_mirror()});
           if (found && name.digest && found->digest != *name.digest) {
             throw Error(endpoint.name() + " gives another manifest than asked for: " +
                         found->digest.text() + " instead of " + name.digest->text());
           }
           return found;
         })
      .value();
}

RegistryClient::Document RegistryClient::manifest(const BlobDescriptor& expected) {
  const std::string what = "manifest " + expected.digest.text();
  Document found =
      from_any([&](RegistryEndpoint& endpoint) {
        auto given = document(endpoint, expected.digest.text(),
                              {.what = what, .may_be_absent = endpoint.is_mirror()});
        if (given && (given->digest != expected.digest || given->bytes.size() != expected.size)) {
          throw Error(endpoint.name() + " gives another manifest than its index names: " +
                      given->digest.text() + " instead of " + expected.digest.text());
        }
        return given;
      }).value();
  // The index is what was chosen from, so its word counts.
  if (!expected.media_type.empty()) found.media_type = expected.media_type;
  return found;
}

std::optional<RegistryClient::Document> RegistryClient::find_manifest(const std::string& tag) {
  return document(registry_, tag,
                  {.what = "tag " + quoted(tag), .may_be_absent = true, .brief = true});
}

std::string RegistryClient::small_blob(const BlobDescriptor& expected, std::uint64_t limit) {
  if (expected.size > limit) {
    throw Error("the blob " + expected.digest.text() +
                " is too large for what it is: " + std::to_string(expected.size) + " bytes");
  }
  const auto found = from_any([&](RegistryEndpoint& endpoint) {
    std::optional<std::string> bytes(std::in_place);
    const ByteSink sink = [&](std::span<const std::byte> piece) {
      bytes->append(reinterpret_cast<const char*>(piece.data()), piece.size());
    };
    if (!BlobRead(expected, sink, 0).from(endpoint)) return std::optional<std::string>();
    if (sha256(*bytes) != expected.digest) {
      throw Error(endpoint.name() + " gives other bytes for the blob " + expected.digest.text());
    }
    return bytes;
  });
  if (!found) throw no_blob(expected);
  return *found;
}

Error RegistryClient::no_blob(const BlobDescriptor& expected) const {
  return Error(registry_.name() + " has no blob " + expected.digest.text())
      .hint("check the name and the tag");
}

void RegistryClient::blob(const BlobDescriptor& expected, const ByteSink& sink,
                          std::uint64_t from) {
  if (!find_blob(expected, sink, from)) throw no_blob(expected);
}

bool RegistryClient::find_blob(const BlobDescriptor& expected, const ByteSink& sink,
                               std::uint64_t from) {
  BlobRead read(expected, sink, from);
  return from_any([&](RegistryEndpoint& endpoint) { return read.from(endpoint); },
                  [&] { return read.sink_failed(); });
}

bool RegistryClient::asks_mirrors() const {
  return std::any_of(mirrors_.begin(), mirrors_.end(),
                     [](const auto& mirror) { return !mirror->given_up(); });
}

void RegistryClient::give_up_mirrors() {
  for (const auto& mirror : mirrors_) mirror->give_up();
}

bool RegistryClient::has_blob(const BlobDescriptor& expected) {
  const HttpResponse response = registry_.ask(
      {.url = registry_.base() + "blobs/" + expected.digest.text(), .head = true},
      {.what = "blob " + expected.digest.text(), .may_be_absent = true, .brief = true});
  if (response.status == 404) return false;
  const std::string length = response.header("content-length");
  return length.empty() || length == std::to_string(expected.size);
}

}  // namespace slipway
