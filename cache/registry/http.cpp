#include <cache/registry/http.hpp>

#include <cache/registry/curl.hpp>
#include <cache/registry/http_body.hpp>
#include <cache/registry/http_url.hpp>
#include <ir/error.hpp>
#include <ir/remote_source.hpp>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iterator>
#include <utility>

namespace slipway {
namespace {

constexpr int max_redirects = 10;
constexpr long connect_milliseconds = 20'000;
// Counted by libcurl against its own clock: a sink that blocks for long does not trip it, since
// the next piece alone is thousands of bytes.
constexpr long silent_seconds = 60;
constexpr std::uint64_t upload_a_second = 16 << 20;
constexpr std::size_t max_headers = 256;

// What one hop of a request collects. No exception may pass through libcurl's C frames, so they
// are caught in the callbacks and thrown again when curl_easy_perform has returned.
struct Transfer {
  using Clock = std::chrono::steady_clock;

  HttpResponse response;
  const ByteSink* sink = nullptr;
  const HttpRequest* request = nullptr;
  const std::function<bool()>* cancelled = nullptr;
  HttpBodyReader* upload = nullptr;
  std::exception_ptr failure;
  bool enough = false;  // of the explanation of a failure: the rest is not read
  std::chrono::milliseconds first_byte{0};
  Clock::time_point last_sent = Clock::now();
  curl_off_t sent = 0;
  bool answered = false;     // a byte came
  bool late = false;         // none did, and first_byte has passed
  bool has_headers = false;  // all of them: the empty line behind them came
  bool announced = false;    // to HttpRequest::answered

  // False: it is not worth going on. libcurl asks about once a second, oftener while bytes flow.
  bool go_on(curl_off_t sent_now) {
    if (*cancelled && (*cancelled)()) return false;
    if (sent_now != sent) {
      last_sent = Clock::now();
      if (request->sent) request->sent(static_cast<std::uint64_t>(sent_now));
    }
    sent = sent_now;
    late = first_byte.count() > 0 && !answered && Clock::now() - last_sent > first_byte;
    return !late;
  }

  void announce() {
    if (announced || !response.succeeded()) return;
    announced = true;
    if (request->answered) request->answered(response);
  }

  void header_line(std::string_view line) {
    while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.remove_suffix(1);
    if (line.empty()) has_headers = true;
    if (line.starts_with("HTTP/")) {  // a new response: what came before was a 1xx or a proxy's
      response.headers.clear();
      has_headers = false;
      const std::size_t space = line.find(' ');
      response.status = 0;
      for (std::size_t i = space;
           i != std::string_view::npos && i + 1 < line.size() && i < space + 3; ++i) {
        if (line[i + 1] < '0' || line[i + 1] > '9') break;
        response.status = response.status * 10 + (line[i + 1] - '0');
      }
      return;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || response.headers.size() >= max_headers) return;
    std::string name(line.substr(0, colon));
    std::transform(name.begin(), name.end(), name.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    std::string_view value = line.substr(colon + 1);
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) {
      value.remove_prefix(1);
    }
    response.headers.emplace(std::move(name), value);
  }

