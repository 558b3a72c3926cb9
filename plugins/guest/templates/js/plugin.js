// Videos on example.org: https://example.org/videos/ID.
import log from 'clipmill:plugin/log@0.1.0';
import { get, giveUp, guarded, parseUrl, progressive, retry, textOf } from './clipmill.js';

export const describe = () => ({ name: '{{name}}', version: '0.1.0' });

export const claims = (url) => videoId(url) !== null;

export const resolve = guarded((url) => {
  const id = videoId(url);
  if (!id) throw giveUp('unsupported-url', 'this is no video');
  // The answer is the address of the file, and nothing else.
  const answer = get(`https://example.org/api/videos/${encodeURIComponent(id)}/file`);
  const file = textOf(answer.body).trim();
  if (!file.startsWith('https://')) throw retry('source-failed', "the site's answer is no address");
  log.write('debug', `${id} is at ${file}`);
  return {
    id,
    title: null,
    duration: null,
    live: { tag: 'no' },
    formats: [progressive('file', 'mp4', file)],
    expiresAt: null,
  };
});

// The id in https://example.org/videos/ID.
function videoId(url) {
  const { host, path } = parseUrl(url) ?? {};
  return host === 'example.org' && path.length === 2 && path[0] === 'videos' ? path[1] : null;
}
