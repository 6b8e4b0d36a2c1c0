// What the tests of the client have in common.
#pragma once

#include "http_server.hpp"

#include <cache/registry/client.hpp>
#include <ir/error.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <string>

namespace slipway {

using Request = HttpServer::Request;
using Reply = HttpServer::Reply;

// Some tries, but none that a test would have to wait for.
inline const HttpLimits little_patience{.first_byte = std::chrono::milliseconds(600)};

std::string message_of(auto&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

// The last hint of an Error, for what a user is told to do.
std::string hint_of(auto&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.diagnostics().back().hint;
  }
  return "no error";
}

inline BlobDescriptor blob_of(const std::string& bytes) {
  BlobDescriptor blob;
  blob.digest = sha256(bytes);
  blob.size = bytes.size();
  return blob;
}

inline std::string value_of(const Request& request, const std::string& header) {
  const auto found = request.headers.find(header);
  return found == request.headers.end() ? std::string() : found->second;
}

// Bytes that are all different places of themselves: one that is given twice or left out shows.
inline std::string sample_bytes(std::size_t size) {
  std::string bytes;
  bytes.reserve(size + 8);
  for (std::size_t i = 0; bytes.size() < size; ++i) bytes += std::to_string(i) + ",";
  bytes.resize(size);
  return bytes;
}

// What a sink gets.
struct Collected {
  std::string bytes;
  ByteSink sink = [this](std::span<const std::byte> piece) {
    bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
  };
};

}  // namespace slipway