  void body(std::span<const char> bytes) {
    announce();
    if (response.succeeded() && sink != nullptr && *sink) {
      (*sink)(std::as_bytes(bytes));
      return;
    }
    const std::size_t room = HttpClient::max_body - response.body.size();
    if (bytes.size() > room && response.succeeded()) {
      throw Error("the answer is larger than " + std::to_string(HttpClient::max_body) + " bytes");
    }
    response.body.append(bytes.data(), std::min(room, bytes.size()));
    enough = bytes.size() > room;
  }
};

extern "C" std::size_t slipway_on_header(char* data, std::size_t, std::size_t size, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  transfer.answered = true;
  try {
    transfer.header_line({data, size});
    return size;
  } catch (...) {
    transfer.failure = std::current_exception();
    return 0;
  }
}

extern "C" std::size_t slipway_on_body(char* data, std::size_t, std::size_t size, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  try {
    transfer.body({data, size});
    return transfer.enough ? (size == 0 ? 1 : 0) : size;
  } catch (...) {
    transfer.failure = std::current_exception();
    return size == 0 ? 1 : 0;  // anything but `size` ends the transfer
  }
}

extern "C" std::size_t slipway_on_send(char* buffer, std::size_t, std::size_t size, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  try {
    return transfer.upload->read({buffer, size});
  } catch (...) {
    transfer.failure = std::current_exception();
    return CURL_READFUNC_ABORT;
  }
}

extern "C" int slipway_on_seek(void* user, curl_off_t place, int origin) {
  auto& transfer = *static_cast<Transfer*>(user);
  if (origin != SEEK_SET || place < 0 ||
      static_cast<std::uint64_t>(place) > transfer.upload->size())
    return CURL_SEEKFUNC_CANTSEEK;
  transfer.upload->seek(static_cast<std::uint64_t>(place));
  return CURL_SEEKFUNC_OK;
}

extern "C" int slipway_on_progress(void* user, curl_off_t, curl_off_t, curl_off_t,
                                   curl_off_t sent) {
  auto& transfer = *static_cast<Transfer*>(user);
  try {
    return transfer.go_on(sent) ? 0 : 1;
  } catch (...) {
    transfer.failure = std::current_exception();
    return 1;
  }
}

std::string text_of(std::chrono::milliseconds time) {
  const auto count = time.count();
  return count % 1000 == 0 ? std::to_string(count / 1000) + " s" : std::to_string(count) + " ms";
}

std::string hint_for(CURLcode code, const std::string& host, const std::string& reason) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return "check the name, and that this machine has a name server";
    case CURLE_COULDNT_CONNECT:
      return "check that it runs and that " + quoted(host) + " can be reached from here";
    case CURLE_COULDNT_RESOLVE_PROXY:
      return "check https_proxy and http_proxy";
    case CURLE_OPERATION_TIMEDOUT:
      return "try again; if it needs a proxy, set https_proxy";
    case CURLE_PEER_FAILED_VERIFICATION:
      // libcurl has one code for a certificate that nobody vouches for and for another host's.
      if (reason.find("subject name") != std::string::npos)
        return "its certificate is for another name: check the host in the URL";
      [[fallthrough]];
    case CURLE_SSL_CACERT_BADFILE:
      return "install its certificate authority, or name it in SSL_CERT_FILE";
    default:
      return "try again";
  }
}

}  // namespace

std::string HttpResponse::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string() : found->second;
}

struct HttpClient::Handle {
  const Curl& curl = Curl::get();
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> easy{curl.easy_init(), curl.easy_cleanup};
  std::function<bool()> cancelled;
  char message[CURL_ERROR_SIZE] = {};

  template <class Value>
  void set(CURLoption option, Value value) {
    if (const CURLcode code = curl.easy_setopt(easy.get(), option, value); code != CURLE_OK) {
      throw Error("libcurl refuses option " + std::to_string(option) + ": " +
                  curl.easy_strerror(code));
    }
  }

  void prepare(const HttpRequest& request, const std::string& url, const UrlOrigin& origin,
               curl_slist* headers, Transfer& transfer);
  void prepare_upload(const HttpUpload& upload, Transfer& transfer);
  void prepare_limits(const HttpLimits& limits);
  void prepare_tls(const HostRules& rules);
  [[noreturn]] void fail(const HttpRequest& request, const UrlOrigin& origin,
                         const Transfer& transfer, CURLcode code) const;
  HttpResponse hop(const HttpRequest& request, const std::string& url, bool authorized,
                   const ByteSink& sink);
};

