/* HTTP requests, as far as this service needs them: RFC 9112, GET and POST with Content-Length. */
#pragma once
#include <stddef.h>

enum { MAX_HEAD = 8192, MAX_BODY = 1 << 20 };

struct request {
  char method[8];
  char path[256];
  size_t content_length; /* 0 where the head names none */
  size_t head_size;      /* bytes up to and with the empty line */
};

/* Reads the head at the start of `bytes`. Returns 0, or the HTTP status that tells what is wrong
   with it; -1 while its empty line has not arrived. */
int parse_request(const char *bytes, size_t size, struct request *request);
