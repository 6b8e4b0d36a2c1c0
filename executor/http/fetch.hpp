// A file of the web: asked for, and downloaded if it is not what is known already.
#pragma once

#include <cache/http_answers.hpp>
#include <cache/layers/store.hpp>
#include <ir/operation.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace slipway {

struct HttpFetch {
  FetchHttp operation;
  std::string authorization;      // the value of that header; goes to the URL's own host only
  std::vector<HttpAnswer> known;  // earlier answers whose content is at hand
  // A file that is longer is an Error, so that a server cannot fill the disk.
  std::uint64_t most_bytes = std::uint64_t{64} << 30;
  std::function<bool()> cancelled;
  // What to do where the checksum is another one; empty: the Dockerfile has it.
  std::string checksum_hint;
};

// It is what it was: one of those that are known.
struct HttpUnchanged {
  Digest content;
};

// A file that was downloaded; it lies in the staging's upper directory under the operation's name.
struct HttpFile {
  HttpAnswer answer;
  std::uint64_t size = 0;
  std::int64_t mtime = 0;  // of Last-Modified, seconds; without it 0
};

// Throws Error naming the URL: for any status but success, a transfer that breaks off, and where
// the checksum is not the one that the operation asks for. The staging then holds nothing of use.
std::variant<HttpUnchanged, HttpFile> fetch_http(const HttpFetch& fetch, const Staging& staging);

// Asks without downloading anything: the content of one of those that are known, if the file is
// still that one. Throws Error where nobody answers.
std::optional<Digest> ask_http_unchanged(const HttpFetch& fetch);

// The layer that is this one file.
BuiltLayer http_layer(const FetchHttp& operation, const HttpFile& file, const Staging& staging);

}  // namespace slipway
