// Blobs that are put in pieces, into a registry that keeps them as an honest one does, and fails
// where a test wants it.
#include "../temporary_folder.hpp"
#include "client_fixture.hpp"

#include <algorithm>
#include <map>

using namespace slipway;

namespace {

// Uploads as the distribution specification has them.
struct UploadServer {
  struct Fault {
    int requests = 0;  // how many are still to fail
    std::string method;
    Reply reply = {};
    std::size_t keeps = 0;  // bytes that it takes before it fails
  };

  std::map<std::string, std::string> uploads;  // by name: what is there
  std::map<std::string, std::string> blobs;    // by digest
  Fault fault;
  std::size_t least = 0;    // OCI-Chunk-Min-Length
  bool keeps_half = false;  // of each piece, and says so
  bool silent = false;      // no Range and no Location after a piece
  int version = 0;          // a place is good until the next piece
  HttpServer server{[this](const Request& request) { return answer(request); }};

  Reply at(const std::string& name, int status) {
    Reply reply{.status = status};
    if (silent && status == 202 && !uploads[name].empty()) return reply;
    reply.headers.emplace_back("Location",
                               "/v2/app/blobs/uploads/" + name + "?v=" + std::to_string(version));
    const std::size_t size = uploads[name].size();
    reply.headers.emplace_back("Range", "0-" + std::to_string(size == 0 ? 0 : size - 1));
    if (least > 0) reply.headers.emplace_back("OCI-Chunk-Min-Length", std::to_string(least));
    return reply;
  }

  Reply answer(const Request& request) {
    const std::string start = "/v2/app/blobs/";
    REQUIRE(request.path.starts_with(start));
    std::string path = request.path.substr(start.size());
    if (request.method == "HEAD")
      return {.status = blobs.contains(path) ? 200 : 404, .body = blobs[path]};
    if (request.method == "POST") {
      if (fails(request, "")) return fault.reply;
      const std::string name = std::to_string(uploads.size() + 1);
      uploads[name];
      return at(name, 202);
    }
    path = path.substr(std::string("uploads/").size());
    const std::string name = path.substr(0, path.find('?'));
    if (!uploads.contains(name)) return {.status = 404};
    if (fails(request, name)) return fault.reply;
    if (request.method == "DELETE") {
      uploads.erase(name);
      return {.status = 204};
    }
    std::string& there = uploads[name];
    if (request.method == "PATCH") {
      const std::string range = value_of(request, "content-range");
      if (std::stoul(range) != there.size() ||
          std::stoul(range.substr(range.find('-') + 1)) + 1 != there.size() + request.body.size())
        return {.status = 416};
      CHECK(value_of(request, "content-type") == "application/octet-stream");
      there += keeps_half ? request.body.substr(0, (request.body.size() + 1) / 2) : request.body;
      ++version;
      return at(name, 202);
    }
    if (request.method == "GET") return at(name, 204);
    REQUIRE(request.method == "PUT");
    there += request.body;
    const std::string digest = "sha256:" + path.substr(path.find("sha256%3A") + 9);
    if (sha256(there).text() != digest)
      return {.status = 400, .body = R"({"errors":[{"code":"DIGEST_INVALID"}]})"};
    blobs[digest] = there;
    uploads.erase(name);
    return {.status = 201};
  }

  bool fails(const Request& request, const std::string& name) {
    if (fault.requests == 0 || request.method != fault.method) return false;
    --fault.requests;
    if (!name.empty()) uploads[name] += request.body.substr(0, fault.keeps);
    return true;
  }

