// Writes the interface in the form that componentize-qjs can read:
//
//   node wit.mjs ../../wit/0.1.0 wit
//
// It is the same interface. componentize-qjs 0.4 makes broken components of worlds that have types
// of their own which refer to each other ("type not valid to be used as import"), so all types of
// the worlds move into the interface `types`. To the host that makes no difference: component types
// are compared by what is in them.
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [from, to] = process.argv.slice(2);
const files = Object.fromEntries(
  readdirSync(from)
    .filter((name) => name.endsWith('.wit'))
    .map((name) => [name, readFileSync(join(from, name), 'utf8')]),
);

// A type with the comments before it, at the first level of a world.
const TYPE = /(?: {2}\/\/\/.*\n)* {2}(?:record|variant|enum|flags) ([a-z0-9-]+) \{\n(?: {4}.*\n)* {2}\}\n\n?/g;

const moved = [];
for (const name of Object.keys(files)) {
  if (!/^world /m.test(files[name])) continue;
  const names = [];
  const rest = files[name].replace(TYPE, (type, typeName) => {
    moved.push(type.trimEnd());
    names.push(typeName);
    return '';
  });
  const known = names.concat(...[...rest.matchAll(/^ {2}use types\.\{(.*)\};/gm)].map((use) => use[1].split(', ')));
  const used = known.filter((it) => new RegExp(`(?<![a-z0-9-])${it}(?![a-z0-9-])`).test(rest.replace(/^ {2}use .*/gm, '').replace(/^ *\/\/.*/gm, '')));
  files[name] = rest.replace(/^ {2}use types\..*/m, `  use types.{${[...new Set(used)].join(', ')}};`);
}
files['types.wit'] = files['types.wit'].replace(/\}\n$/, `\n${moved.join('\n\n')}\n}\n`);

mkdirSync(to, { recursive: true });
for (const [name, text] of Object.entries(files)) writeFileSync(join(to, name), text);
