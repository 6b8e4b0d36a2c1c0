#include "request.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Copies a token of the request line; fails when it is empty or does not fit. */
static const char *take_token(const char *at, const char *end, char *out, size_t room) {
  const char *stop = memchr(at, ' ', (size_t)(end - at));
  if (stop == NULL || stop == at || (size_t)(stop - at) >= room) return NULL;
  memcpy(out, at, (size_t)(stop - at));
  out[stop - at] = '\0';
  return stop + 1;
}

static int parse_length(const char *at, const char *end, size_t *length) {
  char digits[16] = "";
  while (at < end && (*at == ' ' || *at == '\t')) at++;
  if (end - at <= 0 || (size_t)(end - at) >= sizeof digits) return 400;
  memcpy(digits, at, (size_t)(end - at));
  if (strspn(digits, "0123456789") != (size_t)(end - at)) return 400;
  unsigned long long value = strtoull(digits, NULL, 10);
  if (value > MAX_BODY) return 413;
  *length = (size_t)value;
  return 0;
}

int parse_request(const char *bytes, size_t size, struct request *request) {
  memset(request, 0, sizeof *request);
  const char *end = memmem(bytes, size, "\r\n\r\n", 4);
  if (end == NULL) return size >= MAX_HEAD ? 431 : -1;
  request->head_size = (size_t)(end - bytes) + 4;
  if (memchr(bytes, '\0', (size_t)(end - bytes)) != NULL) return 400;

  const char *line_end = memmem(bytes, request->head_size, "\r\n", 2);
  const char *at = take_token(bytes, line_end, request->method, sizeof request->method);
  if (at == NULL) return 400;
  at = take_token(at, line_end, request->path, sizeof request->path);
  if (at == NULL) return 414;
  if (strncmp(at, "HTTP/1.", 7) != 0 || request->path[0] != '/') return 400;

  while (line_end < end) {
    const char *line = line_end + 2;
    line_end = memmem(line, (size_t)(end + 2 - line), "\r\n", 2);
    static const char name[] = "content-length:";
    if ((size_t)(line_end - line) >= sizeof name - 1 &&
        strncasecmp(line, name, sizeof name - 1) == 0) {
      int problem = parse_length(line + sizeof name - 1, line_end, &request->content_length);
      if (problem != 0) return problem;
    }
  }
  return 0;
}
