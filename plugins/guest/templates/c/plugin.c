// Videos on example.org: https://example.org/videos/ID.
#include <stdlib.h>
#include <string.h>

#include "clipmill.h"
#include "source.h"

static const char PAGE[] = "https://example.org/videos/";
static const char API[] = "https://example.org/api/videos/";

enum { LONGEST_ID = 64 };

// Copies the id out of an address; false if it is no address of a video.
static bool video_id(const source_string_t *url, char id[LONGEST_ID + 1]) {
  size_t start = sizeof PAGE - 1, len = 0;
  if (url->len <= start || memcmp(url->ptr, PAGE, start) != 0) return false;
  for (size_t at = start; at < url->len; at++) {
    char c = (char)url->ptr[at];
    if (c == '?' || c == '#') break;
    bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '-' || c == '_';
    if (!is_plain || len == LONGEST_ID) return false;
    id[len++] = c;
  }
  id[len] = 0;
  return len > 0;
}

void exports_source_describe(source_source_description_t *ret) {
  ret->name = clipmill_text("{{name}}");
  ret->version = clipmill_text("0.1.0");
}

bool exports_source_claims(source_string_t *url) {
  char id[LONGEST_ID + 1];
  bool claimed = video_id(url, id);
  source_string_free(url);
  return claimed;
}

// The answer of the API is the address of the file, and nothing else.
static bool is_address(source_list_u8_t *body) {
  while (body->len && body->ptr[body->len - 1] <= ' ') body->len--;
  for (size_t at = 0; at < body->len; at++)
    if (body->ptr[at] <= ' ' || body->ptr[at] > '~') return false;
  return body->len > 8 && memcmp(body->ptr, "https://", 8) == 0;
}

bool exports_source_resolve(source_string_t *url, source_resolve_options_t *options,
                            source_media_info_t *ret, source_source_error_t *err) {
  char id[LONGEST_ID + 1], api[sizeof API + LONGEST_ID + sizeof "/file"];
  clipmill_plugin_http_response_t answer;
  (void)options;
  bool is_video = video_id(url, id);
  source_string_free(url);
  if (!is_video)
    return clipmill_give_up(err, SOURCE_FAILURE_CODE_UNSUPPORTED_URL, "this is no video");
  strcat(strcat(strcpy(api, API), id), "/file");
  if (!clipmill_get(api, &answer, err)) return false;
  bool is_sound = is_address(&answer.body);
  if (is_sound) {
    clipmill_plugin_types_format_t *format = calloc(1, sizeof *format);
    if (!format) abort();
    format->id = clipmill_text("file");
    format->container = CLIPMILL_PLUGIN_TYPES_CONTAINER_MP4;
    format->video.is_some = true;
    format->audio.is_some = true;
    format->audio.val.preferred = true;
    format->transport.tag = CLIPMILL_PLUGIN_TYPES_TRANSPORT_PROGRESSIVE;
    source_string_dup_n(&format->transport.val.progressive.url, (const char *)answer.body.ptr,
                        answer.body.len);
    *ret = (source_media_info_t){.id = clipmill_text(id), .formats = {format, 1}};
  } else {
    clipmill_retry(err, SOURCE_FAILURE_CODE_SOURCE_FAILED, "the site's answer is no address");
  }
  clipmill_plugin_http_response_free(&answer);
  return is_sound;
}
