#include <stdio.h>

#include "hash.h"
#include "parser.h"

int main(int argc, char **argv) {
  for (int i = 1; i < argc; ++i) printf("%ld %08lx\n", value_of(argv[i]), hash_of(argv[i]));
  return argc < 2;
}
