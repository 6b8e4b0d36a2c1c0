#ifndef HASH_H
#define HASH_H

unsigned long hash_of(const char *text);

#endif
