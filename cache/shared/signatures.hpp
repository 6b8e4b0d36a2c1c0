// Signatures of records: ed25519, in the envelope of DSSE (secure-systems-lab/dsse, version 1), so
// that other programs can verify them too.
//
// An envelope is JSON: {"payload": document, "payloadType": "...", "signatures": [{"keyid",
// "sig"}]}, payload and signatures in base64. A document without a signature is stored as it is.
#pragma once

#include <ir/digest.hpp>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// One document as a cache gave it.
struct SignedDocument {
  struct Signature {
    std::string key_id;  // sha256 of the public key's DER form, as anybody may claim it
    std::string bytes;
  };
  std::string document;
  std::vector<Signature> signatures;  // none: there is no envelope
};

// From anybody. Throws Error for an envelope that is none, or not modest. Verifies nothing.
SignedDocument open_envelope(std::string bytes);

class SigningKey {
 public:
  // A PEM file as `openssl genpkey -algorithm ed25519` writes it. Throws Error for any other.
  explicit SigningKey(const std::filesystem::path& file);
  ~SigningKey();
  SigningKey(SigningKey&&) noexcept;

  // The document in its envelope: of the same one always the same bytes. Thread-safe.
  std::string envelope(std::string_view document) const;
  // Whether this key signed it.
  bool signed_by_this(const SignedDocument& document) const;

 private:
  struct Key;
  std::unique_ptr<Key> key_;
};

class TrustedKeys {
 public:
  // PEM files as `openssl pkey -in KEY -pubout` writes them. Throws Error for others.
  explicit TrustedKeys(const std::vector<std::filesystem::path>& files);
  ~TrustedKeys();

  bool empty() const;
  // Whether one of them signed it. Thread-safe.
  bool signed_by_one(const SignedDocument& document) const;

 private:
  struct Keys;
  std::unique_ptr<Keys> keys_;
};

}  // namespace slipway
