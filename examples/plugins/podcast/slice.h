// Parts of a text that somebody else owns. Nothing here reads beyond their ends.
#ifndef SLICE_H
#define SLICE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
  const char *at;
  size_t len;
} slice;

// A text that ends in NUL, without it.
slice slice_of(const char *text);

bool slice_is(slice text, const char *other);
bool slice_starts(slice text, const char *start);
bool slice_ends(slice text, const char *end);

// White space of XML.
bool is_space(char c);

// Case of ASCII letters aside.
bool slice_starts_nocase(slice text, const char *start);

// Without white space at both ends.
slice slice_trim(slice text);

// Where `wanted` is first; the length if it is nowhere.
size_t slice_find(slice text, const char *wanted);

// The part from `from` on; empty beyond the end.
slice slice_from(slice text, size_t from);

// A decimal number without sign; false if it is none or larger than `most`.
bool slice_number(slice text, unsigned long long most, unsigned long long *number);

// A copy from malloc that ends in NUL; null if there is no memory.
char *slice_copy(slice text);

#endif
