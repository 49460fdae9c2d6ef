import { Document, visit } from 'yaml';
import { isUnsafe, safeLines } from './safe.ts';

/**
 * A value as YAML that a terminal shows and obeys none of. Loads the yaml package: import it only when needed.
 */
export function yamlText(value: unknown): string {
  const document = new Document(JSON.parse(JSON.stringify(value)), { aliasDuplicateObjects: false });
  visit(document, {
    Scalar: (_, node) => {
      const { value: text } = node;
      // Inside double quotes the escapes of `safeLines` mean the character itself.
      if (typeof text === 'string' && isUnsafe(text.replaceAll('\n', ''))) node.type = 'QUOTE_DOUBLE';
    },
  });
  return safeLines(document.toString({ lineWidth: 0 }));
}
