// Films and sound at the Internet Archive: https://archive.org/details/ITEM, or
// https://archive.org/details/ITEM/FILE for one of many files.
//
// Settings: `base` is the address of a mirror; it is then the only one that is claimed.
import settings from 'clipmill:plugin/settings@0.1.0';
import { getJson, giveUp, guarded, parseUrl, progressive } from '../../../plugins/guest/js/clipmill.js';

const HOME = 'https://archive.org';

// By the end of the name: container, and whether there is a picture.
const KINDS = {
  mp4: ['mp4', true],
  m4v: ['mp4', true],
  mov: ['mp4', true],
  webm: ['webm', true],
  mkv: ['mkv', true],
  ts: ['ts', true],
  mpeg: ['other', true],
  mpg: ['other', true],
  avi: ['other', true],
  ogv: ['other', true],
  m4a: ['mp4', false],
  mp3: ['other', false],
  ogg: ['other', false],
  opus: ['other', false],
  flac: ['other', false],
  wav: ['other', false],
};

const MOST_FORMATS = 256;

export const describe = () => ({ name: 'archive', version: '0.1.0' });

export const claims = (url) => find(url) !== null;

export const resolve = guarded((url) => {
  const page = find(url);
  if (!page) throw giveUp('unsupported-url', 'this is no item of the archive');
  const { base, item, file } = page;
  const answer = getJson(`${base}/metadata/${encodeURIComponent(item)}`);
  if (!answer || !Array.isArray(answer.files)) {
    throw giveUp('removed-video', 'the archive has no such item');
  }
  if (answer.metadata?.['access-restricted-item'] === 'true') {
    throw giveUp('private-video', 'the archive lends this item to members only');
  }
  const chosen = choose(answer.files.filter(isPlayable), file);
  if (!chosen.length) throw giveUp('removed-video', 'the item has nothing to be seen or heard');
  const title = answer.metadata?.title;
  return {
    id: file ? `${item}/${file}`.slice(0, 128) : item,
    title: Array.isArray(title) ? String(title[0]) : title == null ? null : String(title),
    duration: chosen.map((it) => seconds(it.length)).find((it) => it) ?? null,
    live: { tag: 'no' },
    formats: chosen.slice(0, MOST_FORMATS).map((it, n) => format(base, item, it, n)),
    expiresAt: null,
  };
});

// What an address means; null if it is nothing to us.
function find(url) {
  const base = settings.get('base')?.replace(/\/+$/, '');
  const page = parseUrl(url);
  if (!page || page.path[0] !== 'details' || !/^[\w.-]{1,100}$/.test(page.path[1] ?? '')) return null;
  const isOurs = base
    ? parseUrl(base)?.host === page.host
    : page.host === 'archive.org' || page.host === 'www.archive.org';
  if (!isOurs) return null;
  return { base: base ?? HOME, item: page.path[1], file: page.path.slice(2).join('/') };
}

function kindOf(file) {
  const end = /\.([a-z0-9]+)$/i.exec(file.name)?.[1].toLowerCase() ?? '';
  return Object.hasOwn(KINDS, end) ? KINDS[end] : null;
}

const isPlayable = (file) =>
  typeof file?.name === 'string' && file.private !== 'true' && kindOf(file) !== null;

// An item can have many films, and each of them in many forms: the one that is asked for, else the
// first film, else the first sound.
function choose(files, name) {
  const originals = files.filter((file) => file.source === 'original');
  const originalOf = (file) =>
    file.source === 'original' ? file.name : file.original ?? originals[0]?.name;
  const first = name
    ? files.find((file) => file.name === name)
    : files.find((file) => kindOf(file)[1]) ?? files[0];
  if (!first) return [];
  const forms = files.filter((file) => originalOf(file) === originalOf(first));
  return [...new Map(forms.map((file) => [file.name, file])).values()];
}

function format(base, item, file, n) {
  const [container, hasPicture] = kindOf(file);
  const path = file.name.split('/').map(encodeURIComponent).join('/');
  const id = /^[^\p{Cc}]{1,64}$/u.test(file.name) ? file.name : `file-${n + 1}`;
  return progressive(id, container, `${base}/download/${encodeURIComponent(item)}/${path}`, {
    video: hasPicture ? { width: whole(file.width, 65535), height: whole(file.height, 65535) } : null,
    size: whole(file.size),
  });
}

// A whole number above 0; the API writes numbers as text. The host takes what makes no sense for a
// mistake of the plugin.
function whole(text, most = Number.MAX_SAFE_INTEGER) {
  const number = Number(text);
  return Number.isInteger(number) && number > 0 && number <= most ? number : null;
}

// `12.5`, `1:02` or `1:02:03`.
function seconds(text) {
  const sum = String(text ?? '')
    .split(':')
    .reduce((total, part) => total * 60 + Number(part), 0);
  return Number.isFinite(sum) && sum > 0 ? sum : null;
}