void HttpClient::Handle::prepare(const HttpRequest& request, const std::string& url,
                                 const UrlOrigin& origin, curl_slist* headers, Transfer& transfer) {
  curl.easy_reset(easy.get());  // keeps the connections
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, 0L);  // redirected() decides
  set(CURLOPT_NOSIGNAL, 1L);        // there are other threads
  set(CURLOPT_USERAGENT, "slipway/0.1");
  set(CURLOPT_HTTPHEADER, headers);
  prepare_limits(request.limits);
  // Refused while the buffer of a transfer that failed early is still there: that one will do.
  (void)curl.easy_setopt(easy.get(), CURLOPT_BUFFERSIZE, 256L << 10);
  set(CURLOPT_ERRORBUFFER, static_cast<char*>(message));
  if (request.head) set(CURLOPT_NOBODY, 1L);
  if (request.form) {
    set(CURLOPT_POSTFIELDSIZE, static_cast<long>(request.form->size()));
    set(CURLOPT_POSTFIELDS, request.form->c_str());
  }
  if (request.upload) prepare_upload(*request.upload, transfer);
  if (!origin.plain()) prepare_tls(request.rules ? request.rules(origin.place()) : HostRules());
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);  // a proxy's word is no answer
  if (is_loopback(origin.host)) set(CURLOPT_NOPROXY, "*");
  if (request.unpack_content) set(CURLOPT_ACCEPT_ENCODING, "gzip");
  // libcurl leaves $HTTP_PROXY alone, because in a CGI program a client could set it.
  if (request.web && origin.plain() && std::getenv("http_proxy") == nullptr &&
      std::getenv("REQUEST_METHOD") == nullptr)
    if (const char* proxy = std::getenv("HTTP_PROXY")) set(CURLOPT_PROXY, proxy);
  set(CURLOPT_HEADERFUNCTION, slipway_on_header);
  set(CURLOPT_HEADERDATA, static_cast<void*>(&transfer));
  set(CURLOPT_WRITEFUNCTION, slipway_on_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(&transfer));
  set(CURLOPT_XFERINFOFUNCTION, slipway_on_progress);
  set(CURLOPT_XFERINFODATA, static_cast<void*>(&transfer));
  set(CURLOPT_NOPROGRESS, 0L);
}

void HttpClient::Handle::prepare_upload(const HttpUpload& upload, Transfer& transfer) {
  set(CURLOPT_UPLOAD, 1L);
  set(CURLOPT_CUSTOMREQUEST, upload.method.c_str());
  set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(transfer.upload->size()));
  set(CURLOPT_READFUNCTION, slipway_on_send);
  set(CURLOPT_READDATA, static_cast<void*>(&transfer));
  set(CURLOPT_SEEKFUNCTION, slipway_on_seek);
  set(CURLOPT_SEEKDATA, static_cast<void*>(&transfer));
  (void)curl.easy_setopt(easy.get(), CURLOPT_UPLOAD_BUFFERSIZE, 256L << 10);  // as BUFFERSIZE
}

void HttpClient::Handle::prepare_tls(const HostRules& rules) {
  // The command line tool reads these two, the library does not.
  const char* const file = std::getenv("SSL_CERT_FILE");
  if (file != nullptr) set(CURLOPT_CAINFO, file);
  if (const char* folder = std::getenv("SSL_CERT_DIR")) set(CURLOPT_CAPATH, folder);
  if (!rules.verify) {
    set(CURLOPT_SSL_VERIFYPEER, 0L);
    set(CURLOPT_SSL_VERIFYHOST, 0L);
  }
  if (!rules.roots.empty()) {
    // What is set in memory takes the place of the file, so that comes along.
    const char* system = file;
    if (system == nullptr) curl.easy_getinfo(easy.get(), CURLINFO_CAINFO, &system);
    std::string roots = rules.roots + "\n";
    if (system != nullptr) {
      std::ifstream stream(system, std::ios::binary);
      roots.append(std::istreambuf_iterator<char>(stream), {});
    }
    curl_blob blob{.data = roots.data(), .len = roots.size(), .flags = CURL_BLOB_COPY};
    set(CURLOPT_CAINFO_BLOB, &blob);
  }
  if (!rules.certificate.empty()) {
    set(CURLOPT_SSLCERT, rules.certificate.c_str());
    set(CURLOPT_SSLKEY, rules.key.c_str());
  }
}

void HttpClient::Handle::prepare_limits(const HttpLimits& limits) {
  const long first_byte = static_cast<long>(limits.first_byte.count());
  set(CURLOPT_CONNECTTIMEOUT_MS,
      first_byte > 0 ? std::min(first_byte, connect_milliseconds) : connect_milliseconds);
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(limits.whole.count()));
  set(CURLOPT_LOW_SPEED_LIMIT, static_cast<long>(limits.slowest));
  set(CURLOPT_LOW_SPEED_TIME, silent_seconds);
}

