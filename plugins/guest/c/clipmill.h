// Short ways to write a source in C. Include it after `source.h`; everything is static, so there is
// nothing to link. Memory: what is returned to the host, or freed with a `..._free` of `source.h`,
// comes from malloc. There is no stdio: it would drag in files, which the host doesn't offer.
#ifndef CLIPMILL_H
#define CLIPMILL_H

#include <stdlib.h>
#include <string.h>

#include "source.h"

// A copy of a text that ends in NUL. It has to be UTF-8: the host drops a call that returns anything
// else.
static inline source_string_t clipmill_text(const char *text) {
  source_string_t copy;
  source_string_dup(&copy, text);
  return copy;
}

// Writes one line to the daemon's log. `level` is CLIPMILL_PLUGIN_LOG_LEVEL_DEBUG, ..._INFO or
// ..._WARN.
static inline void clipmill_log(clipmill_plugin_log_level_t level, const char *text) {
  source_string_t line;
  source_string_set(&line, text);
  clipmill_plugin_log_write(level, &line);
}

// Fills in an error: the answer will be the same again. `code` is one of SOURCE_FAILURE_CODE_...,
// `message` is one line for people. Returns false, so that `resolve` can return it.
static inline bool clipmill_give_up(source_source_error_t *error, source_failure_code_t code,
                                    const char *message) {
  error->tag = SOURCE_SOURCE_ERROR_GIVE_UP;
  error->val.give_up.code = code;
  error->val.give_up.message = clipmill_text(message);
  return false;
}

// Fills in an error: later may do.
static inline bool clipmill_retry(source_source_error_t *error, source_failure_code_t code,
                                  const char *message) {
  error->tag = SOURCE_SOURCE_ERROR_RETRY;
  error->val.retry.code = code;
  error->val.retry.message = clipmill_text(message);
  return false;
}

// Fetches an address that ends in NUL. True: `answer` is there, with a status that says that all is
// well; free it with `clipmill_plugin_http_response_free`. False: `error` says what is wrong.
static inline bool clipmill_get(const char *url, clipmill_plugin_http_response_t *answer,
                                source_source_error_t *error) {
  clipmill_plugin_http_request_t request = {.method = CLIPMILL_PLUGIN_HTTP_METHOD_GET};
  clipmill_plugin_http_http_error_t failure;
  source_string_set(&request.url, url);
  if (!clipmill_plugin_http_send(&request, answer, &failure)) {
    // Every case has a text.
    source_failure_t why = {SOURCE_FAILURE_CODE_SOURCE_FAILED, failure.val.refused};
    error->tag = SOURCE_SOURCE_ERROR_RETRY;
    switch (failure.tag) {
      case CLIPMILL_PLUGIN_HTTP_HTTP_ERROR_TIMEOUT:
        why.code = SOURCE_FAILURE_CODE_SOURCE_TIMEOUT;
        break;
      case CLIPMILL_PLUGIN_HTTP_HTTP_ERROR_UNREACHABLE:
        why.code = SOURCE_FAILURE_CODE_SOURCE_UNREACHABLE;
        break;
      case CLIPMILL_PLUGIN_HTTP_HTTP_ERROR_EXHAUSTED:
        break;
      default:
        error->tag = SOURCE_SOURCE_ERROR_GIVE_UP;
    }
    error->val.give_up = why;
    return false;
  }
  unsigned status = answer->status;
  if (status >= 200 && status < 300) return true;
  clipmill_plugin_http_response_free(answer);
  if (status == 401 || status == 403)
    return clipmill_give_up(error, SOURCE_FAILURE_CODE_PRIVATE_VIDEO, "the site does not show it to us");
  if (status == 404 || status == 410)
    return clipmill_give_up(error, SOURCE_FAILURE_CODE_REMOVED_VIDEO, "the site has nothing there");
  if (status == 451)
    return clipmill_give_up(error, SOURCE_FAILURE_CODE_GEO_BLOCKED, "the site may not show it here");
  if (status == 429)
    return clipmill_retry(error, SOURCE_FAILURE_CODE_RATE_LIMITED, "the site wants a pause");
  if (status == 408 || status == 425 || status >= 500)
    return clipmill_retry(error, SOURCE_FAILURE_CODE_SOURCE_UNREACHABLE, "the site is in trouble");
  return clipmill_give_up(error, SOURCE_FAILURE_CODE_SOURCE_FAILED, "the site refuses");
}

#endif
