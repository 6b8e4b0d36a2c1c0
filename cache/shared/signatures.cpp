#include <cache/shared/signatures.hpp>

#include <cache/registry/base64.hpp>
#include <cache/file_descriptor.hpp>
#include <cache/json_bounds.hpp>
#include <ir/error.hpp>

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <optional>
#include <utility>

namespace slipway {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr std::string_view payload_type = "application/vnd.slipway.record.v1+json";
constexpr std::size_t longest_key_file = std::size_t{64} << 10;
constexpr std::size_t signature_size = 64;  // RFC 8032
constexpr std::size_t most_signatures = 16;
constexpr std::size_t most_depth = 4;
constexpr std::size_t most_values = 1000;

struct FreeKey {
  void operator()(EVP_PKEY* key) const { ::EVP_PKEY_free(key); }
};
using OwnedKey = std::unique_ptr<EVP_PKEY, FreeKey>;

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { ::EVP_MD_CTX_free(context); }
};
using DigestContext = std::unique_ptr<EVP_MD_CTX, FreeContext>;

const unsigned char* raw(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

DigestContext new_context() {
  DigestContext context(::EVP_MD_CTX_new());
  if (!context) throw std::bad_alloc();
  return context;
}

// What is signed: DSSE's "pre-authentication encoding".
std::string encoded(std::string_view document) {
  return "DSSEv1 " + std::to_string(payload_type.size()) + " " + std::string(payload_type) + " " +
         std::to_string(document.size()) + " " + std::string(document);
}

std::string read_key_file(const fs::path& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) throw system_error("open", path.string(), errno);
  std::string text(longest_key_file, '\0');
  std::size_t filled = 0;
  while (filled < text.size()) {
    const ssize_t got = ::read(file.get(), text.data() + filled, text.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error("read", path.string(), errno);
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  text.resize(filled);
  return text;
}

// Instead of OpenSSL's own, which asks on the terminal.
int no_password(char*, int, int, void*) {
  return -1;
}

OwnedKey parse_key(const std::string& pem, bool secret) {
  struct FreeBio {
    void operator()(BIO* bio) const { ::BIO_free(bio); }
  };
  const std::unique_ptr<BIO, FreeBio> bio(
      ::BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!bio) throw std::bad_alloc();
  OwnedKey key(secret ? ::PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr)
                      : ::PEM_read_bio_PUBKEY(bio.get(), nullptr, no_password, nullptr));
  ::ERR_clear_error();  // a key that is none leaves its reasons in the thread's queue
  return key;
}

OwnedKey read_key(const fs::path& path, bool secret) {
  const std::string pem = read_key_file(path);
  const std::string name = quoted(path.string());
  OwnedKey key = parse_key(pem, secret);
  if (!key && pem.find("ENCRYPTED") != std::string::npos) {
    throw Error("the key " + name + " is encrypted, and a build cannot ask for its password")
        .hint("`openssl pkey -in FILE -out NEW` writes it without one");
  }
  if (!key && parse_key(pem, !secret)) {
    if (secret) {
      throw Error(name + " holds a public key; signing takes the private one")
          .hint("give the file that `openssl genpkey -algorithm ed25519` wrote");
    }
    throw Error(name + " holds a private key; what is trusted is named by the public one")
        .hint("`openssl pkey -in FILE -pubout -out PUBLIC` writes it");
  }
  if (!key) {
    throw Error(name + " holds no " + (secret ? "private" : "public") + " key in PEM form")
        .hint(
            "`openssl genpkey -algorithm ed25519 -out KEY` makes a private key, `openssl pkey "
            "-in KEY -pubout -out PUBLIC` writes its public one");
  }
  if (::EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_ED25519) {
    const char* kind = ::EVP_PKEY_get0_type_name(key.get());
    throw Error("the key " + name + " is of the kind " +
                quoted(kind != nullptr ? kind : "unknown") + ", not ed25519")
        .hint("`openssl genpkey -algorithm ed25519 -out KEY` makes one that fits");
  }
  return key;
}

std::string id_of(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = ::i2d_PUBKEY(key, &der);
  if (size <= 0) throw Error("cannot write a public key");
  const Digest digest =
      sha256({reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)});
  ::OPENSSL_free(der);
  return digest.text();
}

