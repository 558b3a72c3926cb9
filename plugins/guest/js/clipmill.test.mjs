// Runs in node: `node clipmill.test.mjs`. The imports of the host are left out.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

const source = readFileSync(new URL('clipmill.js', import.meta.url), 'utf8')
  .replace(/^import .*\n/gm, '')
  .replace(/^/, 'const lines = []; const log = { write: (...line) => lines.push(line) };\n')
  .concat('export { lines };');
const { textOf, bytesOf, parseUrl, guarded, giveUp, lines } = await import(
  `data:text/javascript,${encodeURIComponent(source)}`
);

const samples = ['', 'plain', 'ä€😀', '\0\x7f\u0080\u07ff\u0800\uffff', 'x'.repeat(10_000) + '😀'];
for (const text of samples) {
  assert.deepEqual(bytesOf(text), new TextEncoder().encode(text));
  assert.equal(textOf(bytesOf(text)), text);
}
assert.equal(textOf(bytesOf('\ud800')), '\ufffd');
for (const bytes of [[0xff], [0xc3], [0xc0, 0x80], [0xe2, 0x82], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80]]) {
  const text = textOf(Uint8Array.from([0x61, ...bytes, 0x62]));
  assert.match(text, /^a\ufffd+b$/, String(bytes));
}

const parts = parseUrl('https://a.example:81/w//x%20y/%zz?n=1&q=a+b%26&flag&e==#top');
assert.equal(parts.origin, 'https://a.example:81');
assert.equal(parts.host, 'a.example:81');
assert.deepEqual(parts.path, ['w', 'x y', '%zz']);
assert.deepEqual([...parts.query], [['n', '1'], ['q', 'a b&'], ['flag', ''], ['e', '=']]);
assert.deepEqual(parseUrl('http://[::1]:9').path, []);
for (const url of ['ftp://a/', 'https://', 'https://u:p@a.example/', 'data:text/plain,x', '']) {
  assert.equal(parseUrl(url), null, url);
}

const thrown = (what) => {
  const resolve = guarded(() => {
    throw what;
  });
  try {
    resolve('', {});
  } catch (error) {
    return error;
  }
};
const own = giveUp('removed-video', 'gone');
assert.equal(thrown(own), own);
const wrapped = Object.assign(new Error('x'), { payload: { tag: 'timeout', val: 'slow' } });
assert.deepEqual(thrown(wrapped), { tag: 'retry', val: { code: 'source-timeout', message: 'slow' } });
assert.equal(thrown(new TypeError('x is null')).val.code, 'source-failed');
assert.deepEqual(lines, [['warn', 'TypeError: x is null']]);