  std::size_t count(const std::string& method) const {
    std::size_t count = 0;
    for (const Request& request : server.requests()) count += request.method == method ? 1 : 0;
    return count;
  }
};

struct Put {
  UploadServer registry;
  RegistryClient client{
      parse_reference(registry.server.address() + "/app"), {}, {}, little_patience};
  std::string bytes = sample_bytes(10'000);
  std::vector<std::string> places;
  std::uint64_t sent = 0;
  BlobUpload how{.sent = [this](std::uint64_t count) { sent = count; },
                 .moved = [this](const std::string& place) { places.push_back(place); },
                 .piece = 3000};

  void run() { client.put_blob(blob_of(bytes), bytes, how); }
  bool arrived() { return registry.blobs[sha256(bytes).text()] == bytes; }
};

}  // namespace

TEST_CASE("a large blob goes in pieces, each to where the one before it was answered to") {
  Put put;
  put.run();
  CHECK(put.arrived());
  CHECK(put.registry.count("PATCH") == 4);
  const auto requests = put.registry.server.requests();
  CHECK(value_of(requests.at(1), "content-range") == "0-2999");
  CHECK(value_of(requests.at(4), "content-range") == "9000-9999");
  CHECK(requests.at(4).path.ends_with("?v=3"));
  CHECK(requests.back().method == "PUT");
  CHECK(requests.back().body.empty());
  CHECK(put.places.size() == 6);  // each of them, and that there is none any more
  CHECK(put.places.back().empty());
  CHECK(put.registry.uploads.empty());
}

TEST_CASE("pieces come out of a file, from where its piece begins") {
  Put put;
  const TemporaryFolder folder;
  folder.write("file", "front" + put.bytes + "back");
  put.client.put_blob(blob_of(put.bytes),
                      FilePiece{.path = folder / "file", .offset = 5, .size = put.bytes.size()},
                      put.how);
  CHECK(put.arrived());
}

TEST_CASE("a small blob goes in one piece, and so does any where the registry takes no pieces") {
  Put put;
  put.how.piece = 10'000;
  put.run();
  CHECK(put.arrived());
  CHECK(put.registry.count("PATCH") == 0);

  for (const int status : {405, 404, 415, 501}) {
    CAPTURE(status);
    Put refused;
    refused.registry.fault = {.requests = 1000, .method = "PATCH", .reply = {.status = status}};
    refused.run();
    CHECK(refused.arrived());
    CHECK(refused.registry.count("PATCH") == 1);
    CHECK(refused.registry.uploads.empty());  // what was begun was ended
    // Once refused, never tried again.
    const std::string next = sample_bytes(20'000);
    refused.client.put_blob(blob_of(next), next, refused.how);
    CHECK(refused.registry.count("PATCH") == 1);
    CHECK((refused.registry.blobs[sha256(next).text()] == next));
  }
}

TEST_CASE("a registry's least size of a piece is kept") {
  Put put;
  put.registry.least = 4000;
  put.run();
  CHECK(put.arrived());
  CHECK(put.registry.count("PATCH") == 3);
  CHECK(value_of(put.registry.server.requests().at(1), "content-range") == "0-3999");
}

TEST_CASE("an upload that breaks goes on where the registry says it is") {
  Put put;
  SUBCASE("nothing of the piece was kept") {
    put.registry.fault = {.requests = 1, .method = "PATCH", .reply = {.dropped = true}};
  }
  SUBCASE("a part of it was") {
    put.registry.fault = {
        .requests = 1, .method = "PATCH", .reply = {.dropped = true}, .keeps = 1234};
  }
  SUBCASE("all of it was, and the answer lost") {
    put.registry.fault = {
        .requests = 1, .method = "PATCH", .reply = {.dropped = true}, .keeps = 3000};
  }
  SUBCASE("the registry failed") {
    put.registry.fault = {.requests = 2, .method = "PATCH", .reply = {.status = 503}, .keeps = 10};
  }
  SUBCASE("it asked for a pause") {
    put.registry.fault = {.requests = 1,
                          .method = "PATCH",
                          .reply = {.status = 429, .headers = {{"Retry-After", "0"}}}};
  }
  SUBCASE("it keeps half of each piece, and says so") {
    put.registry.keeps_half = true;
  }
  SUBCASE("it says nothing of what it keeps") {
    put.registry.silent = true;
  }
  put.run();
  CHECK(put.arrived());
  CHECK(put.registry.count("POST") == 1);
  CHECK(put.registry.uploads.empty());
}

TEST_CASE("an upload whose end is lost is looked for before it is sent again") {
  Put put;
  SUBCASE("in pieces") {}
  SUBCASE("in one") {
    put.how.piece = 10'000;
  }
  // The blob is there, the answer is not.
  put.registry.blobs[sha256(put.bytes).text()] = put.bytes;
  put.registry.fault = {.requests = 1, .method = "PUT", .reply = {.dropped = true}};
  put.run();
  CHECK(put.arrived());
  CHECK(put.registry.count("PUT") == 1);
}

TEST_CASE("another process goes on where an upload was left") {
  Put put;
  std::string kept;
  put.how.moved = [&](const std::string& place) { kept = place; };
  // Its requests fail from the third piece on.
  put.how.sent = [&](std::uint64_t sent) {
    if (sent >= 6000) throw Error("killed");
  };
  CHECK(message_of([&] { put.run(); }) == "killed");
  REQUIRE_FALSE(kept.empty());
  CHECK(kept.starts_with("http://" + put.registry.server.address() + "/v2/app/blobs/uploads/1"));

  RegistryClient next(parse_reference(put.registry.server.address() + "/app"), {}, {},
                      little_patience);
  std::uint64_t least = put.bytes.size();
  next.put_blob(blob_of(put.bytes), put.bytes,
                {.sent = [&](std::uint64_t sent) { least = std::min(least, sent); },
                 .location = kept,
                 .moved = [&](const std::string& place) { kept = place; },
                 .piece = 3000});
  CHECK(put.arrived());
  // The second piece may have been torn when its last bytes were told of.
  CHECK((least == 3000 || least == 6000));
  CHECK(kept.empty());
  CHECK(put.registry.count("POST") == 1);
}

TEST_CASE("a place that the registry has forgotten is no harm") {
  Put put;
  put.how.location = "http://" + put.registry.server.address() + "/v2/app/blobs/uploads/77";
  put.run();
  CHECK(put.arrived());
  CHECK(put.places.front().empty());  // it is told at once that the old one is good for nothing
  // Nor is one that has more than the blob, which is another blob's.
  Put other;
  other.registry.uploads["5"] = std::string(20'000, 'x');
  other.how.location = "http://" + other.registry.server.address() + "/v2/app/blobs/uploads/5";
  other.run();
  CHECK(other.arrived());
  // And one with other bytes is found out at the end, and the blob sent anew.
  Put third;
  third.registry.uploads["5"] = std::string(2'000, 'x');
  third.how.location = "http://" + third.registry.server.address() + "/v2/app/blobs/uploads/5";
  third.run();
  CHECK(third.arrived());
}

TEST_CASE("a registry that loses every upload is given up with one clear error") {
  Put put;
  put.registry.fault = {.requests = 1000, .method = "PUT", .reply = {.status = 404}};
  CHECK(message_of([&] { put.run(); }) ==
        "registry \"" + put.registry.server.address() + "\" loses the upload of the blob " +
            sha256(put.bytes).text() + " again and again");
  CHECK(put.registry.count("POST") == 8);
}

TEST_CASE("an upload that was begun because a blob could not be mounted is the one that is used") {
  Put put;
  put.how.piece = 10'000;
  CHECK_FALSE(put.client.mount_blob(sha256(put.bytes), "elsewhere"));
  CHECK(put.registry.count("POST") == 1);
  SUBCASE("for the blob") {
    put.run();
    CHECK(put.arrived());
    CHECK(put.registry.count("POST") == 1);
  }
  SUBCASE("or ended, when another one is begun for it") {
    CHECK_FALSE(put.client.mount_blob(sha256(put.bytes), "and/elsewhere"));
    CHECK(put.registry.count("DELETE") == 1);
    CHECK(put.registry.uploads.size() == 1);
  }
}

TEST_CASE("a push that may not write says so, in pieces too") {
  Put put;
  put.registry.fault = {.requests = 1000, .method = "PATCH", .reply = {.status = 403}};
  CHECK(message_of([&] { put.run(); }) ==
        "registry \"" + put.registry.server.address() + "\" denies writing to \"app\"");
}
