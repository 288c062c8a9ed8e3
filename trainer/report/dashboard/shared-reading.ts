/** @file One reading for all who ask at the same time. */

/**
 * A call waits for the reading under way, which may have missed the last change, and then shares the next one.
 *
 * @throws what its own reading throws, not what the one before it threw
 */
export function sharedReading(read: () => Promise<void>): () => Promise<void> {
  let current: Promise<void> | null = null;
  return async () => {
    await current?.catch(() => undefined);
    current ??= read().finally(() => {
      current = null;
    });
    await current;
  };
}
