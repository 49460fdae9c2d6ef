import { z } from 'zod';

/** Names of services, ports, containers and hosts: RFC 1123 labels. Nothing in them needs escaping anywhere. */
export const NAME_PATTERN = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
export const NAME_ERROR =
  'is not a name: 1 to 63 lower-case letters, digits and hyphens are allowed, with a letter or digit at both ends';
const PORT_ERROR = 'is not a port: a whole number from 1 to 65535 is needed';

export const nameSchema = z.string({ error: NAME_ERROR }).regex(NAME_PATTERN, { error: NAME_ERROR });

/** A port whose every fault is told by one sentence. */
export const portOr = (error: string) =>
  z.number({ error }).int({ error }).min(1, { error }).max(65535, { error });

export const portSchema = portOr(PORT_ERROR);
