// Files of the web. Their key is their content: the URL says where to look and is in no key.
#include <executor/http/fetch.hpp>
#include <executor/solve/solver.hpp>
#include <executor/solve/step_parts.hpp>

#include <cache/http_answers.hpp>
#include <ir/key.hpp>

#include <memory>
#include <utility>

namespace slipway {

void Solver::begin_http(Step& current, const FetchHttp& operation) {
  events_.started(current.id);
  if (!operation.checksum.empty()) {
    current.parts = http_parts(operation, operation.checksum);
    decide(current, {}, [this, &current, &operation] {
      enqueue_beside(current.id,
                     [this, &current, &operation] { ask_http(current, operation, true); });
    });
    return;
  }
  // Of several processes one downloads, and the others then hear that nothing has changed.
  wait_for_locks(current, {sha256("http\n" + operation.url)}, [this, &current, &operation] {
    enqueue_beside(current.id,
                   [this, &current, &operation] { ask_http(current, operation, false); });
  });
}

// `anew`: whatever is known of earlier answers is of no use.
void Solver::ask_http(Step& current, const FetchHttp& operation, bool anew) {
  HttpFetch fetch;
  fetch.operation = operation;
  fetch.checksum_hint = options_.checksum_hint;
  fetch.cancelled = [this] { return stopping(); };
  fetch.authorization = http_authorization(operation, options_.secret);
  if (!anew) {
    for (HttpAnswer& answer : store_.http_answers().find(operation.url)) {
      const CacheKey key = cache_key(http_parts(operation, answer.content.text()));
      if (store_.records().find(key)) fetch.known.push_back(std::move(answer));
    }
  }
  current.work_started = now();
  current.staging.emplace(store_.layers().stage());
  auto result = fetch_http(fetch, *current.staging);
  current.work_ended = now();

  if (auto* file = std::get_if<HttpFile>(&result)) {
    store_.http_answers().put(operation.url, file->answer);
    if (!operation.checksum.empty()) return keep_http(current, operation, *file);
  }
  // The URL's lock is kept until there is a record that makes the next process's question a short
  // one. That of a key is not: it is going to be asked for again.
  auto held = std::make_shared<std::vector<KeyLock>>();
  if (!anew) *held = std::move(current.locks);
  current.locks.clear();
  if (const auto* file = std::get_if<HttpFile>(&result)) {
    current.parts = http_parts(operation, file->answer.content.text());
    decide(current, {}, [this, &current, &operation, held, file = *file] {
      keep_http(current, operation, file);
    });
    return;
  }
  current.parts = http_parts(operation, std::get<HttpUnchanged>(result).content.text());
  decide(current, {}, [this, &current, &operation, held] {
    // Its record went away since it was looked for.
    enqueue_beside(current.id,
                   [this, &current, &operation] { ask_http(current, operation, true); });
  });
}

void Solver::keep_http(Step& current, const FetchHttp& operation, const HttpFile& file) {
  keep_layer(current, http_layer(operation, file, *current.staging));
  settle(current);
}

}  // namespace slipway
