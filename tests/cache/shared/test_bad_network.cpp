// Every remote cache with a bad network, or a bad server, before its real one.
#include "../programs.hpp"
#include "../registry/docker_registry.hpp"
#include "faulty_proxy.hpp"
#include "same_maps.hpp"
#include "server_process.hpp"

#include <chrono>
#include <functional>

using namespace slipway;
using Fault = FaultyProxy::Fault;
using std::chrono::milliseconds;

namespace {

using OpenPatiently = std::function<std::unique_ptr<CacheTransport>(milliseconds patience)>;

// What of an action is not an Error; "failed" where it is one.
std::string outcome(const std::function<std::string()>& action) {
  std::string result;
  return failure_of([&] { result = action(); }) == "no error" ? result : "failed";
}

// What is read under a fault is right, or it is an Error; what is written is whole, or not there.
void check_faults(FaultyProxy& proxy, const OpenPatiently& open) {
  const std::string blob(150'000, 'b'), record = "the record" + std::string(20'000, 'r');
  const auto patient = open(std::chrono::seconds(60));
  put_bytes(*patient, blob);
  patient->put_record(sha256("key"), record, {shared_blob(blob)});

  struct Case {
    Fault fault;
    std::size_t after = 0;
  };
  int number = 0;
  for (const auto& [fault, after] :
       {Case{Fault::drop}, Case{Fault::error}, Case{Fault::stall}, Case{Fault::corrupt},
        Case{Fault::cut, 0}, Case{Fault::cut, 20}, Case{Fault::cut, 300}, Case{Fault::cut, 5000},
        Case{Fault::cut, 100'000}}) {
    CAPTURE(static_cast<int>(fault));
    CAPTURE(after);
    const std::string other = "blob " + std::to_string(++number) + std::string(100'000, 'o');
    const Digest other_key = sha256(std::to_string(number));
    const auto read_record = [&](CacheTransport& cache, const Digest& key) {
      return outcome([&] { return cache.record(key).value_or("(none)"); });
    };
    const auto read_blob = [&](CacheTransport& cache, const std::string& bytes) {
      return outcome([&] { return bytes_of(cache, shared_blob(bytes)); });
    };

    const auto cache = open(milliseconds(300));
    proxy.fail(fault, after);
    const auto start = std::chrono::steady_clock::now();
    const std::string record_read = read_record(*cache, sha256("key"));
    const std::string blob_read = read_blob(*cache, blob);
    const std::string seen =
        outcome([&] { return cache->has_blob(shared_blob(blob)) ? "yes" : "no"; });
    const std::string blob_put = outcome([&] {
      put_bytes(*cache, other);
      return "put";
    });
    const std::string record_put = outcome([&] {
      cache->put_record(other_key, record, {shared_blob(blob)});
      return "put";
    });
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(30));
    proxy.fail(Fault::none);

    if (fault == Fault::corrupt) {
      // Whose bytes are whose is the asker's to see; here they are at least as many.
      if (blob_read != "failed") CHECK(blob_read.size() == blob.size());
      CHECK((record_read != record));
    } else {
      CHECK((record_read == "failed" || record_read == record));
      CHECK((blob_read == "failed" || blob_read == blob));
      CHECK((seen == "failed" || seen == "yes"));
    }
    if (fault == Fault::drop || fault == Fault::error || fault == Fault::stall || after == 20) {
      CHECK(record_read == "failed");
      CHECK(blob_read == "failed");
      CHECK(seen == "failed");
      CHECK(blob_put == "failed");
      CHECK(record_put == "failed");
    }
    const std::string blob_there = read_blob(*patient, other);
    const std::string record_there = read_record(*patient, other_key);
    CHECK((blob_there == other || (blob_there == "(none)" && blob_put == "failed")));
    CHECK((record_there == record || (record_there == "(none)" && record_put == "failed")));
    CHECK((read_record(*patient, sha256("key")) == record));
    CHECK((read_blob(*patient, blob) == blob));
  }
}

}  // namespace

TEST_CASE("nginx behind a bad network") {
  if (!has_programs({"nginx"})) return;
  const Nginx nginx;
  FaultyProxy proxy(nginx.port());
  check_faults(proxy, [&](milliseconds patience) {
    return open_transport(cache_spec("http", {{"url", "http://" + proxy.address() + "/cache"}}),
                          true, {}, patience);
  });
}

TEST_CASE("a registry behind a bad network") {
  if (!has_programs({"docker-registry"})) return;
  const DockerRegistry registry;
  FaultyProxy proxy(registry.port());
  check_faults(proxy, [&](milliseconds patience) {
    return open_transport(cache_spec("registry", {{"ref", proxy.address() + "/cache"}}), true, {},
                          patience);
  });
}

TEST_CASE("a bucket behind a bad network") {
  if (!has_s3_server()) return;
  const S3Server server;
  FaultyProxy proxy(server.port());
  check_faults(proxy, [&](milliseconds patience) {
    return open_transport(server.spec({{"endpoint_url", "http://" + proxy.address()}}), true, {},
                          patience);
  });
}
