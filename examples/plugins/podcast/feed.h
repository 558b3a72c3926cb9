// Episodes of an RSS 2.0 feed.
#ifndef FEED_H
#define FEED_H

#include "slice.h"

enum { ENCLOSURES = 8 };

typedef enum { MEDIA_AUDIO, MEDIA_VIDEO } media_kind;

typedef struct {
  // An http or https address.
  char *url;
  media_kind kind;
  // As the feed spells it, such as `video/mp4`; may be empty.
  char *type;
  // Bytes; 0 if the feed doesn't tell.
  unsigned long long size;
} enclosure;

typedef struct {
  // All texts end in NUL and may be null where the feed has none.
  char *title;
  char *guid;
  // Seconds; 0 if the feed doesn't tell.
  unsigned long long duration;
  // Seconds since 1970; below 0 if the feed doesn't tell.
  long long published;
  enclosure enclosures[ENCLOSURES];
  size_t enclosure_count;
  // Where it is in the feed.
  size_t place;
} episode;

typedef struct {
  // Items with something to be heard or seen, newest first.
  episode *episodes;
  size_t count;
  // Whether it is a feed at all.
  bool is_feed;
} feed;

// Reads a feed, as far as it goes. Texts in it are copies.
feed feed_read(slice document);

// The episode that `wanted` means: a number that counts from 1 for the newest, or a guid. Null if
// there is none.
const episode *feed_find(const feed *from, const char *wanted);

void feed_free(feed *it);

// `Tue, 05 Mar 2024 06:07:08 +0100` as seconds since 1970; below 0 if it is no such date.
long long feed_date(slice text);

// Seconds of `1:02:03`, `62:03` or `3723`; 0 if it is no duration.
unsigned long long feed_duration(slice text);

#endif
