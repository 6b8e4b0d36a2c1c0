/* The service's own tests, run by the Dockerfile's test stage. */
#include "pastes.h"
#include "request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

static void check(int holds, const char *what) {
  printf("%s %s\n", holds ? "ok  " : "FAIL", what);
  if (!holds) failures++;
}

static int parse(const char *text, struct request *request) {
  return parse_request(text, strlen(text), request);
}

int main(void) {
  struct request r;
  check(parse("GET / HTTP/1.1\r\nHost: a\r\n\r\n", &r) == 0 && strcmp(r.path, "/") == 0,
        "a request is understood");
  check(parse("GET / HTTP/1.1\r\nHost: a\r\n", &r) == -1, "half a head waits for the rest");
  check(parse("POST / HTTP/1.1\r\ncontent-LENGTH: 12\r\n\r\n", &r) == 0 && r.content_length == 12,
        "header names are compared without case");
  check(parse("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", &r) == 400,
        "a negative length is refused");
  check(parse("POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", &r) == 413,
        "a body that is too large is refused");
  check(parse("GET\r\n\r\n", &r) == 400, "a request line without a path is refused");

  char name[NAME_SIZE], text[64];
  name_of("foobar", 6, name);
  check(strcmp(name, "85944171f73967e8") == 0, "a name is the text's FNV-1a");
  check(is_name(name) && !is_name("../../etc/passwd") && !is_name(""), "only names are names");

  char directory[] = "/tmp/paste-XXXXXX";
  if (mkdtemp(directory) == NULL) return 1;
  check(keep(directory, "text", 4, name) == 0 &&
            read_file(directory, name, text, sizeof text) == 4 && memcmp(text, "text", 4) == 0,
        "a text comes back as it was kept");
  check(read_file(directory, "0123456789abcdef", text, sizeof text) == -1,
        "an unknown name has no text");
  return failures != 0;
}
