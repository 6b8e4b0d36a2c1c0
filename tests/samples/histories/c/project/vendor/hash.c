#include "hash.h"

unsigned long hash_of(const char *text) {
  unsigned long hash = 5381;
  for (; *text != 0; ++text) hash = (hash * 33 + (unsigned char)*text) & 0xffffffff;
  return hash;
}
