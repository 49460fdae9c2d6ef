import { CausewayError } from '@causeway/shared/errors';

/**
 * Waits for an answer whose refusal begins with a field of the API, and lets it begin with what was typed instead.
 *
 * @param flagOf what the person calls a field
 */
export async function named<T>(answer: Promise<T>, flagOf: (field: string) => string): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof CausewayError) || error.field === undefined) throw error;
    const { code, field, message } = error;
    if (!message.startsWith(`${field} `)) throw error;
    const flag = flagOf(field);
    throw new CausewayError(code, `${flag}${message.slice(field.length)}`, { field: flag, cause: error });
  }
}
