// Blobs that arrive over connections that break, from servers that take ranges, and from those that
// do not, or lie about them.
#include "client_fixture.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

using namespace slipway;

namespace {

// A blob, served from where a Range says; every answer ends after `most` bytes of its body.
struct BlobServer {
  explicit BlobServer(std::string content) : bytes(std::move(content)) {}

  std::string bytes;
  std::size_t most = std::string::npos;
  bool takes_ranges = true;
  HttpServer server{[this](const Request& request) { return answer(request); }};

  Reply answer(const Request& request) const {
    const std::string range = value_of(request, "range");
    std::size_t from = 0;
    Reply reply;
    if (takes_ranges && range.starts_with("bytes=")) {
      from = std::stoul(range.substr(6));
      reply.status = 206;
      reply.headers.emplace_back("Content-Range", "bytes " + std::to_string(from) + "-" +
                                                      std::to_string(bytes.size() - 1) + "/" +
                                                      std::to_string(bytes.size()));
    }
    const std::string body = bytes.substr(from);
    reply.body = body.substr(0, most);
    reply.claimed_extra = body.size() - reply.body.size();
    return reply;
  }
  RegistryClient client() const {
    return RegistryClient(parse_reference(server.address() + "/app"), {}, {}, little_patience);
  }
};

}  // namespace

