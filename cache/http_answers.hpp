// What servers answered: which content a URL had when it was last fetched, and how to ask the
// server whether it still has it.
#pragma once

#include <ir/digest.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace slipway {

class Database;

struct HttpAnswer {
  std::string etag;      // quotes included, without a weak one's W/; empty: the server gave none
  std::string modified;  // Last-Modified as it came, where it may be asked for; else empty
  Digest content;        // sha256 of the file
};

// Safe for any number of threads and processes.
class HttpAnswers {
 public:
  explicit HttpAnswers(Database& database) : database_(database) {}

  // The newest first; of one URL no more than a few. What is kept is a hash of the URL, because
  // people write passwords into URLs.
  std::vector<HttpAnswer> find(std::string_view url);
  // Takes the place of an earlier answer with the same content. One without anything to ask with is
  // not kept.
  void put(std::string_view url, const HttpAnswer& answer);

 private:
  Database& database_;
};

}  // namespace slipway
