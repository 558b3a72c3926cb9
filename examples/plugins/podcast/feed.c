#include "feed.h"

#include <stdlib.h>
#include <string.h>

#include "xml.h"

// Nobody needs longer titles.
enum { TEXT_BYTES = 4096 };

// The host of the plugin takes no longer addresses.
enum { ADDRESS_BYTES = 8192 };

// More episodes than that are not looked at.
enum { EPISODES = 20000 };

static const unsigned long long MOST_BYTES = 1ull << 50;

static void free_episode(episode *it) {
  free(it->title);
  free(it->guid);
  for (size_t n = 0; n < it->enclosure_count; n++) {
    free(it->enclosures[n].url);
    free(it->enclosures[n].type);
  }
}

void feed_free(feed *it) {
  for (size_t n = 0; n < it->count; n++) free_episode(&it->episodes[n]);
  free(it->episodes);
}

// Whether it can be heard or seen, by its type, else by the end of its path.
static bool kind_of(slice type, slice url, media_kind *kind) {
  static const struct { const char *end; media_kind kind; } ends[] = {
      {".mp3", MEDIA_AUDIO}, {".m4a", MEDIA_AUDIO}, {".ogg", MEDIA_AUDIO},  {".opus", MEDIA_AUDIO},
      {".mp4", MEDIA_VIDEO}, {".m4v", MEDIA_VIDEO}, {".webm", MEDIA_VIDEO}, {".mov", MEDIA_VIDEO}};
  *kind = slice_starts_nocase(type, "video/") ? MEDIA_VIDEO : MEDIA_AUDIO;
  if (*kind == MEDIA_VIDEO || slice_starts_nocase(type, "audio/")) return true;
  if (type.len && !slice_starts_nocase(type, "application/octet-stream")) return false;
  url.len = slice_find(url, "?");
  for (size_t n = 0; n < sizeof ends / sizeof *ends; n++) {
    *kind = ends[n].kind;
    if (slice_ends(url, ends[n].end)) return true;
  }
  return false;
}

// An http or https address with an ordinary host and perhaps a port. The host of the plugin would
// take others for a mistake of it.
static bool is_address(const char *url) {
  slice text = slice_of(url);
  if (text.len > ADDRESS_BYTES || slice_find(text, " ") != text.len) return false;
  if (!slice_starts(text, "https://") && !slice_starts(text, "http://")) return false;
  slice host = slice_from(text, slice_find(text, "//") + 2), port;
  host.len = slice_find(host, "/");
  host.len = slice_find(host, "?");
  host.len = slice_find(host, "#");
  port = slice_from(host, slice_find(host, ":") + 1);
  host.len = slice_find(host, ":");
  for (size_t n = 0; n < host.len; n++)
    if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-", host.at[n]))
      return false;
  unsigned long long number;
  return host.len && (!port.len || slice_number(port, 65535, &number));
}

static void add_enclosure(episode *to, slice attributes) {
  slice url, type = {"", 0}, length = {"", 0};
  if (to->enclosure_count == ENCLOSURES || !xml_attribute(attributes, "url", &url)) return;
  xml_attribute(attributes, "type", &type);
  xml_attribute(attributes, "length", &length);
  enclosure it = {.url = xml_decode(slice_trim(url), false)};
  it.type = xml_decode(slice_trim(type), false);
  if (!slice_number(slice_trim(length), MOST_BYTES, &it.size)) it.size = 0;
  if (it.url && it.type && is_address(it.url) &&
      kind_of(slice_of(it.type), slice_of(it.url), &it.kind)) {
    to->enclosures[to->enclosure_count++] = it;
  } else {
    free(it.url);
    free(it.type);
  }
}

// Keeps the first text of an element; elements may come twice, and texts in pieces.
static void keep(char **to, slice text, bool raw) {
  if (*to && strlen(*to) > TEXT_BYTES) return;
  char *more = xml_decode(text, raw);
  if (!more || !*to) {
    if (!*to) *to = more;
    return;
  }
  char *both = malloc(strlen(*to) + strlen(more) + 1);
  if (both) {
    strcpy(both, *to);
    strcat(both, more);
    free(*to);
    *to = both;
  }
  free(more);
}

// Removes white space at both ends; a text of nothing else is none.
static void tidy(char **text) {
  if (!*text) return;
  char *copy = NULL;
  slice trimmed = slice_trim(slice_of(*text));
  if (trimmed.len) copy = slice_copy(trimmed);
  free(*text);
  *text = copy;
}

// Reads the rest of an item.
static episode read_item(slice *rest) {
  episode it = {.published = -1};
  char *date = NULL, *duration = NULL, **into = NULL;
  bool has_title = false, has_guid = false;
  for (size_t depth = 1; depth > 0;) {
    xml_token token = xml_next(rest);
    if (token.kind == XML_OVER) break;
    if (token.kind == XML_TEXT || token.kind == XML_CDATA) {
      if (into && depth == 2) keep(into, token.text, token.kind == XML_CDATA);
    } else if (token.kind == XML_END) {
      depth--;
      into = NULL;
      // Something was not closed.
      if (slice_is(token.name, "item") || slice_is(token.name, "channel")) break;
    } else {
      into = NULL;
      if (depth == 1) {
        if (slice_is(token.name, "enclosure")) add_enclosure(&it, token.attributes);
        if (slice_is(token.name, "title") && !has_title) has_title = true, into = &it.title;
        if (slice_is(token.name, "guid") && !has_guid) has_guid = true, into = &it.guid;
        if (slice_is(token.name, "pubDate") && !date) into = &date;
        if (slice_is(token.name, "itunes:duration") && !duration) into = &duration;
      }
      if (token.is_empty) into = NULL;
      else depth++;
    }
  }
  tidy(&it.title);
  tidy(&it.guid);
  if (date) it.published = feed_date(slice_of(date));
  if (duration) it.duration = feed_duration(slice_of(duration));
  free(date);
  free(duration);
  return it;
}

