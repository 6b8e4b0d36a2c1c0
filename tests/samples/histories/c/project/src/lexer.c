#include "lexer.h"

#include <ctype.h>
#include <stdlib.h>

struct token next_token(const char **text) {
  while (isspace((unsigned char)**text)) ++*text;
  struct token token = {END, 0, 0};
  if (isdigit((unsigned char)**text)) {
    char *end;
    token.kind = NUMBER;
    token.number = strtol(*text, &end, 10);
    *text = end;
  } else if (**text != 0) {
    token.kind = OPERATOR;
    token.operator = *(*text)++;
  }
  return token;
}
