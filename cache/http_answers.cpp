#include <cache/http_answers.hpp>

#include <cache/database.hpp>

namespace slipway {

std::vector<HttpAnswer> HttpAnswers::find(std::string_view url) {
  std::vector<HttpAnswer> answers;
  Query query(
      database_,
      "SELECT etag, modified, content FROM http_answers WHERE url = ? ORDER BY number DESC");
  query.bind(sha256(url));
  while (query.step()) answers.push_back({query.text(0), query.text(1), query.digest(2)});
  return answers;
}

void HttpAnswers::put(std::string_view url, const HttpAnswer& answer) {
  if (answer.etag.empty() && answer.modified.empty()) return;  // nothing to ask with
  const Digest hash = sha256(url);
  Transaction transaction(database_);
  Query(database_, "DELETE FROM http_answers WHERE url = ? AND content = ?")
      .bind(hash)
      .bind(answer.content)
      .run();
  Query(database_, "INSERT INTO http_answers (url, etag, modified, content) VALUES (?, ?, ?, ?)")
      .bind(hash)
      .bind(answer.etag)
      .bind(answer.modified)
      .bind(answer.content)
      .run();
  // A file that changes every day would fill the table, and the header that asks for all of them.
  Query(database_,
        "DELETE FROM http_answers WHERE url = ? AND number NOT IN "
        "(SELECT number FROM http_answers WHERE url = ? ORDER BY number DESC LIMIT 8)")
      .bind(hash)
      .bind(hash)
      .run();
  transaction.commit();
}

}  // namespace slipway
