/**
 * @file Access to array elements that must exist: a missing one is a bug, thrown where it happens, never a silent 0.
 */

/**
 * The element at `index`.
 * @throws RangeError where there is none
 */
export function at<T>(items: ArrayLike<T>, index: number): T {
  const item = items[index];
  if (item === undefined) throw new RangeError(`there is no element ${index} among ${items.length}`);
  return item;
}

/**
 * The only element.
 * @throws RangeError where there are none or several
 */
export function only<T>(items: ArrayLike<T>): T {
  if (items.length !== 1) throw new RangeError(`one element is expected, and there are ${items.length}`);
  return at(items, 0);
}
