#include "slice.h"

#include <stdlib.h>
#include <string.h>

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c; }

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

slice slice_of(const char *text) { return (slice){text, strlen(text)}; }

bool slice_is(slice text, const char *other) {
  return text.len == strlen(other) && memcmp(text.at, other, text.len) == 0;
}

bool slice_starts(slice text, const char *start) {
  size_t len = strlen(start);
  return text.len >= len && memcmp(text.at, start, len) == 0;
}

bool slice_ends(slice text, const char *end) {
  size_t len = strlen(end);
  return text.len >= len && memcmp(text.at + text.len - len, end, len) == 0;
}

bool slice_starts_nocase(slice text, const char *start) {
  for (size_t n = 0; start[n]; n++)
    if (n >= text.len || lower(text.at[n]) != lower(start[n])) return false;
  return true;
}

slice slice_trim(slice text) {
  while (text.len && is_space(text.at[0])) text = slice_from(text, 1);
  while (text.len && is_space(text.at[text.len - 1])) text.len--;
  return text;
}

size_t slice_find(slice text, const char *wanted) {
  size_t len = strlen(wanted);
  for (size_t n = 0; n + len <= text.len; n++)
    if (memcmp(text.at + n, wanted, len) == 0) return n;
  return text.len;
}

slice slice_from(slice text, size_t from) {
  if (from > text.len) from = text.len;
  return (slice){text.at + from, text.len - from};
}

bool slice_number(slice text, unsigned long long most, unsigned long long *number) {
  unsigned long long value = 0;
  for (size_t n = 0; n < text.len; n++) {
    if (text.at[n] < '0' || text.at[n] > '9') return false;
    unsigned digit = (unsigned)(text.at[n] - '0');
    if (digit > most || value > (most - digit) / 10) return false;
    value = value * 10 + digit;
  }
  *number = value;
  return text.len > 0;
}

char *slice_copy(slice text) {
  char *copy = malloc(text.len + 1);
  if (!copy) return NULL;
  memcpy(copy, text.at, text.len);
  copy[text.len] = 0;
  return copy;
}
