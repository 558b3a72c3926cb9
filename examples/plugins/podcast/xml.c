#include "xml.h"

#include <stdlib.h>
#include <string.h>

// The end of a tag: a `>` that is not within quotes. The length if there is none.
static size_t end_of_tag(slice text) {
  char quote = 0;
  for (size_t n = 0; n < text.len; n++) {
    char c = text.at[n];
    if (quote) {
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '>') {
      return n;
    }
  }
  return text.len;
}

static xml_token tag(slice inside) {
  xml_token token = {.kind = XML_START};
  if (slice_starts(inside, "/")) {
    token.kind = XML_END;
    inside = slice_from(inside, 1);
  } else if (slice_ends(inside, "/")) {
    token.is_empty = true;
    inside.len--;
  }
  size_t n = 0;
  while (n < inside.len && !is_space(inside.at[n])) n++;
  token.name = (slice){inside.at, n};
  token.attributes = slice_from(inside, n);
  return token;
}

// Skips up to and with `end`; all if there is none.
static void skip_past(slice *rest, const char *end) {
  *rest = slice_from(*rest, slice_find(*rest, end));
  *rest = slice_from(*rest, strlen(end));
}

xml_token xml_next(slice *rest) {
  while (rest->len) {
    if (rest->at[0] != '<') {
      xml_token token = {.kind = XML_TEXT, .text = {rest->at, slice_find(*rest, "<")}};
      *rest = slice_from(*rest, token.text.len);
      return token;
    }
    if (slice_starts(*rest, "<![CDATA[")) {
      slice text = slice_from(*rest, strlen("<![CDATA["));
      text.len = slice_find(text, "]]>");
      skip_past(rest, "]]>");
      return (xml_token){.kind = XML_CDATA, .text = text};
    }
    if (slice_starts(*rest, "<!--")) {
      *rest = slice_from(*rest, strlen("<!--"));
      skip_past(rest, "-->");
    } else if (slice_starts(*rest, "<?")) {
      skip_past(rest, "?>");
    } else {
      slice inside = slice_from(*rest, 1);
      size_t end = end_of_tag(inside);
      *rest = slice_from(inside, end + 1);
      if (end == inside.len) break;
      inside.len = end;
      if (!slice_starts(inside, "!")) return tag(inside);
    }
  }
  *rest = slice_from(*rest, rest->len);
  return (xml_token){.kind = XML_OVER};
}

bool xml_attribute(slice rest, const char *name, slice *value) {
  for (;;) {
    rest = slice_trim(rest);
    size_t n = 0;
    while (n < rest.len && rest.at[n] != '=' && !is_space(rest.at[n])) n++;
    slice key = {rest.at, n};
    rest = slice_trim(slice_from(rest, n));
    if (!slice_starts(rest, "=")) {
      // A word without value, or the end.
      if (!key.len) return false;
      continue;
    }
    rest = slice_trim(slice_from(rest, 1));
    if (!rest.len || (rest.at[0] != '"' && rest.at[0] != '\'')) return false;
    char quote[2] = {rest.at[0], 0};
    rest = slice_from(rest, 1);
    size_t end = slice_find(rest, quote);
    if (end == rest.len) return false;
    if (slice_is(key, name)) {
      *value = (slice){rest.at, end};
      return true;
    }
    rest = slice_from(rest, end + 1);
  }
}

// Writes a character as UTF-8, and returns how many bytes; at most 4.
static size_t encode(unsigned long c, char *to) {
  if (c < 0x20 || c == 0x7f || (c >= 0x80 && c < 0xa0)) c = ' ';
  if ((c >= 0xd800 && c < 0xe000) || c > 0x10ffff) c = 0xfffd;
  if (c < 0x80) {
    to[0] = (char)c;
    return 1;
  }
  if (c < 0x800) {
    to[0] = (char)(0xc0 | c >> 6);
    to[1] = (char)(0x80 | (c & 0x3f));
    return 2;
  }
  if (c < 0x10000) {
    to[0] = (char)(0xe0 | c >> 12);
    to[1] = (char)(0x80 | (c >> 6 & 0x3f));
    to[2] = (char)(0x80 | (c & 0x3f));
    return 3;
  }
  to[0] = (char)(0xf0 | c >> 18);
  to[1] = (char)(0x80 | (c >> 12 & 0x3f));
  to[2] = (char)(0x80 | (c >> 6 & 0x3f));
  to[3] = (char)(0x80 | (c & 0x3f));
  return 4;
}

// Reads a character of UTF-8, and returns how many bytes it has; a byte that can't begin one, or
// one that is cut off, counts as Latin-1, which is what old feeds have.
static size_t character(slice text, unsigned long *c) {
  static const unsigned long least[] = {0, 0, 0x80, 0x800, 0x10000};
  unsigned char first = (unsigned char)text.at[0];
  size_t len = (first & 0xe0) == 0xc0 ? 2 : (first & 0xf0) == 0xe0 ? 3 : 4;
  *c = first;
  if (first < 0xc0 || first >= 0xf8 || len > text.len) return 1;
  unsigned long value = first & (0x7fu >> len);
  for (size_t n = 1; n < len; n++) {
    unsigned char byte = (unsigned char)text.at[n];
    if ((byte & 0xc0) != 0x80) return 1;
    value = value << 6 | (byte & 0x3f);
  }
  if (value < least[len]) return 1;
  *c = value;
  return len;
}

// Reads what begins with `&`, and returns how many bytes it has; a lone `&` is one.
static size_t entity(slice text, unsigned long *c) {
  static const struct { const char *name; char means; } known[] = {
      {"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
  for (size_t n = 0; n < sizeof known / sizeof *known; n++) {
    if (slice_starts(text, known[n].name)) {
      *c = (unsigned char)known[n].means;
      return strlen(known[n].name);
    }
  }
  *c = '&';
  if (!slice_starts(text, "&#")) return 1;
  bool is_hex = text.len > 2 && (text.at[2] == 'x' || text.at[2] == 'X');
  unsigned long value = 0;
  size_t start = is_hex ? 3 : 2, n = start;
  for (; n < text.len && n < start + 8; n++) {
    char digit = text.at[n];
    unsigned base = is_hex ? 16 : 10, worth;
    if (digit >= '0' && digit <= '9') worth = (unsigned)(digit - '0');
    else if (is_hex && digit >= 'a' && digit <= 'f') worth = (unsigned)(digit - 'a') + 10;
    else if (is_hex && digit >= 'A' && digit <= 'F') worth = (unsigned)(digit - 'A') + 10;
    else break;
    value = value * base + worth;
    if (value > 0x10ffff) value = 0x110000;
  }
  if (n == start || n >= text.len || text.at[n] != ';') return 1;
  *c = value;
  return n + 1;
}

char *xml_decode(slice text, bool raw) {
  // The most that a byte becomes is the 2 bytes of a Latin-1 letter; `&#0;` and the like shrink.
  char *decoded = malloc(text.len * 2 + 1), *to = decoded;
  if (!decoded) return NULL;
  while (text.len) {
    unsigned long c;
    size_t len = text.at[0] == '&' && !raw ? entity(text, &c) : character(text, &c);
    to += encode(c, to);
    text = slice_from(text, len);
  }
  *to = 0;
  return decoded;
}