TEST_CASE("a download that breaks goes on where it broke, wherever that was") {
  const std::string bytes = sample_bytes(10'000);
  for (std::size_t most = 1024; most < bytes.size(); most += 1024) {
    CAPTURE(most);
    BlobServer blob(bytes);
    blob.most = most;
    RegistryClient client = blob.client();
    Collected got;
    client.blob(blob_of(bytes), got.sink);
    CHECK((got.bytes == bytes));
    const auto requests = blob.server.requests();
    CHECK(requests.size() == (bytes.size() + most - 1) / most);
    CHECK(value_of(requests.front(), "range") == "");
    CHECK(value_of(requests.at(1), "range") == "bytes=" + std::to_string(most) + "-");
  }
}

TEST_CASE("a download begins where the caller has it already") {
  const std::string bytes = sample_bytes(5000);
  BlobServer blob(bytes);
  RegistryClient client = blob.client();
  Collected got;
  SUBCASE("with a server that takes ranges") {
    client.blob(blob_of(bytes), got.sink, 3000);
    CHECK((got.bytes == bytes.substr(3000)));
    CHECK(value_of(blob.server.requests().front(), "range") == "bytes=3000-");
  }
  SUBCASE("with one that gives all") {
    blob.takes_ranges = false;
    client.blob(blob_of(bytes), got.sink, 3000);
    CHECK((got.bytes == bytes.substr(3000)));
  }
  SUBCASE("with one that breaks off on the way as well") {
    blob.most = 700;
    client.blob(blob_of(bytes), got.sink, 3000);
    CHECK((got.bytes == bytes.substr(3000)));
  }
  SUBCASE("at its end, where there is nothing to ask for") {
    client.blob(blob_of(bytes), got.sink, 5000);
    CHECK(got.bytes.empty());
    CHECK(blob.server.requests().empty());
  }
}

TEST_CASE(
    "a server that gives all when a part is asked for is read from the front, and no byte twice") {
  const std::string bytes = sample_bytes(4000);
  int answers = 0;
  const HttpServer server([&](const Request&) -> Reply {
    if (++answers == 1)
      return {.body = bytes.substr(0, 1500), .claimed_extra = bytes.size() - 1500};
    if (answers == 2) return {.body = bytes.substr(0, 2500), .claimed_extra = bytes.size() - 2500};
    return {.body = bytes};
  });
  RegistryClient client(parse_reference(server.address() + "/app"), {}, {}, little_patience);
  Collected got;
  client.blob(blob_of(bytes), got.sink);
  CHECK((got.bytes == bytes));
  CHECK(server.requests().size() == 3);
}

TEST_CASE("a server that refuses the part is asked for the whole") {
  const std::string bytes = sample_bytes(4000);
  const HttpServer server([&](const Request& request) -> Reply {
    if (!value_of(request, "range").empty()) return {.status = 416};
    return {.body = bytes};
  });
  RegistryClient client(parse_reference(server.address() + "/app"), {}, {}, little_patience);
  Collected got;
  client.blob(blob_of(bytes), got.sink, 1000);
  CHECK((got.bytes == bytes.substr(1000)));
  CHECK(server.requests().size() == 2);
}

TEST_CASE("a part that ends early, as it may, is asked for again from there") {
  const std::string bytes = sample_bytes(4000);
  const HttpServer server([&](const Request& request) -> Reply {
    const std::size_t from = std::stoul(value_of(request, "range").substr(6));
    const std::size_t last = std::min(from + 999, bytes.size() - 1);
    return {.status = 206,
            .headers = {{"Content-Range",
                         "bytes " + std::to_string(from) + "-" + std::to_string(last) + "/4000"}},
            .body = bytes.substr(from, last - from + 1)};
  });
  RegistryClient client(parse_reference(server.address() + "/app"), {}, {}, little_patience);
  Collected got;
  client.blob(blob_of(bytes), got.sink, 1);
  CHECK((got.bytes == bytes.substr(1)));
  CHECK(server.requests().size() == 4);
}

TEST_CASE("who lies about the bytes is refused before one of them is taken") {
  const std::string bytes = sample_bytes(4000);
  Reply reply;
  const HttpServer server([&](const Request&) { return reply; });
  const std::string who = "registry \"" + server.address() + "\" ";
  RegistryClient client(parse_reference(server.address() + "/app"), {}, {}, little_patience);
  Collected got;
  const auto message = [&](std::uint64_t from) {
    return message_of([&] { client.blob(blob_of(bytes), got.sink, from); });
  };
  const auto part = [&](const std::string& range) {
    reply = {.status = 206, .headers = {{"Content-Range", range}}, .body = bytes.substr(1000)};
    return message(1000);
  };
  const std::string name = " the blob " + sha256(bytes).text() + " ";
  CHECK(part("bytes 999-3999/4000") ==
        who + "gives another part of" + name +
            "than asked for: \"bytes 999-3999/4000\" instead of the bytes from 1000 on");
  CHECK(part("nonsense").starts_with(who + "gives another part of"));
  CHECK(part("bytes */4000").starts_with(who + "gives another part of"));
  CHECK(part("bytes 1000-3999/4001") ==
        who + "gives more bytes for" + name + "than the 4000 its manifest names");
  CHECK(part("bytes 1000-3999/") != "no error");
  // A length that is not the blob's.
  reply = {.body = bytes + "x"};
  CHECK(message(0).starts_with(who + "gives more bytes"));
  reply = {.body = bytes.substr(1)};
  CHECK(message(0).starts_with(who + "gives fewer bytes"));
  reply = {.body = bytes, .claimed_extra = 1};
  CHECK(message(0).starts_with(who + "gives more bytes"));
  CHECK(got.bytes.empty());
  // Without a length there is the end of the connection, which comes too late here.
  reply = {.stream = [&](const auto& send) { send(bytes + "x"); }};
  CHECK(message(0).starts_with(who + "gives more bytes"));
  CHECK(got.bytes.size() <= bytes.size());
}

TEST_CASE(
    "a server that breaks off every answer at the same place is given up with one clear error") {
  const std::string bytes = sample_bytes(4000);
  const HttpServer server([&](const Request&) -> Reply {
    return {.body = bytes.substr(0, 100), .claimed_extra = bytes.size() - 100};
  });
  RegistryClient client(parse_reference(server.address() + "/app"), {}, {}, little_patience);
  Collected got;
  CHECK(message_of([&] {
          client.blob(blob_of(bytes), got.sink);
        }).starts_with("registry \"" + server.address() + "\" broke off its answer: "));
  CHECK((got.bytes == bytes.substr(0, 100)));
  CHECK(server.requests().size() > 1);
}

TEST_CASE("a server that falls silent in the middle is asked again for the rest") {
  const std::string bytes = sample_bytes(4000);
  std::atomic<bool> ending = false;
  const HttpServer server([&](const Request& request) -> Reply {
    if (value_of(request, "range") == "bytes=1500-")
      return {.status = 206,
              .headers = {{"Content-Range", "bytes 1500-3999/4000"}},
              .body = bytes.substr(1500)};
    return {.stream = [&](const auto& send) {
      send(bytes.substr(0, 1500));
      while (!ending) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }};
  });
  RegistryClient client(
      parse_reference(server.address() + "/app"), {}, {},
      {.first_byte = std::chrono::seconds(30), .whole = std::chrono::milliseconds(300)});
  Collected got;
  client.blob(blob_of(bytes), got.sink);
  CHECK((got.bytes == bytes));
  ending = true;
}

TEST_CASE("bytes that come in another order are not the blob") {
  const std::string bytes = sample_bytes(4000);
  const HttpServer server([&](const Request&) -> Reply {
    return {.body = bytes.substr(2000) + bytes.substr(0, 2000)};
  });
  RegistryClient client(parse_reference(server.address() + "/app"), {}, {}, little_patience);
  CHECK(message_of([&] { client.small_blob(blob_of(bytes), 1 << 20); }) ==
        "registry \"" + server.address() + "\" gives other bytes for the blob " +
            sha256(bytes).text());
}

TEST_CASE("what the one who keeps the bytes throws is not tried again") {
  const std::string bytes = sample_bytes(4000);
  const HttpServer server([&](const Request&) -> Reply { return {.body = bytes}; });
  RegistryClient client(parse_reference(server.address() + "/app"), {}, {}, little_patience);
  const ByteSink full = [](std::span<const std::byte>) {
    throw ConnectionError(Error("the other end is gone"), true);
  };
  CHECK(message_of([&] { client.blob(blob_of(bytes), full); }) == "the other end is gone");
  CHECK(server.requests().size() == 1);
}

TEST_CASE("each part is asked of the registry anew, because the storage's address may expire") {
  const std::string bytes = sample_bytes(3000);
  std::string storage_address;
  int visits = 0;
  const HttpServer storage([&](const Request& request) -> Reply {
    // An address is good for one request.
    if (request.path != "/signed/" + std::to_string(visits)) return {.status = 403};
    const std::string range = value_of(request, "range");
    const std::size_t from = range.empty() ? 0 : std::stoul(range.substr(6));
    Reply reply{.status = range.empty() ? 200 : 206, .body = bytes.substr(from, 1000)};
    if (!range.empty())
      reply.headers.emplace_back("Content-Range", "bytes " + std::to_string(from) + "-2999/3000");
    reply.claimed_extra = bytes.size() - from - reply.body.size();
    CHECK(value_of(request, "authorization") == "");
    return reply;
  });
  const HttpServer registry([&](const Request& request) -> Reply {
    if (value_of(request, "authorization").empty())
      return {.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"x\""}}};
    return {.status = 307,
            .headers = {{"Location",
                         "http://" + storage.address() + "/signed/" + std::to_string(++visits)}}};
  });
  RegistryClient client(parse_reference(registry.address() + "/app"),
                        {.user = "user", .password = "secret", .identity_token = {}}, {},
                        little_patience);
  Collected got;
  client.blob(blob_of(bytes), got.sink);
  CHECK((got.bytes == bytes));
  CHECK(visits == 3);
}
