// What a repository has to offer: its tags, what refers to a manifest, and the manifest's own
// arrival.
#include <cache/json_bounds.hpp>
#include <cache/registry/client.hpp>
#include <cache/registry/link.hpp>
#include <cache/registry/pages.hpp>
#include <ir/error.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace slipway {
namespace {

using Json = nlohmann::json;

constexpr std::size_t most_tags = 100'000;
constexpr std::size_t longest_tag = 128;  // distribution-spec, "Pulling manifests"
constexpr std::size_t most_referrers = 10'000;
constexpr std::size_t most_bytes_of_referrers = std::size_t{64} << 20;

std::string text_at(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// The tag that stands for the list where the registry keeps none (distribution-spec, "Referrers Tag
// Schema").
std::string referrers_tag(const Digest& digest) {
  return "sha256-" + digest.hex();
}

// Nothing for what is no descriptor of a manifest.
std::optional<Referrer> read_referrer(const Json& json) {
  if (!json.is_object()) return std::nullopt;
  const auto digest = Digest::parse(text_at(json, "digest"));
  const auto size = json.find("size");
  if (!digest || size == json.end() || !size->is_number_unsigned()) return std::nullopt;
  Referrer referrer;
  referrer.manifest.media_type = text_at(json, "mediaType");
  referrer.manifest.digest = *digest;
  referrer.manifest.size = size->get<std::uint64_t>();
  referrer.artifact_type = text_at(json, "artifactType");
  if (const auto found = json.find("annotations"); found != json.end() && found->is_object())
    for (const auto& [key, value] : found->items())
      if (value.is_string()) referrer.manifest.annotations[key] = value.get<std::string>();
  return referrer;
}

// Nothing for what is no index. Entries that cannot be read are left out.
std::optional<std::vector<Referrer>> read_index(const std::string& text) {
  if (!is_modest_json(text, 16, 1'000'000)) return std::nullopt;
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  const auto manifests = json.find("manifests");
  if (manifests == json.end() || !manifests->is_array()) return std::nullopt;
  std::vector<Referrer> referrers;
  for (const Json& entry : *manifests)
    if (auto referrer = read_referrer(entry)) referrers.push_back(std::move(*referrer));
  return referrers;
}

// The type of what refers: its own word, else its config's (image-spec, "artifactType").
std::string artifact_type_of(const Json& manifest) {
  if (std::string type = text_at(manifest, "artifactType"); !type.empty()) return type;
  const auto config = manifest.find("config");
  return config != manifest.end() && config->is_object() ? text_at(*config, "mediaType")
                                                         : std::string();
}

}  // namespace

std::vector<std::string> RegistryClient::tags() {
  std::vector<std::string> tags;
  const RequestPurpose purpose{.what = "repository " + quoted(registry_.repository()),
                               .brief = true};
  read_pages(registry_, registry_.base() + "tags/list?n=1000", purpose,
             [&](const HttpResponse& page) {
               const Json json = is_modest_json(page.body, 8, 1'000'000)
                                     ? Json::parse(page.body, nullptr, false)
                                     : Json();
               const auto found = json.is_object() ? json.find("tags") : json.end();
               // null where all tags are gone
               if (found != json.end() && found->is_null()) return true;
               if (found == json.end() || !found->is_array())
                 throw Error(registry_.name() + " gives no list of tags for " +
                             quoted(registry_.repository()));
               for (const Json& tag : *found)
                 if (tag.is_string() && tag.get_ref<const std::string&>().size() <= longest_tag)
                   tags.push_back(tag.get<std::string>());
               if (tags.size() > most_tags)
                 throw Error(registry_.name() + " has more than " + std::to_string(most_tags) +
                             " tags for " + quoted(registry_.repository()));
               return true;
             });
  return tags;
}

std::optional<std::vector<Referrer>> RegistryClient::listed_referrers(
    const Digest& digest, const std::string& artifact_type) {
  std::vector<Referrer> referrers;
  std::size_t bytes = 0;
  bool listed = true;
  std::string url = registry_.base() + "referrers/" + digest.text();
  if (!artifact_type.empty()) url += "?artifactType=" + url_encode(artifact_type);
  read_pages(
      registry_, url,
      {.what = "list of what refers to " + digest.text(), .may_be_absent = true, .brief = true},
      [&](const HttpResponse& page) {
        bytes += page.body.size();
        if (bytes > most_bytes_of_referrers)
          throw Error(registry_.name() + " has a list of the referrers of " + digest.text() +
                      " that is longer than " + std::to_string(most_bytes_of_referrers) + " bytes");
        // Registries without such lists answer 404, and some with what is none.
        auto read = page.status == 404 ? std::nullopt : read_index(page.body);
        if (!read) return listed = false;
        referrers.insert(referrers.end(), std::make_move_iterator(read->begin()),
                         std::make_move_iterator(read->end()));
        if (referrers.size() > most_referrers)
          throw Error(registry_.name() + " has more than " + std::to_string(most_referrers) +
                      " referrers of " + digest.text());
        return true;
      });
  if (!listed) return std::nullopt;
  return referrers;
}

std::vector<Referrer> RegistryClient::referrers(const Digest& digest,
                                                const std::string& artifact_type) {
  auto found = listed_referrers(digest, artifact_type);
  if (!found) {
    const auto document = find_manifest(referrers_tag(digest));
    if (document) found = read_index(document->bytes);
    if (!found) return {};
  }
  // The registry need not choose, and says in OCI-Filters-Applied whether it did: here it is done
  // in any case.
  if (!artifact_type.empty())
    std::erase_if(
        *found, [&](const Referrer& referrer) { return referrer.artifact_type != artifact_type; });
  return std::move(*found);
}

void RegistryClient::put_manifest(const std::string& name, const std::string& media_type,
                                  const std::string& bytes) {
  const RequestPurpose purpose{
      .what = "manifest " + quoted(name), .push = true, .may_collide = true};
  const HttpResponse response = registry_.ask({.url = registry_.base() + "manifests/" + name,
                                               .headers = {{"Content-Type", media_type}},
                                               .upload = HttpUpload{.body = bytes}},
                                              purpose);
  const std::string kept = response.header("docker-content-digest");
  if (!kept.empty() && kept != sha256(bytes).text()) {
    throw Error(registry_.name() + " keeps another manifest than it was given: " + quoted(kept) +
                " instead of " + sha256(bytes).text());
  }
  // It says so where it keeps a list of what refers to the subject.
  if (!response.header("oci-subject").empty()) return;
  const Json json = Json::parse(bytes, nullptr, false);
  if (!json.is_object()) return;
  const auto subject = json.find("subject");
  if (subject == json.end() || !subject->is_object()) return;
  if (const auto digest = Digest::parse(text_at(*subject, "digest")))
    add_referrer(*digest, media_type, bytes);
}

// Two clients that do so at once may lose one of the entries, as the specification says: the tag is
// read, changed and written, and registries have no way to hold it meanwhile.
void RegistryClient::add_referrer(const Digest& subject, const std::string& media_type,
                                  const std::string& bytes) {
  const Json manifest = Json::parse(bytes);
  Json entry = {
      {"mediaType", media_type}, {"digest", sha256(bytes).text()}, {"size", bytes.size()}};
  if (const std::string type = artifact_type_of(manifest); !type.empty())
    entry["artifactType"] = type;
  if (const auto found = manifest.find("annotations");
      found != manifest.end() && found->is_object())
    entry["annotations"] = *found;

  Json index = {
      {"schemaVersion", 2}, {"mediaType", media_type::oci_index}, {"manifests", Json::array()}};
  if (const auto there = find_manifest(referrers_tag(subject))) {
    // Whatever else stands there stays.
    Json old = is_modest_json(there->bytes, 16, 1'000'000)
                   ? Json::parse(there->bytes, nullptr, false)
                   : Json();
    const auto list = old.is_object() ? old.find("manifests") : old.end();
    if (list == old.end() || !list->is_array())
      throw Error(registry_.name() + " has something else than a list for its tag " +
                  quoted(referrers_tag(subject)));
    index = std::move(old);
    // One that refers to something itself would be put into another list, and so on without end.
    index.erase("subject");
  }
  Json& list = index["manifests"];
  const bool present = std::any_of(list.begin(), list.end(), [&](const Json& other) {
    return other.is_object() && text_at(other, "digest") == text_at(entry, "digest");
  });
  if (present) return;
  list.push_back(std::move(entry));
  const std::string text = index.dump();
  if (text.size() > max_manifest_size)
    throw Error("the list of what refers to " + subject.text() + " is larger than " +
                std::to_string(max_manifest_size) + " bytes");
  put_manifest(referrers_tag(subject), std::string(media_type::oci_index), text);
}

}  // namespace slipway
