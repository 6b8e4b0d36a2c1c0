#include "pastes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void name_of(const char *text, size_t size, char name[NAME_SIZE]) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (size_t i = 0; i < size; i++) hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3u;
  snprintf(name, NAME_SIZE, "%016llx", (unsigned long long)hash);
}

int is_name(const char *name) {
  return strlen(name) == NAME_SIZE - 1 && strspn(name, "0123456789abcdef") == NAME_SIZE - 1;
}

/* write() may take less than it was given. */
static int write_all(int fd, const char *text, size_t size) {
  while (size > 0) {
    ssize_t written = write(fd, text, size);
    if (written < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    text += written;
    size -= (size_t)written;
  }
  return 0;
}

int keep(const char *directory, const char *text, size_t size, char name[NAME_SIZE]) {
  char aside[4096], path[4096];
  name_of(text, size, name);
  snprintf(path, sizeof path, "%s/%s", directory, name);
  snprintf(aside, sizeof aside, "%s/.%s", directory, name);
  int fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return errno;
  int problem = write_all(fd, text, size);
  if (close(fd) != 0 && problem == 0) problem = errno;
  if (problem == 0 && rename(aside, path) != 0) problem = errno;
  if (problem != 0) unlink(aside);
  return problem;
}

long read_file(const char *directory, const char *name, char *out, size_t room) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  size_t size = 0;
  ssize_t got = 1;
  while (size < room && (got = read(fd, out + size, room - size)) > 0) size += (size_t)got;
  int reason = errno;
  close(fd);
  errno = reason;
  return got < 0 ? -1 : (long)size;
}
