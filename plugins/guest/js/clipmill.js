// Short ways to write a source in JavaScript.
//
// The engine is QuickJS: the language is all there, the web is not. There is no `fetch`, `URL`,
// `TextDecoder`, `console` or `setTimeout`; what takes their place is here and in the imports
// `clipmill:plugin/{http,log,clock,settings,cache}@0.1.0`.
import http from 'clipmill:plugin/http@0.1.0';
import log from 'clipmill:plugin/log@0.1.0';

/** An error of `resolve`: the answer will be the same again. */
export const giveUp = (code, message) => ({ tag: 'give-up', val: { code, message } });

/** An error of `resolve`: later may do. */
export const retry = (code, message) => ({ tag: 'retry', val: { code, message } });

/** An error of `resolve`: not before so many seconds have passed. */
export const retryAfter = (code, message, seconds) => ({
  tag: 'retry-after',
  val: [{ code, message }, seconds],
});

/**
 * A `resolve` that never breaks down: what `resolve` throws of the above is its error, and anything
 * else becomes one. Without it an exception of JavaScript counts as a crash of the plugin.
 */
export const guarded = (resolve) => (url, options) => {
  try {
    return resolve(url, options);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    // Errors of imports come wrapped.
    if (error.payload?.tag) throw ofHttp(error.payload);
    log.write('warn', `${error.name}: ${error.message}`);
    throw giveUp('source-failed', 'the plugin stumbled over the answer; its log says how');
  }
};

const ofHttp = ({ tag, val }) => {
  if (tag === 'timeout') return retry('source-timeout', val);
  if (tag === 'unreachable') return retry('source-unreachable', val);
  if (tag === 'exhausted') return retry('source-failed', val);
  return giveUp('source-failed', val);
};

/** Fetches an address; throws unless its status says that all is well. */
export function get(url, headers = {}) {
  const list = Object.entries(headers).map(([name, value]) => ({ name, value }));
  const answer = http.send({ method: 'get', url, headers: list, body: [] });
  const { status } = answer;
  if (status >= 200 && status < 300) return answer;
  if (status === 401 || status === 403) throw giveUp('private-video', 'the site does not show it to us');
  if (status === 404 || status === 410) throw giveUp('removed-video', 'the site has nothing there');
  if (status === 451) throw giveUp('geo-blocked', 'the site may not show it here');
  if (status === 429) throw retry('rate-limited', 'the site wants a pause');
  if (status === 408 || status === 425 || status >= 500) throw retry('source-unreachable', 'the site is in trouble');
  throw giveUp('source-failed', `the site refuses (HTTP ${status})`);
}

/** Fetches an address and parses what comes as JSON. */
export function getJson(url) {
  const body = textOf(get(url, { accept: 'application/json' }).body);
  try {
    return JSON.parse(body);
  } catch {
    throw retry('source-failed', "the site's answer makes no sense");
  }
}

/** The text that bytes of UTF-8 mean; what is not UTF-8 is replaced. */
export function textOf(bytes) {
  const parts = [];
  let part = '';
  for (let at = 0; at < bytes.length; ) {
    const [code, length] = codeAt(bytes, at);
    part += String.fromCodePoint(code);
    at += length;
    if (part.length > 4096) {
      parts.push(part);
      part = '';
    }
  }
  return parts.join('') + part;
}

// A character and how many bytes it has.
function codeAt(bytes, at) {
  const first = bytes[at];
  if (first < 0x80) return [first, 1];
  const length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  let code = first & (0x7f >> length);
  for (let n = 1; n < length; n++) {
    const byte = bytes[at + n];
    if (byte === undefined || (byte & 0xc0) !== 0x80) return [0xfffd, 1];
    code = (code << 6) | (byte & 0x3f);
  }
  const least = [0, 0, 0x80, 0x800, 0x10000][length];
  const isSound = length && code >= least && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  return isSound ? [code, length] : [0xfffd, 1];
}

/** The bytes of a text as UTF-8, for bodies and the cache. */
export const bytesOf = (text) =>
  Uint8Array.from(
    encodeURIComponent(text.toWellFormed()).match(/%..|[^]/g) ?? [],
    (part) => (part.length === 3 ? parseInt(part.slice(1), 16) : part.charCodeAt(0)),
  );

/**
 * The parts of an http or https address: `{ origin, host, path, query }`, where `path` is an array
 * of decoded segments and `query` a Map. Null for other addresses.
 */
export function parseUrl(url) {
  const match = /^(https?:\/\/([^/?#@]+))(?=[/?#]|$)(\/[^?#]*)?(?:\?([^#]*))?/.exec(url);
  if (!match) return null;
  const [, origin, host, path = '/', query = ''] = match;
  const pairs = query
    .split('&')
    .filter((pair) => pair)
    .map((pair) => pair.split(/=(.*)/s))
    .map(([key, value = '']) => [decode(key), decode(value.replaceAll('+', ' '))]);
  return { origin, host, path: path.split('/').filter((part) => part).map(decode), query: new Map(pairs) };
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A format that is one file; `more` has what else is known of it. */
export const progressive = (id, container, url, more = {}) => ({
  id,
  container,
  video: {},
  audio: { preferred: true },
  bitrate: null,
  size: null,
  transport: { tag: 'progressive', val: { url, headers: [] } },
  ...more,
});
