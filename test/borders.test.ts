import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/**
 * The arrows of docs/architecture.md as a table: a file belongs to the zone with the longest matching path, and
 * may import its own zone and those that `may` names. Whatever is not named is refused.
 */
interface Zone {
  readonly path: string;
  readonly may: readonly string[];
  /** Zones of which only types may be imported. */
  readonly types?: readonly string[];
  /** Pure: no effects, so no `node:` module but node:crypto, for hashing. */
  readonly pure?: true;
}

const WORDS = ['base', 'net', 'model'];
const SHARED = [...WORDS, 'programs', 'store', 'agent-client', 'desired', 'rules'];
const AGENT = [
  'agent-plan',
  'agent-lease',
  'agent-kernel',
  'agent-api',
  'agent-images',
  'agent-containers',
  'agent-exec',
  'agent-logs',
  'agent-inspect',
];

const ZONES: Readonly<Record<string, Zone>> = {
  base: { path: 'shared/src/', may: [], pure: true },
  net: { path: 'shared/src/net/', may: ['base'], pure: true },
  model: { path: 'shared/src/model/', may: ['base', 'net'], pure: true },
  desired: { path: 'shared/src/desired/', may: WORDS, pure: true },
  rules: { path: 'shared/src/rules/', may: [...WORDS, 'desired'], pure: true },
  'agent-client': { path: 'shared/src/agent-client/', may: ['base', 'model'] },
  programs: { path: 'shared/src/programs/', may: ['base'] },
  store: { path: 'shared/src/store/', may: WORDS },
  'agent-plan': { path: 'node-agent/src/plan/', may: [...WORDS, 'desired', 'rules'], pure: true },
  'agent-lease': { path: 'node-agent/src/lease/', may: [...WORDS, 'store'] },
  'agent-kernel': {
    path: 'node-agent/src/kernel/',
    may: [...WORDS, 'programs', 'desired', 'rules', 'agent-plan'],
  },
  /** The frame of the agent's API; what is answered there comes from other zones. */
  'agent-api': { path: 'node-agent/src/api/', may: [...WORDS, 'store', 'agent-client'] },
  'agent-images': {
    path: 'node-agent/src/images/',
    may: [...WORDS, 'programs', 'agent-client', 'agent-api'],
  },
  'agent-containers': {
    path: 'node-agent/src/containers/',
    may: [...WORDS, 'programs', 'agent-kernel', 'agent-images'],
  },
  'agent-exec': { path: 'node-agent/src/exec/', may: [...WORDS, 'agent-api', 'agent-containers'] },
  'agent-logs': { path: 'node-agent/src/logs/', may: [...WORDS, 'agent-api', 'agent-containers'] },
  'agent-inspect': {
    path: 'node-agent/src/inspect/',
    may: [...WORDS, 'programs', 'agent-api', 'agent-containers'],
  },
  agent: { path: 'node-agent/src/', may: [...SHARED, ...AGENT] },
  controller: { path: 'controller/src/', may: [...WORDS, 'programs', 'store', 'agent-client'] },
  svcctl: { path: 'svcctl/src/', may: ['base'], types: ['model'] },
  lab: { path: 'deploy/lab/src/', may: [...WORDS, 'programs'] },
  tests: { path: 'test/', may: [...SHARED, ...AGENT, 'agent', 'controller', 'svcctl', 'lab'] },
};

/** Packages with one door each. */
const DOORS: Readonly<Record<string, string>> = {
  execa: 'shared/src/programs/spawn.ts',
  etcd3: 'shared/src/store/etcd.ts',
  'ip-cidr': 'shared/src/net/cidr.ts',
};

interface Import {
  readonly from: string;
  readonly typeOnly: boolean;
}

