// Episodes of RSS feeds. An address ends in `.rss`, `.xml`, `/feed` or `/rss`; `?episode=N` (1 is
// the newest, as without it) or `?episode=GUID` picks one, and is not sent to the server.
#include <stdlib.h>
#include <string.h>

#include "clipmill.h"
#include "feed.h"
#include "source.h"

static const char EPISODE[] = "episode=";

// An address without the choice of an episode, and that choice.
typedef struct {
  char *feed;
  // Percent-decoded; null for the newest.
  char *wanted;
} request;

void exports_source_describe(source_source_description_t *ret) {
  ret->name = clipmill_text("podcast");
  ret->version = clipmill_text("0.1.0");
}

static slice path_of(slice url) {
  slice rest = slice_from(url, slice_find(url, "://") + 3);
  rest = slice_from(rest, slice_find(rest, "/"));
  rest.len = slice_find(rest, "#");
  rest.len = slice_find(rest, "?");
  if (slice_ends(rest, "/")) rest.len--;
  return rest;
}

static bool is_feed(slice url) {
  if (!slice_starts(url, "https://") && !slice_starts(url, "http://")) return false;
  slice path = path_of(url);
  return slice_ends(path, ".rss") || slice_ends(path, ".xml") || slice_ends(path, "/feed") ||
         slice_ends(path, "/rss");
}

bool exports_source_claims(source_string_t *url) {
  bool claimed = is_feed((slice){(const char *)url->ptr, url->len});
  source_string_free(url);
  return claimed;
}

static int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Undoes percent-encoding in place; the text only gets shorter.
static void percent_decode(char *text) {
  char *to = text;
  for (; *text; text++) {
    int high = *text == '%' ? hex(text[1]) : -1, low = high >= 0 ? hex(text[2]) : -1;
    if (low >= 0) {
      *to++ = (char)(high * 16 + low);
      text += 2;
    } else {
      *to++ = *text == '+' ? ' ' : *text;
    }
  }
  *to = 0;
}

static request parse(slice url) {
  request it = {NULL, NULL};
  url.len = slice_find(url, "#");
  size_t query = slice_find(url, "?");
  char *feed = malloc(url.len + 1), *to = feed;
  if (!feed) return it;
  memcpy(to, url.at, query);
  to += query;
  char separator = '?';
  for (slice rest = slice_from(url, query + 1); rest.len;) {
    slice pair = {rest.at, slice_find(rest, "&")};
    rest = slice_from(rest, pair.len + 1);
    if (slice_starts(pair, EPISODE)) {
      if (!it.wanted) it.wanted = slice_copy(slice_from(pair, sizeof EPISODE - 1));
    } else if (pair.len) {
      *to++ = separator;
      separator = '&';
      memcpy(to, pair.at, pair.len);
      to += pair.len;
    }
  }
  *to = 0;
  it.feed = feed;
  if (it.wanted) percent_decode(it.wanted);
  return it;
}

// What is in the file, by its type, else by the end of its address.
static clipmill_plugin_types_container_t container(const enclosure *it) {
  static const struct { const char *type, *end; clipmill_plugin_types_container_t container; } known[] = {
      {"video/mp4", ".mp4", CLIPMILL_PLUGIN_TYPES_CONTAINER_MP4},
      {"video/x-m4v", ".m4v", CLIPMILL_PLUGIN_TYPES_CONTAINER_MP4},
      {"video/quicktime", ".mov", CLIPMILL_PLUGIN_TYPES_CONTAINER_MP4},
      {"audio/mp4", ".m4a", CLIPMILL_PLUGIN_TYPES_CONTAINER_MP4},
      {"audio/x-m4a", ".m4b", CLIPMILL_PLUGIN_TYPES_CONTAINER_MP4},
      {"video/webm", ".webm", CLIPMILL_PLUGIN_TYPES_CONTAINER_WEBM},
      {"audio/webm", ".weba", CLIPMILL_PLUGIN_TYPES_CONTAINER_WEBM},
      {"video/x-matroska", ".mkv", CLIPMILL_PLUGIN_TYPES_CONTAINER_MKV},
      {"video/mp2t", ".ts", CLIPMILL_PLUGIN_TYPES_CONTAINER_TS}};
  slice url = slice_of(it->url);
  url.len = slice_find(url, "?");
  for (size_t n = 0; n < sizeof known / sizeof *known; n++)
    if (slice_starts_nocase(slice_of(it->type), known[n].type)) return known[n].container;
  for (size_t n = 0; n < sizeof known / sizeof *known; n++)
    if (!strchr(it->type, '/') && slice_ends(url, known[n].end)) return known[n].container;
  return CLIPMILL_PLUGIN_TYPES_CONTAINER_OTHER;
}

