/** @file Closes everything that was opened, the last first, even if some of it fails; throws the first error. */

export interface Closable {
  close(): Promise<void> | void;
}

/** Registers what was opened, so that it will be closed, and returns it. */
export type Opening = <Part extends Closable>(part: Part | Promise<Part>) => Promise<Part>;

export async function closing<T>(work: (opening: Opening) => Promise<T>): Promise<T> {
  const opened: Closable[] = [];
  const errors: unknown[] = [];
  const noted = async <R>(doing: () => Promise<R> | R): Promise<R | undefined> => {
    try {
      return await doing();
    } catch (error) {
      errors.push(error);
      return undefined;
    }
  };
  const opening: Opening = async (part) => {
    const resource = await part;
    opened.push(resource);
    return resource;
  };
  const result = await noted(async () => ({ value: await work(opening) }));
  for (const part of opened.reverse()) await noted(() => part.close());
  if (result === undefined || errors.length > 0) throw errors[0];
  return result.value;
}
