/* paste: keeps texts and gives them back.
 *
 *   GET  /          the page with the form          GET /style.css  its looks
 *   POST /          keeps the body, answers its name
 *   GET  /NAME      the text of that name           GET /health     "ok"
 *
 * One request a connection, one connection after another: a client that stalls is dropped after
 * five seconds. PASTE_PORT, PASTE_PAGES and PASTE_DATA say where. `paste --check` asks a running
 * service for its health. */
#include "pastes.h"
#include "request.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static char buffer[MAX_HEAD + MAX_BODY];
static const char *pages, *data;

static const char *setting(const char *name, const char *otherwise) {
  const char *value = getenv(name);
  return value != NULL && *value != '\0' ? value : otherwise;
}

static void answer(int client, int status, const char *type, const char *body, size_t size) {
  char head[256];
  int length = snprintf(head, sizeof head,
                        "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                        "Connection: close\r\n\r\n",
                        status, status < 400 ? "OK" : "Error", type, size);
  if (send(client, head, (size_t)length, MSG_NOSIGNAL | MSG_MORE) != length) return;
  while (size > 0) {
    ssize_t sent = send(client, body, size, MSG_NOSIGNAL);
    if (sent <= 0) return;
    body += sent;
    size -= (size_t)sent;
  }
}

static void answer_text(int client, int status, const char *text) {
  answer(client, status, "text/plain; charset=utf-8", text, strlen(text));
}

static void answer_file(int client, const char *directory, const char *name, const char *type) {
  long size = read_file(directory, name, buffer, sizeof buffer);
  if (size < 0) {
    answer_text(client, errno == ENOENT ? 404 : 500, "no such text\n");
  } else {
    answer(client, 200, type, buffer, (size_t)size);
  }
}

static void post(int client, const struct request *request, size_t have) {
  const size_t whole = request->head_size + request->content_length;
  while (have < whole) {
    ssize_t got = recv(client, buffer + have, whole - have, 0);
    if (got <= 0) return;
    have += (size_t)got;
  }
  char name[NAME_SIZE], line[NAME_SIZE + 2];
  if (keep(data, buffer + request->head_size, request->content_length, name) != 0) {
    answer_text(client, 500, "cannot keep it\n");
    return;
  }
  snprintf(line, sizeof line, "%s\n", name);
  answer_text(client, 201, line);
}

static void serve(int client) {
  struct request request;
  size_t have = 0;
  int problem = -1;
  while (problem == -1) {
    ssize_t got = recv(client, buffer + have, MAX_HEAD - have, 0);
    if (got <= 0) return;
    have += (size_t)got;
    problem = parse_request(buffer, have, &request);
  }
  if (problem != 0) {
    answer_text(client, problem, "not a request this service understands\n");
  } else if (strcmp(request.method, "POST") == 0 && strcmp(request.path, "/") == 0) {
    post(client, &request, have);
  } else if (strcmp(request.method, "GET") != 0) {
    answer_text(client, 405, "GET, or POST to /\n");
  } else if (strcmp(request.path, "/") == 0) {
    answer_file(client, pages, "index.html", "text/html; charset=utf-8");
  } else if (strcmp(request.path, "/style.css") == 0) {
    answer_file(client, pages, "style.css", "text/css");
  } else if (strcmp(request.path, "/health") == 0) {
    answer_text(client, 200, "ok\n");
  } else if (is_name(request.path + 1)) {
    answer_file(client, data, request.path + 1, "text/plain; charset=utf-8");
  } else {
    answer_text(client, 404, "no such text\n");
  }
}

static int open_socket(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    perror("paste: socket");
    exit(1);
  }
  return fd;
}

static struct timeval patience = {.tv_sec = 5};

static int check(struct sockaddr_in where) {
  int fd = open_socket();
  static const char request[] = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, (struct sockaddr *)&where, sizeof where) != 0 ||
      send(fd, request, sizeof request - 1, MSG_NOSIGNAL) < 0) {
    perror("paste: health");
    return 1;
  }
  ssize_t got = recv(fd, buffer, 12, MSG_WAITALL);
  return got == 12 && memcmp(buffer, "HTTP/1.1 200", 12) == 0 ? 0 : 1;
}

int main(int argc, char **argv) {
  pages = setting("PASTE_PAGES", "site");
  data = setting("PASTE_DATA", ".");
  int port = atoi(setting("PASTE_PORT", "8080"));
  struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  if (argc == 2 && strcmp(argv[1], "--check") == 0) return check(where);
  if (argc != 1 || port <= 0 || port > 65535) {
    fprintf(stderr, "usage: paste [--check], with PASTE_PORT, PASTE_PAGES, PASTE_DATA\n");
    return 2;
  }

  int server = open_socket(), yes = 1;
  setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  where.sin_addr.s_addr = htonl(INADDR_ANY);
  if (bind(server, (struct sockaddr *)&where, sizeof where) != 0 || listen(server, 64) != 0) {
    perror("paste: listen");
    return 1;
  }
  fprintf(stderr, "paste: listening on port %d\n", port);
  for (;;) {
    int client = accept4(server, NULL, NULL, SOCK_CLOEXEC);
    if (client < 0) continue;
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    serve(client);
    close(client);
  }
}