bool is_valid(EVP_PKEY* key, std::string_view signature, std::string_view document) {
  if (signature.size() != signature_size) return false;
  const DigestContext context = new_context();
  const std::string bytes = encoded(document);
  const bool valid = ::EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key) == 1 &&
                     ::EVP_DigestVerify(context.get(), raw(signature), signature.size(), raw(bytes),
                                        bytes.size()) == 1;
  if (!valid) ::ERR_clear_error();
  return valid;
}

bool signed_by(EVP_PKEY* key, const std::string& id, const SignedDocument& document) {
  return std::any_of(document.signatures.begin(), document.signatures.end(),
                     [&](const SignedDocument::Signature& signature) {
                       return signature.key_id == id &&
                              is_valid(key, signature.bytes, document.document);
                     });
}

Error malformed(const std::string& what) {
  return Error("the envelope is malformed: " + what);
}

std::string base64_member(const Json& object, const char* name) {
  const auto found = object.find(name);
  std::optional<std::string> bytes;
  if (found != object.end() && found->is_string()) {
    bytes = decode_base64(found->get_ref<const std::string&>());
  }
  if (!bytes) throw malformed(quoted(name) + " is no base64");
  return std::move(*bytes);
}

}  // namespace

SignedDocument open_envelope(std::string bytes) {
  // A document has no such name, and begins with "created"; the names are in order in both.
  if (!bytes.starts_with(R"({"payload":)")) return {std::move(bytes), {}};
  if (!is_modest_json(bytes, most_depth, most_values)) throw malformed("it is too large");
  const Json json = Json::parse(bytes, nullptr, false);
  if (!json.is_object()) throw malformed("it is no JSON object");
  if (json.value("payloadType", Json()) != payload_type) {
    throw malformed("its payload is not of the type " + quoted(payload_type));
  }
  const Json signatures = json.value("signatures", Json());
  if (!signatures.is_array() || signatures.size() > most_signatures) {
    throw malformed("\"signatures\" is no list, or too long");
  }
  SignedDocument document;
  document.document = base64_member(json, "payload");
  for (const Json& signature : signatures) {
    if (!signature.is_object()) throw malformed("a signature is no object");
    const Json id = signature.value("keyid", Json());
    if (!id.is_string()) throw malformed("a signature names no key");
    document.signatures.push_back({id.get<std::string>(), base64_member(signature, "sig")});
  }
  return document;
}

struct SigningKey::Key {
  OwnedKey key;
  std::string id;
};

SigningKey::SigningKey(const fs::path& file) : key_(std::make_unique<Key>()) {
  key_->key = read_key(file, true);
  key_->id = id_of(key_->key.get());
}
SigningKey::~SigningKey() = default;
SigningKey::SigningKey(SigningKey&&) noexcept = default;

std::string SigningKey::envelope(std::string_view document) const {
  const DigestContext context = new_context();
  const std::string bytes = encoded(document);
  std::string signature(signature_size, '\0');
  std::size_t size = signature.size();
  if (::EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_->key.get()) != 1 ||
      ::EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                       raw(bytes), bytes.size()) != 1 ||
      size != signature.size()) {
    ::ERR_clear_error();
    throw Error("cannot sign a record");
  }
  Json json;
  json["payload"] = encode_base64(document);
  json["payloadType"] = payload_type;
  json["signatures"] = Json::array({{{"keyid", key_->id}, {"sig", encode_base64(signature)}}});
  return json.dump();
}

bool SigningKey::signed_by_this(const SignedDocument& document) const {
  return signed_by(key_->key.get(), key_->id, document);
}

struct TrustedKeys::Keys {
  struct Key {
    OwnedKey key;
    std::string id;
  };
  std::vector<Key> keys;
};

TrustedKeys::TrustedKeys(const std::vector<fs::path>& files) : keys_(std::make_unique<Keys>()) {
  for (const fs::path& file : files) {
    OwnedKey key = read_key(file, false);
    std::string id = id_of(key.get());
    keys_->keys.push_back({std::move(key), std::move(id)});
  }
}
TrustedKeys::~TrustedKeys() = default;

bool TrustedKeys::empty() const {
  return keys_->keys.empty();
}

bool TrustedKeys::signed_by_one(const SignedDocument& document) const {
  return std::any_of(keys_->keys.begin(), keys_->keys.end(), [&](const Keys::Key& key) {
    return signed_by(key.key.get(), key.id, document);
  });
}

}  // namespace slipway