static clipmill_plugin_types_format_t format(const enclosure *it, size_t n) {
  clipmill_plugin_types_format_t made = {0};
  char id[] = "enclosure-1";
  id[sizeof id - 2] = (char)('1' + n);
  made.id = clipmill_text(id);
  made.container = container(it);
  made.video.is_some = it->kind == MEDIA_VIDEO;
  made.audio.is_some = true;
  made.audio.val.preferred = true;
  made.size.is_some = it->size > 0;
  made.size.val = it->size;
  made.transport.tag = CLIPMILL_PLUGIN_TYPES_TRANSPORT_PROGRESSIVE;
  made.transport.val.progressive.url = clipmill_text(it->url);
  return made;
}

// The guid, if it can be an id; else a number that is made of the address (FNV-1a).
static source_string_t id_of(const episode *it) {
  enum { LONGEST = 128 };
  if (it->guid && strlen(it->guid) <= LONGEST) return clipmill_text(it->guid);
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char *at = it->enclosures[0].url; *at; at++)
    hash = (hash ^ (unsigned char)*at) * 0x100000001b3u;
  char id[17] = {0};
  for (int n = 0; n < 16; n++) id[n] = "0123456789abcdef"[hash >> (60 - 4 * n) & 15];
  return clipmill_text(id);
}

static void tell(const episode *it, source_media_info_t *info) {
  *info = (source_media_info_t){0};
  info->id = id_of(it);
  info->title.is_some = it->title != NULL;
  if (it->title) info->title.val = clipmill_text(it->title);
  info->duration.is_some = it->duration > 0;
  info->duration.val = (double)it->duration;
  info->live.tag = CLIPMILL_PLUGIN_TYPES_LIVE_NO;
  info->formats.ptr = calloc(it->enclosure_count, sizeof *info->formats.ptr);
  if (!info->formats.ptr) abort();
  info->formats.len = it->enclosure_count;
  for (size_t n = 0; n < it->enclosure_count; n++)
    info->formats.ptr[n] = format(&it->enclosures[n], n);
}

bool exports_source_resolve(source_string_t *url, source_resolve_options_t *options,
                            source_media_info_t *ret, source_source_error_t *err) {
  (void)options;
  slice address = {(const char *)url->ptr, url->len};
  if (!is_feed(address)) {
    source_string_free(url);
    return clipmill_give_up(err, SOURCE_FAILURE_CODE_UNSUPPORTED_URL, "this is no address of a feed");
  }
  request wish = parse(address);
  source_string_free(url);
  if (!wish.feed) abort();
  clipmill_plugin_http_response_t answer;
  bool done = clipmill_get(wish.feed, &answer, err);
  if (done) {
    feed found = feed_read((slice){(const char *)answer.body.ptr, answer.body.len});
    clipmill_plugin_http_response_free(&answer);
    const episode *it = feed_find(&found, wish.wanted ? wish.wanted : "1");
    if (it)
      tell(it, ret);
    else if (!found.is_feed)
      done = clipmill_give_up(err, SOURCE_FAILURE_CODE_UNSUPPORTED_URL, "this is no podcast feed");
    else if (!found.count)
      done = clipmill_give_up(err, SOURCE_FAILURE_CODE_REMOVED_VIDEO,
                              "the feed has nothing to be heard or seen");
    else
      done = clipmill_give_up(err, SOURCE_FAILURE_CODE_REMOVED_VIDEO, "the feed has no such episode");
    feed_free(&found);
  }
  free(wish.feed);
  free(wish.wanted);
  return done;
}
