// Splits an expression into tokens.
#ifndef LEXER_H
#define LEXER_H

enum kind { NUMBER, OPERATOR, END };

struct token {
  enum kind kind;
  long number;
  char operator;
};

struct token next_token(const char **text);

#endif