static int newest_first(const void *one, const void *other) {
  const episode *a = one, *b = other;
  if (a->published != b->published) return a->published < b->published ? 1 : -1;
  return a->place < b->place ? -1 : 1;
}

// If every one has a date; else they stay as they are.
static void sort(feed *it) {
  for (size_t n = 0; n < it->count; n++)
    if (it->episodes[n].published < 0) return;
  if (it->count) qsort(it->episodes, it->count, sizeof *it->episodes, newest_first);
}

feed feed_read(slice document) {
  feed it = {0};
  size_t room = 0;
  for (;;) {
    xml_token token = xml_next(&document);
    if (token.kind == XML_OVER || it.count == EPISODES) break;
    if (token.kind != XML_START) continue;
    if (slice_is(token.name, "rss") || slice_is(token.name, "channel")) it.is_feed = true;
    if (!it.is_feed || !slice_is(token.name, "item") || token.is_empty) continue;
    episode found = read_item(&document);
    if (found.enclosure_count && it.count == room) {
      size_t more = room ? room * 2 : 16;
      episode *grown = realloc(it.episodes, more * sizeof *grown);
      if (grown) it.episodes = grown, room = more;
    }
    found.place = it.count;
    if (found.enclosure_count && it.count < room) it.episodes[it.count++] = found;
    else free_episode(&found);
  }
  sort(&it);
  return it;
}

const episode *feed_find(const feed *from, const char *wanted) {
  unsigned long long number;
  if (slice_number(slice_of(wanted), EPISODES, &number))
    return number >= 1 && number <= from->count ? &from->episodes[number - 1] : NULL;
  for (size_t n = 0; n < from->count; n++) {
    const episode *it = &from->episodes[n];
    if (it->guid && strcmp(it->guid, wanted) == 0) return it;
  }
  return NULL;
}

// Takes a word off: what is before the first of some separators.
static slice word(slice *rest, const char *separators) {
  *rest = slice_trim(*rest);
  size_t n = 0;
  while (n < rest->len && !strchr(separators, rest->at[n])) n++;
  slice taken = {rest->at, n};
  *rest = slice_from(*rest, n + 1);
  return taken;
}

static long long zone(slice text) {
  static const struct { const char *name; int hours; } names[] = {
      {"EST", -5}, {"EDT", -4}, {"CST", -6}, {"CDT", -5}, {"MST", -7}, {"MDT", -6}, {"PST", -8}, {"PDT", -7}};
  unsigned long long digits;
  bool is_west = slice_starts(text, "-");
  if ((is_west || slice_starts(text, "+")) && text.len == 5 &&
      slice_number(slice_from(text, 1), 9999, &digits)) {
    long long seconds = (long long)(digits / 100 * 3600 + digits % 100 * 60);
    return is_west ? -seconds : seconds;
  }
  for (size_t n = 0; n < sizeof names / sizeof *names; n++)
    if (slice_is(text, names[n].name)) return names[n].hours * 3600;
  return 0;
}

long long feed_date(slice text) {
  static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
  size_t comma = slice_find(text, ",");
  if (comma < text.len) text = slice_from(text, comma + 1);
  unsigned long long day, year, hour = 0, minute = 0, second = 0;
  if (!slice_number(word(&text, " "), 31, &day) || day == 0) return -1;
  slice name = word(&text, " ");
  size_t month = 0;
  while (month < 12 && !(name.len >= 3 && memcmp(name.at, months + month * 3, 3) == 0)) month++;
  if (month == 12 || !slice_number(word(&text, " "), 9999, &year)) return -1;
  if (year < 70) year += 2000;
  else if (year < 100) year += 1900;
  if (year < 1970) return -1;
  slice time = word(&text, " ");
  if (time.len && (!slice_number(word(&time, ":"), 24, &hour) ||
                   !slice_number(word(&time, ":"), 59, &minute)))
    return -1;
  if (time.len && !slice_number(time, 60, &second)) return -1;
  long long years = (long long)year - 1970, last = (long long)year - (month < 2 ? 1 : 0);
  // Leap days since 1970, up to this month.
  long long leaps = last / 4 - last / 100 + last / 400 - (1969 / 4 - 1969 / 100 + 1969 / 400);
  long long days = years * 365 + leaps + before[month] + (long long)day - 1;
  long long at = days * 86400 + (long long)(hour * 3600 + minute * 60 + second) -
                 zone(word(&text, " "));
  return at < 0 ? 0 : at;
}

unsigned long long feed_duration(slice text) {
  unsigned long long seconds = 0, part;
  text = slice_trim(text);
  for (int parts = 0; text.len; parts++) {
    slice piece = word(&text, ":.");
    if (parts == 3 || !slice_number(piece, 999999, &part)) return 0;
    seconds = seconds * 60 + part;
  }
  return seconds;
}
