// A scanner for XML as feeds have it: it finds tags and texts, and does not care whether they fit
// together. A document may end anywhere; what is cut off is not there.
#ifndef XML_H
#define XML_H

#include "slice.h"

typedef enum { XML_START, XML_END, XML_TEXT, XML_CDATA, XML_OVER } xml_kind;

typedef struct {
  xml_kind kind;
  // Of a start or an end, with its prefix.
  slice name;
  // Of a start: what is between name and end of the tag.
  slice attributes;
  // Of a start: there is no end for it.
  bool is_empty;
  // Of a text; entities are not decoded. Nothing is to be decoded in CDATA.
  slice text;
} xml_token;

// Takes the next token off `rest`. Comments, processing instructions and declarations are skipped.
xml_token xml_next(slice *rest);

// The value of an attribute, not decoded; false if it is not there.
bool xml_attribute(slice attributes, const char *name, slice *value);

// A copy from malloc, with entities and character references decoded unless it is `raw`. It is
// UTF-8 without control characters whatever comes in, and ends in NUL. Null if there is no memory.
char *xml_decode(slice text, bool raw);

#endif
