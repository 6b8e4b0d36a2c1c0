// libcurl's functions, loaded when the first of them is needed. For http.cpp alone.
#pragma once

#include <curl/curl.h>

namespace slipway {

// Linked the usual way, libcurl brings 30 libraries into every start of the program, whether it
// needs the network or not: 6.3 ms. Loaded once; never unloaded, since OpenSSL leaves handlers
// behind that run at exit. Immutable once made, so any thread may call through it.
struct Curl {
  decltype(&curl_easy_init) easy_init;
  decltype(&curl_easy_cleanup) easy_cleanup;
  decltype(&curl_easy_reset) easy_reset;
  decltype(&curl_easy_setopt) easy_setopt;
  decltype(&curl_easy_perform) easy_perform;
  decltype(&curl_easy_getinfo) easy_getinfo;
  decltype(&curl_easy_strerror) easy_strerror;
  decltype(&curl_slist_append) slist_append;
  decltype(&curl_slist_free_all) slist_free_all;
  decltype(&curl_url) url;
  decltype(&curl_url_cleanup) url_cleanup;
  decltype(&curl_url_set) url_set;
  decltype(&curl_url_get) url_get;
  decltype(&curl_free) free;

  // Throws Error if the library is not installed.
  static const Curl& get();
};

}  // namespace slipway
