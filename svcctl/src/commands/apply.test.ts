import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { problem, service } from '../support/fake-controller.ts';
import { useSession } from '../support/session.ts';

const { controller, svcctl } = useSession();
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'svcctl-'));
  // What was put is there afterwards; a dry run leaves nothing.
  const held = new Map<string, object>();
  controller.on(({ method, path: asked, query, body }) => {
    const path = method === 'POST' ? `${asked}/${(body as { name: string }).name}` : asked;
    if (method === 'GET' && path.startsWith('/v1/')) {
      const found = held.get(path);
      return found ? { body: found } : problem('not-found', 404, 'there is none');
    }
    const object = { ...(body as object), revision: 7 };
    const before = held.get(path);
    if (!query.dryRun) held.set(path, object);
    return { status: before ? 200 : 201, body: object };
  });
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const WEB = 'kind: Service\nname: web\nvip: 2.2.2.2\nports: [{port: 88}]\n';
const API = 'kind: Service\nname: api\nports:\n  - port: 80\n    nodePort: 30002\n';
const BOX = 'kind: Container\nname: web-1\nhost: host-1\ncommand: [httpd]\nfiles: {}\n';

describe('svcctl apply', () => {
  it('creates, then leaves alone, then changes', async () => {
    const all = file('all.yaml', `${WEB}---\n${API}---\n${BOX}`);
    const say = async (path: string) => (await svcctl(['apply', '-f', path])).stdout;
    expect(await say(all)).toBe('container/web-1 created\nservice/web created\nservice/api created\n');
    expect(await say(all)).toBe('container/web-1 unchanged\nservice/web unchanged\nservice/api unchanged\n');
    expect(await say(file('web.yaml', WEB.replace('88', '89')))).toBe('service/web configured\n');
  });

  it('takes JSON and stdin', async () => {
    const json = file('web.json', '{"kind":"Service","name":"web","ports":[{"port":88}]}');
    expect((await svcctl(['apply', '-f', json])).stdout).toBe('service/web created\n');
    const stdin = async () => API;
    expect((await svcctl(['apply', '-f', '-'], { stdin })).stdout).toBe('service/api created\n');
  });

  it('takes back what get prints, one object or a list', async () => {
    controller.answer('GET', '/v1/services/web', { body: service('web') });
    controller.list('/v1/services', [
      service('web'),
      service('api', { vips: ['2.2.2.3'], ports: [{ port: 1 }] }),
    ]);
    for (const what of [['service', 'web'], ['services']]) {
      const { stdout: yaml } = await svcctl(['get', ...what, '-o', 'yaml']);
      expect((await svcctl(['apply', '-f', '-'], { stdin: async () => yaml })).code).toBe(0);
    }
    const body = controller.asked.findLast(({ method }) => method === 'PUT')?.body;
    expect(body).toEqual({
      name: 'api',
      vip: ['2.2.2.3'],
      families: ['ipv4'],
      ports: [{ port: 1 }],
      endpoints: [{ to: '10.10.1.2:12345' }, { to: '10.10.2.2:12345' }],
    });
  });

  it('takes back a service that has no VIP, also as older controllers showed it', async () => {
    for (const shown of ['vips: []\n', '']) {
      const text = `${WEB.replace('vip: 2.2.2.2\n', shown)}createdAt: "2026-01-01T00:00:00Z"\n`;
      expect((await svcctl(['apply', '-f', file('none.yaml', text)])).code).toBe(0);
      const body = controller.asked.findLast(({ method }) => method === 'PUT')?.body;
      expect(body).toEqual({ name: 'web', vip: 'none', ports: [{ port: 88 }] });
    }
  });

  it('writes workloads before the services that name them, and replaces them', async () => {
    const db = 'kind: Workload\nname: db-1\naddresses: [203.0.113.8]\nlabels: {app: db}\n';
    const service = `${WEB}endpoints: [{to: db-1, weight: 3}, 'db-1:80']\n`;
    const both = file('both.yaml', `${service}---\n${db}`);
    expect((await svcctl(['apply', '-f', both])).stdout).toBe('workload/db-1 created\nservice/web created\n');
    const [rehearsed, written] = controller.asked
      .filter(({ path }) => path === '/v1/services/web')
      .filter(({ method }) => method === 'PUT');
    expect(rehearsed?.body).toMatchObject({ endpoints: [] });
    expect(written?.body).toMatchObject({ endpoints: [{ to: 'db-1', weight: 3 }, 'db-1:80'] });
    const moved = file('moved.yaml', db.replace('113.8', '113.9'));
    expect((await svcctl(['apply', '-f', moved])).stdout).toBe('workload/db-1 configured\n');
    expect(controller.writes().at(-1)).toBe('PUT /v1/workloads/db-1');
  });

  it('changes nothing when one of the objects is bad', async () => {
    controller.on(({ method, path }) =>
      method === 'PUT' && path === '/v1/services/api'
        ? problem('invalid', 422, 'ports[0].nodePort 30002 is in use')
        : undefined,
    );
    const all = file('all.yaml', `${WEB}---\n${BOX}---\n${API}`);
    const { code, stdout, stderr } = await svcctl(['apply', '-f', all]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toBe(
      `svcctl: file ${JSON.stringify(all)}, document 3 (line 12): ports[0].nodePort 30002 is in use\n`,
    );
    expect(controller.writes().filter((write) => !write.endsWith('?dryRun'))).toEqual([]);
  });

  it('takes a service together with the container that it points to', async () => {
    controller.on(({ method, path, query, body }) =>
      method === 'PUT' && query.dryRun && JSON.stringify(body).includes('web-1')
        ? problem('invalid', 422, `${path}: there is no container "web-1"`)
        : undefined,
    );
    const pair = file('pair.yaml', `${WEB}endpoints: [web-1, 'web-1:80', '10.10.1.2:80']\n---\n${BOX}`);
    expect((await svcctl(['apply', '-f', pair])).stdout).toBe(
      'container/web-1 created\nservice/web created\n',
    );
    const sent = controller.asked.filter(({ method }) => method === 'PUT').map(({ body }) => body);
    expect(sent).toEqual([
      expect.objectContaining({ endpoints: ['10.10.1.2:80'] }),
      expect.objectContaining({ endpoints: ['web-1', 'web-1:80', '10.10.1.2:80'] }),
    ]);
  });

  it('changes nothing on a dry run', async () => {
    const { stdout } = await svcctl(['apply', '--dry-run', '-f', file('web.yaml', WEB)]);
    expect(stdout).toBe('service/web created (dry run)\n');
    expect(new Set(controller.writes())).toEqual(new Set(['PUT /v1/services/web?dryRun']));
  });

  it('says what was not applied when a write fails after all', async () => {
    controller.on(({ method, path, query }) =>
      method === 'PUT' && path === '/v1/services/web' && !query.dryRun
        ? problem('conflict', 409, 'somebody was faster')
        : undefined,
    );
    const all = file('all.yaml', `${BOX}---\n${WEB}---\n${API}`);
    const { code, stdout, stderr } = await svcctl(['apply', '-f', all]);
    expect([code, stdout]).toEqual([4, 'container/web-1 created\n']);
    expect(stderr).toMatch(
      /^svcctl: service\/api was not applied\nsvcctl: .*document 2 .*somebody was faster\n$/,
    );
  });

  it.each([
    ['bad.yaml', 'kind: Service\nname: [web\n', /line 3, column 1 is not valid YAML: /],
    ['tab.yaml', 'kind: Service\n\tname: web\n', /line 2, column 1 is not valid YAML: /],
    ['tag.yaml', 'kind: !!js/function x\n', /line 1, column 7 is not valid YAML: Unresolved tag/],
    ['twice.yaml', 'kind: Service\nkind: Service\n', /line 2, column 1 is not valid YAML: .*unique/],
    ['alias.yaml', 'kind: *nothing\n', /Unresolved alias/],
    ['keys.yaml', `${WEB}? [a, b]\n: 1\n`, /line 5, column 3 is not valid YAML: .*keys must be strings/],
    ['deep.yaml', `${WEB}x: ${'['.repeat(20_000)}${']'.repeat(20_000)}`, /YAML: it is nested too deeply/],
    [
      'deep3.yaml',
      `${WEB}x: ${'['.repeat(60)}${']'.repeat(60)}`,
      /\(line 1\) is nested deeper than 50 levels/,
    ],
    ['circle.yaml', '&x [*x]\n', /document 1 \(line 1\) is nested deeper than 50 levels/],
    ['circles.yaml', 'kind: Service\nname: web\nports: &p [{port: *p}]\n', /is nested deeper than 50 levels/],
    ['nan.yaml', WEB.replace('88', '.nan'), /: ports\[0\]\.port NaN is not a number that JSON can carry/],
    ['inf.yaml', WEB.replace('88', '-.inf'), /: ports\[0\]\.port -Infinity is not a number/],
    [
      'deep.json',
      `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
      /deep\.json" is nested deeper than 50 levels/,
    ],
    [
      'huge.json',
      '{"kind":"Service","name":"web","ports":[{"port":1e400}]}',
      /port Infinity is not a number/,
    ],
    [
      'twice.json',
      '{\n  "vip": "2.2.2.2",\n  "vip": "2.2.2.3"\n}',
      /line 3, column 3 is not valid JSON: a key/,
    ],
    ['bad.json', '{\n  "kind": "Service",,\n}', /line 2, column 21 is not valid JSON: /],
    ['cut.json', '{\n  "kind":', /line 2, column 10 is not valid JSON: Unexpected end/],
    ['list.yaml', '- a\n- b\n', /document 1 \(line 1\) is \["a","b"\], not an object with kind and name/],
    ['empty.yaml', '---\n# nothing\n---\n', /empty\.yaml" holds no object/],
    [
      'kind.yaml',
      `${WEB}---\nkind: Pod\nname: x\n`,
      /document 2 \(line 6\): kind "Pod" is not Service, Container, Workload or NetworkPolicy/,
    ],
    [
      'nokind.yaml',
      'name: x\n',
      /document 1 \(line 1\) has no kind: write kind: Service, Container, Workload or NetworkPolicy/,
    ],
    ['noname.yaml', 'kind: Service\n', /has no name/],
    ['number.yaml', 'kind: Service\nname: 7\n', /name 7 is not text/],
    ['name.yaml', 'kind: Service\nname: "a b"\n', /name "a b" is not a name: 1 to 63/],
    [
      'same.yaml',
      `${WEB}---\n${WEB}`,
      /document 2 \(line 6\): Service "web" is in .*document 1 \(line 1\) already/,
    ],
    ['vips.yaml', `${WEB}vips: [2.2.2.3]\n`, /\(line 1\) has both vip and vips: one of them is enough/],
    [
      'names.yaml',
      `${BOX}---\nkind: Workload\nname: web-1\naddresses: [203.0.113.8]\n`,
      /document 2 \(line 7\): name "web-1" is in .*document 1 \(line 1\) already/,
    ],
    [
      'lists.yaml',
      `kind: Service\nname: a\nvip: [2.2.2.2, auto]\nports: [{port: 1}]\n---\n${WEB}`,
      /: vip "2\.2\.2\.2" is in .*document 1/,
    ],
    ['ports.yaml', `${API}---\n${API.replace('api', 'b')}`, /nodePort 30002\/"tcp" is in .*document 1/],
  ])('refuses %s in one sentence, and asks nobody', async (name, text, sentence) => {
    const { code, stdout, stderr } = await svcctl(['apply', '-f', file(name, text)]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(sentence);
    expect(stderr).toContain(name);
    expect(stderr.match(/\n/g)).toHaveLength(1);
    expect(controller.asked).toEqual([]);
  });

  it('says that a file is not there', async () => {
    const { code, stderr } = await svcctl(['apply', '-f', '/nonexistent/x.yaml']);
    expect([code, stderr]).toEqual([2, 'svcctl: file "/nonexistent/x.yaml" does not exist\n']);
  });
});
