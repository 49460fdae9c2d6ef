import { z } from 'zod';
import { show } from '../errors.ts';

/** Most labels of one container, workload or selector. */
export const MAX_LABELS = 32;
/** Characters of a label's key, and of its value. */
const MAX_KEY = 128;
const MAX_VALUE = 63;
/** Kubernetes' alphabet; `/` in keys divides a domain from a name, and is asked for no more than the other signs. */
const KEY = /^[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?$/;
const VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/;

const LABELS_ERROR = 'is not an object of labels such as {"app":"web"}';
const VALUE_ERROR = `is not a label's value: at most ${MAX_VALUE} letters, digits and "-", "_", "." are allowed, with a letter or digit at both ends`;
const KEY_REASON = `which is not a label's key: at most ${MAX_KEY} letters, digits and "-", "_", ".", "/" are allowed, with a letter or digit at both ends`;

/** What a container or a workload carries, and services select by: texts by key. */
export const labelsSchema = z
  .record(
    z.string(),
    z
      .string({ error: VALUE_ERROR })
      .max(MAX_VALUE, { error: VALUE_ERROR })
      .regex(VALUE, { error: VALUE_ERROR }),
    { error: LABELS_ERROR },
  )
  .superRefine((labels, context) => {
    const wrong = Object.keys(labels).find((key) => key.length > MAX_KEY || !KEY.test(key));
    if (wrong !== undefined)
      context.addIssue({ code: 'custom', message: `has ${show(wrong)}, ${KEY_REASON}` });
    if (Object.keys(labels).length > MAX_LABELS)
      context.addIssue({ code: 'custom', message: `has more than ${MAX_LABELS} labels` });
  });

/** Labels that a service asks for. None would select everything there is, which nobody means. */
export const selectorSchema = labelsSchema.refine((labels) => Object.keys(labels).length > 0, {
  error: 'is empty, and would select every container and workload: name a label at least',
});
