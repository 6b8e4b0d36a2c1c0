// Signed records: made with one key, taken with trust in it, and by nobody's word otherwise.
#include "fake_cache.hpp"
#include "keys.hpp"

#include <cache/registry/base64.hpp>
#include <cache/shared/signatures.hpp>

#include <doctest/doctest.h>

using namespace slipway;

namespace {

std::string failure_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.diagnostics().front().message + "\n" + error.diagnostics().front().hint;
  }
  return "no error";
}

struct KeyFiles {
  TemporaryFolder folder;
  KeyFiles() {
    folder.write("one", keys::one_private);
    folder.write("one.pub", keys::one_public);
    folder.write("two", keys::two_private);
    folder.write("two.pub", keys::two_public);
  }
};

void upload(Machine& machine, FakeServer& server, const Record& record) {
  const auto caches = machine.share({}, {&server});
  caches->offer(record, {});
  caches->finish({});
}

}  // namespace

TEST_CASE("of the same document a key always makes the same envelope, which its public one opens") {
  const KeyFiles files;
  const SigningKey key(files.folder / "one");
  const std::string envelope = key.envelope("{}");
  CHECK(envelope == key.envelope("{}"));
  const SignedDocument opened = open_envelope(envelope);
  CHECK(opened.document == "{}");
  REQUIRE(opened.signatures.size() == 1);
  CHECK(TrustedKeys({files.folder / "one.pub"}).signed_by_one(opened));
  CHECK(TrustedKeys({files.folder / "two.pub", files.folder / "one.pub"}).signed_by_one(opened));
  CHECK_FALSE(TrustedKeys({files.folder / "two.pub"}).signed_by_one(opened));
  CHECK(key.signed_by_this(opened));

  SignedDocument altered = opened;
  altered.document = "{ }";
  CHECK_FALSE(key.signed_by_this(altered));
  altered = opened;
  altered.signatures[0].bytes[5] = static_cast<char>(altered.signatures[0].bytes[5] ^ 1);
  CHECK_FALSE(key.signed_by_this(altered));
  altered.signatures[0].bytes.clear();
  CHECK_FALSE(key.signed_by_this(altered));
}

TEST_CASE("with trust a record counts only with a signature by a trusted key") {
  const KeyFiles files;
  FakeServer server("server");
  Machine maker, user;
  const Record record = maker.run("make", "content");
  user.options.trust = {files.folder / "one.pub"};

  SUBCASE("signed by it") {
    maker.options.sign = files.folder / "one";
    upload(maker, server, record);
    const auto caches = user.share({&server}, {});
    CHECK(caches->find(record.key));
    CHECK(caches->figures().records_refused == 0);
    CHECK(user.said() == "");
  }
  SUBCASE("not signed, or by another") {
    SUBCASE("not") {}
    SUBCASE("by another") {
      maker.options.sign = files.folder / "two";
    }
    upload(maker, server, record);
    upload(maker, server, maker.run("again", "content"));
    const auto caches = user.share({&server}, {});
    CHECK_FALSE(caches->find(record.key));
    CHECK_FALSE(caches->find(record.key));
    CHECK(caches->figures().records_refused == 2);
    CHECK(user.said() ==
          "server has records without a signature by a trusted key: they do not count\n");
    CHECK_FALSE(caches->find(cache_key({{"a", "b"}})));  // it is asked on
    CHECK(server.calls().back() == "record");
  }
  SUBCASE("signed by it, but for another key") {
    maker.options.sign = files.folder / "one";
    const Record other = maker.run("other", "other");
    upload(maker, server, other);
    server.put_record(record.key.digest, server.records().at(other.key.digest));
    const auto caches = user.share({&server}, {});
    CHECK_FALSE(caches->find(record.key));
    CHECK(user.said().find("gave wrong bytes") != std::string::npos);
  }
  SUBCASE("an altered document in a good envelope") {
    maker.options.sign = files.folder / "one";
    upload(maker, server, record);
    SignedDocument signed_document = open_envelope(server.records().at(record.key.digest));
    std::string document = signed_document.document;
    document.replace(document.find(record.layer.diff_id.hex()), 64, sha256("evil").hex());
    std::string envelope = server.records().at(record.key.digest);
    const std::string payload = encode_base64(signed_document.document);
    envelope.replace(envelope.find(payload), payload.size(), encode_base64(document));
    server.put_record(record.key.digest, envelope);
    const auto caches = user.share({&server}, {});
    CHECK_FALSE(caches->find(record.key));
    CHECK(caches->figures().records_refused == 1);
  }
}

