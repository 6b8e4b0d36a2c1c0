/* Texts on disk, each in a file named by its content. */
#pragma once
#include <stddef.h>

enum { NAME_SIZE = 17 }; /* 16 hexadecimal digits and the end */

/* The name of a text: FNV-1a of its bytes, so that the same text is kept once. */
void name_of(const char *text, size_t size, char name[NAME_SIZE]);

/* Whether `name` can be a text's name: anything else never reaches the file system. */
int is_name(const char *name);

/* Keeps a text under its name. Returns 0, or errno. */
int keep(const char *directory, const char *text, size_t size, char name[NAME_SIZE]);

/* Reads a whole file that is not larger than `room`; -1 with errno set where it cannot. */
long read_file(const char *directory, const char *name, char *out, size_t room);
