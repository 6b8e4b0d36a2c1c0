// What is put into a repository: blobs, and the manifests that refer to them.
#include <cache/registry/client.hpp>
#include <ir/error.hpp>

#include <algorithm>
#include <utility>

namespace slipway {

bool RegistryClient::has_blob(const BlobDescriptor& expected) {
  const HttpResponse response =
      request({.url = base_ + "blobs/" + expected.digest.text(), .head = true},
              {.what = "blob " + expected.digest.text(), .may_be_absent = true, .brief = true});
  if (response.status == 404) return false;
  const std::string length = response.header("content-length");
  return length.empty() || length == std::to_string(expected.size);
}

// First a place to send it to, then all of it in one request: registries that are served by many
// machines keep what comes in pieces in order with difficulty, and some take no pieces at all. An
// upload that does not end is the registry's to drop; most wait a week.
void RegistryClient::put_blob(const BlobDescriptor& blob,
                              std::variant<std::string, FilePiece> bytes) {
  const Purpose purpose{.what = "blob " + blob.digest.text(), .push = true, .may_collide = true};
  HttpRequest sent{.headers = {{"Content-Type", "application/octet-stream"}},
                   .upload = HttpUpload{.body = std::move(bytes)}};
  insist(purpose, [&] {
    const HttpResponse begun = request(
        {.url = base_ + "blobs/uploads/", .upload = HttpUpload{.method = "POST", .body = {}}},
        {.what = "repository " + quoted(repository_),
         .push = true,
         .brief = true,
         .may_collide = true});
    if (begun.status >= 400) return begun;
    std::string place =
        HttpClient::resolve(begun.url, begun.header("location"), "registry " + quoted(domain_));
    place.resize(std::min(place.find('#'), place.size()));
    place += place.find('?') == std::string::npos ? "?digest=" : "&digest=";
    sent.url = place + url_encode(blob.digest.text());
    return request(sent, purpose);
  });
}

void RegistryClient::put_manifest(const std::string& name, const std::string& media_type,
                                  const std::string& bytes) {
  const Purpose purpose{.what = "manifest " + quoted(name), .push = true, .may_collide = true};
  const HttpRequest sent{.url = base_ + "manifests/" + name,
                         .headers = {{"Content-Type", media_type}},
                         .upload = HttpUpload{.body = bytes}};
  const HttpResponse response = insist(purpose, [&] { return request(sent, purpose); });
  const std::string kept = response.header("docker-content-digest");
  if (kept.empty() || kept == sha256(bytes).text()) return;
  throw Error("registry " + quoted(domain_) + " keeps another manifest than it was given: " +
              quoted(kept) + " instead of " + sha256(bytes).text());
}

}  // namespace slipway