void HttpClient::Handle::fail(const HttpRequest& request, const UrlOrigin& origin,
                              const Transfer& transfer, CURLcode code) const {
  if (transfer.failure) std::rethrow_exception(transfer.failure);
  if (code == CURLE_ABORTED_BY_CALLBACK && !transfer.late) throw Error("interrupted");
  const std::string host =
      is_loopback(origin.host) ? origin.host + ":" + origin.port : origin.place();
  const std::string who = request.role + " " + quoted(host);
  if (transfer.late || (code == CURLE_OPERATION_TIMEDOUT && request.limits.first_byte.count() > 0 &&
                        !transfer.answered)) {
    throw ConnectionError(Error(who + " gives no answer within " + text_of(transfer.first_byte))
                              .hint(hint_for(CURLE_OPERATION_TIMEDOUT, origin.host, {})),
                          false);
  }
  const std::string reason = message[0] != '\0' ? message : curl.easy_strerror(code);
  const std::string verb =
      transfer.response.status == 0 ? " does not answer: " : " broke off its answer: ";
  Error error(who + verb + reason);
  error.hint(hint_for(code, origin.host, reason));
  switch (code) {
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_WEIRD_SERVER_REPLY:
      throw ConnectionError(std::move(error), true);
    case CURLE_OPERATION_TIMEDOUT:
      // Without a byte for a minute, or past what the request may take.
      throw ConnectionError(std::move(error),
                            transfer.answered && request.limits.whole.count() == 0);
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
      throw ConnectionError(std::move(error), false);
    default:
      throw error;
  }
}

HttpResponse HttpClient::Handle::hop(const HttpRequest& request, const std::string& url,
                                     bool authorized, const ByteSink& sink) {
  const UrlOrigin origin = origin_of(curl, url);
  Transfer transfer;
  transfer.sink = &sink;
  transfer.request = &request;
  transfer.cancelled = &cancelled;
  transfer.first_byte = request.limits.first_byte;
  std::optional<HttpBodyReader> upload;
  if (request.upload) {
    transfer.upload = &upload.emplace(*request.upload);
    if (transfer.first_byte.count() > 0)
      transfer.first_byte +=
          std::chrono::seconds((upload->size() + request.upload->before) / upload_a_second);
  }

  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(nullptr, curl.slist_free_all);
  const auto add = [&](const std::string& line) {
    // A line break in a value would start a header of its own. Only the name is told: the value may
    // be a token.
    if (line.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
      throw Error("the header " + quoted(line.substr(0, line.find(':'))) +
                  " has a line break in it");
    }
    curl_slist* longer = curl.slist_append(headers.get(), line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    headers.release();
    headers.reset(longer);
  };
  for (const auto& [name, value] : request.headers) add(name + ": " + value);
  if (authorized && !request.authorization.empty()) add("Authorization: " + request.authorization);
  // Few servers answer the question whether they want a body, and the others cost a second.
  if (request.upload) add("Expect:");

  prepare(request, url, origin, headers.get(), transfer);
  message[0] = '\0';
  const CURLcode code = curl.easy_perform(easy.get());
  // To libcurl a status line and the connection's end are an answer without headers and body.
  const CURLcode outcome = code == CURLE_OK && !transfer.has_headers ? CURLE_PARTIAL_FILE : code;
  if (transfer.failure || (outcome != CURLE_OK && !transfer.enough))
    fail(request, origin, transfer, outcome);
  transfer.announce();
  return std::move(transfer.response);
}

HttpClient::HttpClient(std::function<bool()> cancelled) : handle_(std::make_unique<Handle>()) {
  if (!handle_->easy) throw std::bad_alloc();
  handle_->cancelled = std::move(cancelled);
}

HttpClient::~HttpClient() = default;

HttpResponse HttpClient::send(const HttpRequest& request, const ByteSink& sink) {
  const UrlOrigin first = origin_of(handle_->curl, request.url);
  std::string url = request.url;
  for (int hops = 0; hops <= max_redirects; ++hops) {
    const bool authorized = origin_of(handle_->curl, url) == first;
    HttpResponse response = handle_->hop(request, url, authorized, sink);
    const long status = response.status;
    const bool same_again = status == 307 || status == 308;
    const bool redirect =
        same_again || (!request.upload && (status == 301 || status == 302 || status == 303));
    // A form carries credentials: it is not sent on.
    if (!redirect || request.form || !request.redirects) {
      response.url = std::move(url);
      return response;
    }
    url = resolve(url, response.header("location"), request.role, request.rules, request.web);
  }
  throw Error(request.role + " redirects " + quoted(without_credentials(request.url)) +
              " in a circle");
}

}  // namespace slipway