TEST_CASE("without trust a signed record counts like any other") {
  const KeyFiles files;
  FakeServer server("server");
  Machine maker, user;
  maker.options.sign = files.folder / "one";
  const Record record = maker.run("make", "content");
  upload(maker, server, record);
  CHECK(user.share({&server}, {})->find(record.key));
}

TEST_CASE("who signs replaces a record without the signature, and sends its blobs no more") {
  const KeyFiles files;
  FakeServer server("server");
  Machine stranger, maker, user;
  const Record record = stranger.run("make", "content");
  upload(stranger, server, record);
  server.forget_calls();
  maker.options.sign = files.folder / "one";
  upload(maker, server, maker.run("make", "content"));
  CHECK(server.count("put_blob") == 0);
  CHECK(server.count("put_record") == 1);
  user.options.trust = {files.folder / "one.pub"};
  CHECK(user.share({&server}, {})->find(record.key));

  server.forget_calls();
  upload(maker, server, maker.run("make", "content"));
  CHECK(server.count("put_record") == 0);
}

TEST_CASE("who signs believes what that key has signed, and signs nobody else's word") {
  const KeyFiles files;
  FakeServer server("server"), other("other");
  Machine stranger, maker;
  const Record record = stranger.run("make", "content");
  upload(stranger, server, record);
  maker.options.sign = files.folder / "one";
  CHECK_FALSE(maker.share({&server}, {&other})->find(record.key));
  upload(maker, server, maker.run("make", "content"));
  const auto caches = maker.share({&server}, {&other});
  const auto shared = caches->find(record.key);
  REQUIRE(shared);
  caches->offer(*shared);
  caches->finish({});
  CHECK(other.records() == server.records());
}

TEST_CASE("an envelope that is none is refused") {
  const std::string good =
      R"({"payload":"e30=","payloadType":"application/vnd.slipway.record.v1+json","signatures":[]})";
  CHECK(open_envelope(good).document == "{}");
  CHECK(open_envelope("{}").document == "{}");
  CHECK(open_envelope("").document == "");
  for (const std::string& bad : {
           std::string(R"({"payload":"e30=")"),
           std::string(R"({"payload":"e30="})"),
           std::string(R"({"payload":"e30=","payloadType":"text/plain","signatures":[]})"),
           std::string(R"({"payload":7,"payloadType":7,"signatures":7})"),
           good.substr(0, good.size() - 3) + R"({}})",
           good.substr(0, good.size() - 3) + R"([7]})",
           good.substr(0, good.size() - 3) + R"([{"keyid":"x"}]})",
           good.substr(0, good.size() - 3) + R"([{"keyid":"x","sig":"?"}]})",
           R"({"payload":)" + std::string(100'000, '['),
       }) {
    CAPTURE(bad.substr(0, 200));
    CHECK_THROWS_AS(open_envelope(bad), const Error&);
  }
}

TEST_CASE("a key that does not fit is refused before anything is built") {
  const KeyFiles files;
  const TemporaryFolder& folder = files.folder;
  folder.write("x25519", keys::x25519_private);
  folder.write("encrypted", keys::encrypted_private);
  folder.write("nothing", "");
  folder.write("text", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
  const auto sign = [&](const std::string& name) {
    return failure_of([&] { SigningKey key(folder / name); });
  };
  const auto trust = [&](const std::string& name) {
    return failure_of([&] { TrustedKeys keys({folder / name}); });
  };
  CHECK(sign("one") == "no error");
  CHECK(trust("one.pub") == "no error");
  CHECK(sign("one.pub").find("holds a public key") != std::string::npos);
  CHECK(trust("one").find("holds a private key") != std::string::npos);
  CHECK(sign("x25519").find("is of the kind \"X25519\", not ed25519") != std::string::npos);
  CHECK(sign("encrypted").find("is encrypted") != std::string::npos);
  CHECK(sign("nothing").find("holds no private key in PEM form") != std::string::npos);
  CHECK(sign("text").find("openssl genpkey -algorithm ed25519") != std::string::npos);
  CHECK(trust("text").find("holds no public key in PEM form") != std::string::npos);
  CHECK(sign("missing").find("No such file") != std::string::npos);
}
