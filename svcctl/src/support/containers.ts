/** A container as the controller answers it. */
export const box = (name: string, changes: object = {}) => ({
  ...{ name, host: 'host-1', command: ['httpd', '-f'], files: {}, revision: 5 },
  status: { name, host: 'host-1', state: 'running', address: '10.10.1.2', revision: 6 },
  ...changes,
});

/** What its host says of it. */
export const status = (state: string, more: object = {}) => ({
  status: { name: 'web-1', host: 'host-1', state, revision: 6, ...more },
});
