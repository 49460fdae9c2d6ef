import { z } from 'zod';

const line = z.object({
  text: z.string(),
  ours: z.boolean().describe('Causeway made it, or set it.'),
});

const section = z.object({
  title: z.string().describe('`links`, `addresses`, `routes`, …'),
  lines: z.array(line).readonly(),
  fault: z.string().optional().describe('Why there are none, where that could not be found out.'),
});

export const netStackSchema = z
  .object({
    of: z.string().describe('`host-1`, or `container web on host-1`.'),
    sections: z.array(section).readonly(),
  })
  .meta({ id: 'NetStack' });
