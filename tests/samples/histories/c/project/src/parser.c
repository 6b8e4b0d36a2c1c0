#include "parser.h"

#include "lexer.h"

// From left to right, as a pocket calculator has it.
long value_of(const char *text) {
  long value = next_token(&text).number;
  for (int depth = 0; depth < DEEPEST; ++depth) {
    struct token operator = next_token(&text);
    if (operator.kind != OPERATOR) break;
    long right = next_token(&text).number;
    if (operator.operator == '+') value += right;
    if (operator.operator == '-') value -= right;
    if (operator.operator == '*') value *= right;
  }
  return value;
}
