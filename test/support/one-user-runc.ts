/** What no container can have in a user namespace with one user: the terminals' group, and control groups. */
const EDIT = `
const fs = require('node:fs');
const file = process.argv[1] + '/config.json';
const spec = JSON.parse(fs.readFileSync(file, 'utf8'));
spec.mounts = spec.mounts
  .filter(({ type }) => type !== 'cgroup')
  .map((mount) => ({ ...mount, options: (mount.options || []).filter((option) => !option.startsWith('gid=')) }));
delete spec.linux.resources;
delete spec.linux.cgroupsPath;
fs.writeFileSync(file, JSON.stringify(spec));
`;

/** Lines of shell that write a runc for containers of others on a machine of the lab, which is such a namespace. */
export function oneUserRunc(path: string): string {
  return `cat >${path}.js <<'END'
${EDIT}
END
cat >${path} <<'END'
#!/bin/sh
for each; do
  [ "$last" != --bundle ] || '${process.execPath}' -e "$(cat "$0.js")" "$each"
  last=$each
done
exec runc "$@"
END
chmod 755 ${path}`;
}