const STATIC =
  /^(?:import(\s+type)?\s+(?:[^'";]*?\bfrom\s*)?|export(\s+type)?\s*(?:\*(?:\s*as\s+\w+)?|\{[^}]*\})\s*from\s*)['"]([^'"\n]+)['"]/gm;
const DYNAMIC = /\b(?:import|require)\(\s*['"]([^'"\n]+)['"]/g;
const COMMENT_OR_STRING =
  /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g;

function importsOf(source: string): Import[] {
  const code = source.replace(COMMENT_OR_STRING, (part) => (part.startsWith('/') ? ' ' : part));
  const still = [...code.matchAll(STATIC)].map((m) => ({
    from: m[3] ?? '',
    typeOnly: (m[1] ?? m[2]) !== undefined,
  }));
  return [...still, ...[...code.matchAll(DYNAMIC)].map((m) => ({ from: m[1] ?? '', typeOnly: false }))];
}

/** A test belongs to the zone of what it tests. */
function zoneOf(path: string): string | undefined {
  const tested = path.replace(/\.test\.ts$/, '.ts');
  const matches = Object.entries(ZONES).filter(([, zone]) => tested.startsWith(zone.path));
  return matches.sort(([, a], [, b]) => b.path.length - a.path.length)[0]?.[0];
}

/** The repository path that an import names, or undefined when it is a package or a part of node. */
function targetOf(path: string, from: string): string | undefined {
  if (from.startsWith('.')) return relative('/', resolve('/', dirname(path), from));
  const workspace = /^@causeway\/([^/]+)\/(.+)$/.exec(from);
  if (workspace === null) return undefined;
  return `${workspace[1] === 'lab' ? 'deploy/lab' : workspace[1]}/src/${workspace[2]}.ts`;
}

function edgeFault(path: string, { from, typeOnly }: Import): string | undefined {
  const target = targetOf(path, from);
  if (target === undefined) return undefined;
  if (target.startsWith('dist/')) return `${path} imports a bundle: ${target}`;
  if (path === 'vitest.config.ts') return undefined;
  const [own, other] = [zoneOf(path) ?? '', zoneOf(target) ?? ''];
  const zone = ZONES[own];
  if (zone === undefined) return `${path} is in no zone of this table`;
  if (own === other || zone.may.includes(other) || (typeOnly && zone.types?.includes(other)))
    return undefined;
  // A test stands outside of what it tests: it may use the helpers of the tests, but it opens no new arrow.
  if (path.endsWith('.test.ts') && target.startsWith('test/support/')) return undefined;
  return `${own} may not import ${other || 'this'}: ${path} imports ${target}`;
}

function packageFault(path: string, { from }: Import): string | undefined {
  const name = from.startsWith('@') ? from.split('/').slice(0, 2).join('/') : (from.split('/')[0] ?? '');
  const door = DOORS[name];
  if (door !== undefined && door !== path) return `only ${door} imports ${name}: ${path}`;
  const pure = ZONES[zoneOf(path) ?? '']?.pure === true && !path.endsWith('.test.ts');
  if (pure && from.startsWith('node:') && from !== 'node:crypto') return `${path} is pure: ${from}`;
  return undefined;
}

/** Everything about one file that breaks a border; empty when nothing does. */
function faultsOf(path: string, source: string): string[] {
  return importsOf(source).flatMap((one) =>
    [edgeFault(path, one) ?? [], packageFault(path, one) ?? []].flat(),
  );
}

/** Ways around the type checker. */
function escapesOf(path: string, source: string): string[] {
  const silenced = /@ts-(?:ignore|nocheck|expect-error)/.exec(source);
  const code = source.replace(COMMENT_OR_STRING, (part) => (part.startsWith('/') ? ' ' : "''"));
  // What a test gets back from outside may stay unnamed; the product's code may not.
  const any =
    path.startsWith('test/') || path.endsWith('.test.ts')
      ? null
      : /(?:[:<|&,]|\bas|=>)\s*any\b(?!\s*[:(=])|\bany\[\]/.exec(code);
  return [silenced, any].flatMap((found) => (found === null ? [] : [`${path}: ${found[0]}`]));
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SKIP = new Set(['node_modules', 'dist', '.git', '.vagrant', '.cache']);

function sources(folder = ROOT): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.isDirectory()) return SKIP.has(entry.name) ? [] : sources(join(folder, entry.name));
    return entry.name.endsWith('.ts') ? [relative(ROOT, join(folder, entry.name))] : [];
  });
}

const SELF = relative(ROOT, fileURLToPath(import.meta.url));
const files = sources()
  .filter((path) => path !== SELF)
  .map((path) => ({ path, source: readFileSync(join(ROOT, path), 'utf8') }));

describe('the project', () => {
  it('has imports that point one way', () => {
    expect(files.length).toBeGreaterThan(20);
    expect(files.flatMap(({ path, source }) => faultsOf(path, source))).toEqual([]);
  });

  it('opens each guarded package in one file, which is there', () => {
    const users = (name: string) =>
      files.filter(({ source }) => importsOf(source).some((i) => i.from === name)).map(({ path }) => path);
    for (const [name, door] of Object.entries(DOORS)) expect(users(name)).toEqual([door]);
  });

  it('never works around the type checker', () => {
    expect(files.flatMap(({ path, source }) => escapesOf(path, source))).toEqual([]);
  });

  it('has a lock file that names no download address', () => {
    const lock = readFileSync(join(ROOT, 'package-lock.json'), 'utf8');
    expect(lock.match(/"resolved":\s*"(?:https?|git)[^"]*"/g) ?? []).toEqual([]);
  });
});

describe('the table', () => {
  it('has no circle: a zone never reaches itself', () => {
    const reach = (zone: string, seen: readonly string[]): string[] => {
      if (seen.includes(zone)) return [[...seen, zone].join(' → ')];
      const { may = [], types = [] } = ZONES[zone] ?? {};
      return [...may, ...types].flatMap((next) => reach(next, [...seen, zone]));
    };
    expect(Object.keys(ZONES).flatMap((zone) => reach(zone, []))).toEqual([]);
  });
});

describe('the checker', () => {
  it.each([
    ['shared/src/model/x.ts', "import { s } from '../store/store.ts';"],
    ['shared/src/errors.ts', "import type { N } from './model/node.ts';"],
    ['shared/src/desired/x.ts', "import { r } from '../rules/ruleset.ts';"],
    ['shared/src/rules/nftables/x.ts', "import { run } from '../../programs/run.ts';"],
    ['shared/src/store/x.ts', "import { i } from '../desired/intent.ts';"],
    ['node-agent/src/plan/x.ts', "import { k } from '../kernel/apply.ts';"],
    ['node-agent/src/kernel/x.ts', "import { a } from '../agent.ts';"],
    ['node-agent/src/agent.ts', "import { c } from '@causeway/controller/app';"],
    ['controller/src/app.ts', "import { r } from '@causeway/shared/rules/ruleset';"],
    ['controller/src/app.ts', "import { up } from '../../deploy/lab/src/up.ts';"],
    ['controller/src/app.ts', "import { up } from '@causeway/lab/up';"],
    ['deploy/lab/src/x.ts', "import { a } from '@causeway/node-agent/agent';"],
    ['svcctl/src/x.ts', "import { run } from '@causeway/shared/programs/run';"],
    ['svcctl/src/x.ts', "import { DATAPLANES } from '@causeway/shared/model/dataplane';"],
    ['svcctl/src/x.ts', "export { DATAPLANES } from '@causeway/shared/model/dataplane';"],
    ['test/lab/x.test.ts', "import x from '../../dist/bin/svcctl.cjs';"],
    ['somewhere/x.ts', "import { e } from '../shared/src/errors.ts';"],
    ['node-agent/src/agent.ts', "import { execa } from 'execa';"],
    ['node-agent/src/agent.ts', "import type { Options } from 'execa';"],
    ['controller/src/x.ts', "import {\n  Etcd3,\n} from 'etcd3';"],
    ['shared/src/model/network.ts', "import IPCIDR from 'ip-cidr';"],
    ['shared/src/rules/x.ts', "import { readFileSync } from 'node:fs';"],
    ['shared/src/desired/x.ts', "const fs = await import('node:fs');"],
    ['node-agent/src/plan/x.ts', "const os = require('node:os');"],
    ['shared/src/net/x.ts', "import 'node:process';"],
  ])('refuses in %s: %s', (path, source) => {
    expect(faultsOf(path, `/** A file. */\n${source}\n`)).toHaveLength(1);
  });

  it.each([
    ['shared/src/rules/x.ts', "import { createHash } from 'node:crypto';"],
    ['shared/src/rules/x.test.ts', "import { readFileSync } from 'node:fs';"],
    ['svcctl/src/x.ts', "import type { NodeRecord } from '@causeway/shared/model/node';"],
    ['svcctl/src/x.ts', "import { invalid } from '@causeway/shared/errors';"],
    ['node-agent/src/agent.ts', "import { apply } from './kernel/apply.ts';"],
    ['node-agent/src/plan/x.ts', "// import { k } from '../kernel/apply.ts';"],
    ['node-agent/src/plan/x.ts', "/*\nimport { k } from '../kernel/apply.ts';\n*/"],
    ['shared/src/programs/spawn.ts', "import { execa } from 'execa';"],
    ['shared/src/programs/run.test.ts', "import { run } from './run.ts';"],
  ])('allows in %s: %s', (path, source) => {
    expect(faultsOf(path, `${source}\n`)).toEqual([]);
  });

  it.each([
    'let x: any;',
    'const x = y as any;',
    'const x = new Map<string, any>();',
    'type X = string | any;',
    'let x: any[] = [];',
    '// @ts-ignore',
    '/* @ts-nocheck */',
    '// @ts-expect-error',
  ])('sees the way around the type checker in: %s', (source) => {
    expect(escapesOf('x.ts', source)).toHaveLength(1);
  });

  it.each(["const said = 'as any, any';", '// as any', 'if (company) anyOf(all);', 'const any = 1;'])(
    'lets pass: %s',
    (source) => expect(escapesOf('x.ts', source)).toEqual([]),
  );
});
