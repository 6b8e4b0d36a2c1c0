// Gives the value of an expression.
#ifndef PARSER_H
#define PARSER_H

#define DEEPEST 50

long value_of(const char *text);

#endif
