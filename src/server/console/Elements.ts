/**
 * The elements of the page, by their ids.
 *
 * @since 0.1.0
 */

/**
 * The element with this id. Throws when the page has none of this type.
 *
 * @category accessors
 * @since 0.1.0
 */
export const find = <E extends Element>(id: string, type: new() => E): E => {
  const node = document.getElementById(id)
  if (node instanceof type) return node
  throw new Error(`The page has no #${id}.`)
}

/**
 * @category accessors
 * @since 0.1.0
 */
export const button = (id: string): HTMLButtonElement => find(id, HTMLButtonElement)

/**
 * @category accessors
 * @since 0.1.0
 */
export const html = (id: string): HTMLElement => find(id, HTMLElement)
